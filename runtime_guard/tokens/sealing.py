"""Seal entries into rows and open them: AES-256-GCM (NIST SP 800-38D), every column of the row authenticated.

Nonces are random, 96 bits; a data key seals far fewer than the 2^32 rows that allows, since a tenant's rows are
bounded and rotation takes a new key.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import replace
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime_guard.tokens.entry import Entry, Row, Scope
from runtime_guard.tokens.errors import tampered
from runtime_guard.tokens.keys import TenantKeys, framed
from runtime_guard.tokens.normal import normal

NONCE: Final = 12
BLOCK: Final = 64
"""The content of a box is padded to a multiple of this, so that its length tells little."""

_LABEL: Final = b"govkernel vault entry 1"


def scope_of(keys: TenantKeys, name: str, beginning: str = "") -> Scope:
    """The conversation with a name, or, if it has none, with a beginning."""
    parts = ("named", name) if name else ("begun", beginning)
    return Scope(keys.tenant, keys.digest(b"conversation", *parts), bool(name))


def value_hash(keys: TenantKeys, scope: Scope, label: str, value: str) -> bytes:
    """By which a value is found in a conversation."""
    return keys.digest(b"value", scope.conversation, normal(label, value))


def surrogate_hash(keys: TenantKeys, scope: Scope, surrogate: str) -> bytes:
    """By which a surrogate is found in a conversation."""
    return keys.digest(b"surrogate", scope.conversation, surrogate.casefold())


def sealed(
    keys: TenantKeys, scope: Scope, entry: Entry, expires_at: int, *, series: bytes = b"", number: int = 0
) -> Row:
    """An entry as a row, in a box of its own under a fresh nonce."""
    row = Row(
        tenant=scope.tenant,
        conversation=scope.conversation,
        value_hash=value_hash(keys, scope, entry.label, entry.value),
        surrogate_hash=surrogate_hash(keys, scope, entry.surrogate),
        series=series,
        number=number,
        sent=entry.sent,
        key_id=keys.key_id,
        expires_at=expires_at,
        sealed=b"",
    )
    return _box(keys, row, json.dumps([entry.label, entry.value, entry.surrogate]).encode())


def resealed(keys: TenantKeys, row: Row, *, sent: bool, expires_at: int) -> Row:
    """The same entry in a new box, under the newest key.

    Raises:
        VaultError: ``vault.tampered``.
    """
    content = _content(keys, row)
    return _box(keys, replace(row, sent=sent, expires_at=expires_at, key_id=keys.key_id), content)


def opened(keys: TenantKeys, scope: Scope, row: Row) -> Entry:
    """The entry in a row.

    Raises:
        VaultError: ``vault.tampered``: the row, or what is in it, is not what was written for this conversation.
    """
    content: Any = json.loads(_content(keys, row))
    label, value, surrogate = content
    wanted = (value_hash(keys, scope, label, value), surrogate_hash(keys, scope, surrogate))
    if not hmac.compare_digest(b"".join(wanted), row.value_hash + row.surrogate_hash):
        raise tampered("It stands in a place that is not its own.")
    return Entry(label, value, surrogate, row.sent)


def _box(keys: TenantKeys, row: Row, content: bytes) -> Row:
    nonce = os.urandom(NONCE)
    padded = content.ljust(-(-len(content) // BLOCK) * BLOCK)
    box = AESGCM(keys.data[row.key_id]).encrypt(nonce, padded, _bound(row))
    return replace(row, sealed=nonce + box)


def _content(keys: TenantKeys, row: Row) -> bytes:
    key = keys.data.get(row.key_id)
    if key is None:
        raise tampered("The key that sealed it is gone.")
    try:
        return AESGCM(key).decrypt(row.sealed[:NONCE], row.sealed[NONCE:], _bound(row)).rstrip()
    except (InvalidTag, ValueError):
        raise tampered("Its seal is broken.") from None


def _bound(row: Row) -> bytes:
    """Everything of a row that is not in the box, as associated data."""
    numbers = f"{row.number} {row.sent:d} {row.expires_at}"
    hashes = (row.value_hash, row.surrogate_hash, row.series, row.key_id)
    return framed(_LABEL, row.tenant, row.conversation, *hashes, numbers)
