"""What the vault remembers: in clear for one exchange, sealed for everybody else."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scope:
    """One conversation of one tenant.

    Attributes:
        tenant: whose.
        conversation: keyed hash of its name or beginning, 16 bytes.
        named: the client named it; else it was recognised by how it begins, and others may begin alike.
    """

    tenant: str
    conversation: bytes
    named: bool


@dataclass(frozen=True)
class Entry:
    """A value and what stands for it.

    Attributes:
        label: what the value was found to be.
        value: as it was first written.
        surrogate: what stands for it.
        sent: a client sent the value; else only a model said it, and it is not restored.
    """

    label: str
    value: str = field(repr=False)
    surrogate: str = field(repr=False)
    sent: bool


@dataclass(frozen=True)
class Row:
    """An entry as a store keeps it: keyed hashes to find it by, and a box only its tenant's key opens.

    Attributes:
        tenant, conversation: see :class:`Scope`.
        value_hash, surrogate_hash: 16 bytes each; unique within a conversation.
        series: keyed hash of the label whose names are numbered; empty for a fake.
        number: in the series, from 1; 0 for a fake.
        sent: see :class:`Entry`.
        key_id: of the data key that sealed it, 16 bytes.
        expires_at: seconds since the epoch; from then on the row counts as absent.
        sealed: nonce, ciphertext and tag.
    """

    tenant: str
    conversation: bytes
    value_hash: bytes
    surrogate_hash: bytes
    series: bytes
    number: int
    sent: bool
    key_id: bytes
    expires_at: int
    sealed: bytes


@dataclass(frozen=True)
class WrappedKey:
    """A tenant's keys as a store keeps them.

    Attributes:
        tenant: whose.
        serial: 1, 2, …; the highest seals.
        key_id: follows from the keys, 16 bytes.
        wrapper: id of the key-encryption key.
        wrapped: what it made of the keys.
    """

    tenant: str
    serial: int
    key_id: bytes
    wrapper: str
    wrapped: bytes
