"""Signed checkpoints: the text form of a tree's size and root, as C2SP tlog-checkpoint and signed-note define it.

    origin
    size
    base64(root)
    <empty line>
    — key-name base64(key-id || Ed25519 signature)

Parsing is strict: what is read back is byte for byte what would have been written.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from govkernel.domain.merkle import HASH_SIZE
from govkernel.errors import AuditError

MAX_NOTE: Final = 64 * 1024
MAX_SIGNATURES: Final = 16
_ED25519: Final = b"\x01"
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_NAME: Final = re.compile(r"[^\s+]+")


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: what it is called, how many records it has, their Merkle root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def body(self) -> str:
        """The text that is signed, with its final newline."""
        root = base64.b64encode(self.root).decode()
        return "\n".join((self.origin, str(self.size), root, *self.extensions)) + "\n"


@dataclass(frozen=True)
class Verifier:
    """The public key of a log, under the log's name.

    Attributes:
        name: key name; our logs use their origin.
        public: the Ed25519 public key, 32 bytes.
    """

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key ``name+hash+base64``.

        Raises:
            AuditError: ``audit.verifier-key``.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        material = _unbase64(encoded)
        if material is None or len(material) != 33 or material[:1] != _ED25519 or not _NAME.fullmatch(name):
            raise _bad_key("It is not of the form name+hash+base64 with an Ed25519 key.")
        verifier = cls(name, material[1:])
        if verifier.key_id.hex() != key_id:
            raise _bad_key("Its hash is not that of its name and key.")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that name this key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def open(self, note: str) -> Checkpoint:
        """The checkpoint of a signed note, once this key's signature on it is verified.

        Raises:
            AuditError: ``audit.checkpoint-format``, ``audit.checkpoint-signature`` or ``audit.checkpoint-origin``.
        """
        body, signatures = split_note(note)
        mine = [raw[4:] for name, raw in signatures if name == self.name and raw[:4] == self.key_id]
        if not mine or not all(self._verifies(signature, body) for signature in mine):
            raise AuditError(
                "audit.checkpoint-signature",
                f"The checkpoint is not signed by the key of {self.name}.",
                why="A signature does not verify." if mine else "It has no signature of this key.",
                remedy="Compare the verifier key with the one you were given when the log was set up.",
            )
        checkpoint = parse_body(body)
        if checkpoint.origin != self.name:
            raise AuditError(
                "audit.checkpoint-origin",
                f"The checkpoint is of the log {checkpoint.origin!r}, not of {self.name!r}.",
                remedy="Use the checkpoints and the key of one log.",
            )
        return checkpoint

    def _verifies(self, signature: bytes, body: str) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, body.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class CheckpointSigner:
    """Signs the checkpoints of one log.

    Args:
        origin: the log's name: a URL without scheme, no white space and no ``+``.
        key: the log's key.

    Raises:
        AuditError: ``audit.origin``.
    """

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        if not _NAME.fullmatch(origin) or any(ord(char) < 32 for char in origin):
            raise AuditError(
                "audit.origin",
                f"{origin[:80]!r} cannot name a log.",
                why="An origin has no white space and no '+'.",
                remedy="Set [audit] origin to a URL without scheme, such as example.com/audit.",
            )
        self._key = key
        self.verifier = Verifier(origin, key.public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes) -> str:
        """The signed note of the checkpoint of this size and root."""
        body = Checkpoint(self.verifier.name, size, root).body()
        signature = base64.b64encode(self.verifier.key_id + self._key.sign(body.encode())).decode()
        return f"{body}\n— {self.verifier.name} {signature}\n"


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A signed note's text and its signatures as ``(key name, key id || signature)``; nothing is verified.

    Raises:
        AuditError: ``audit.checkpoint-format``.
    """
    if len(note) > MAX_NOTE or any(ord(char) < 32 and char != "\n" for char in note):
        raise _malformed("It is too long or holds control characters.")
    text, separator, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not separator or not text or lines.pop() or not 0 < len(lines) <= MAX_SIGNATURES:
        raise _malformed("It is not a text, an empty line and signature lines.")
    return text + "\n", [_signature(line) for line in lines]


def parse_body(body: str) -> Checkpoint:
    """A checkpoint from the text of a note; proves nothing about who wrote it.

    Raises:
        AuditError: ``audit.checkpoint-format``.
    """
    origin, *rest = body.removesuffix("\n").split("\n")
    if len(rest) < 2 or not origin or not all(rest) or not body.endswith("\n"):
        raise _malformed("It needs an origin, a size and a root, each on its line.")
    size, encoded, *extensions = rest
    root = _unbase64(encoded)
    if not _SIZE.fullmatch(size) or root is None or len(root) != HASH_SIZE:
        raise _malformed("Its size or root is not written as it must be.")
    return Checkpoint(origin, int(size), root, tuple(extensions))


def _signature(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    raw = _unbase64(match.group(2)) if match else None
    if match is None or raw is None or len(raw) < 5:
        raise _malformed("A signature line is not of the form: em dash, key name, base64.")
    return match.group(1), raw


def _unbase64(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def _malformed(why: str) -> AuditError:
    return AuditError(
        "audit.checkpoint-format",
        "The checkpoint cannot be read.",
        why=why,
        remedy="Copy the whole text, from the origin line to the last signature line and its line end.",
    )


def _bad_key(why: str) -> AuditError:
    return AuditError(
        "audit.verifier-key",
        "The verifier key cannot be used.",
        why=why,
        remedy="Use the key as the log prints it.",
    )
