"""The log's Ed25519 key on disk (PEM, mode 0600) and the ways to name its public half."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from govkernel.audit.checkpoint import Verifier
from govkernel.errors import AuditError
from govkernel.files import create_file, read_file

MAX_KEY: Final = 64 * 1024
_PEM: Final = serialization.Encoding.PEM


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """The log's key; a new one, with its public half in ``PATH.pub``, when there is none.

    Raises:
        AuditError: ``audit.key`` when it cannot be read or written or is no Ed25519 key.
    """
    if not path.exists():
        _create(path)
    key = _parse(_read(path), path)
    if not isinstance(key, Ed25519PrivateKey):
        raise _bad(path, "It is a public key, and a log needs its private one.")
    return key


def verifier_for(origin: str, key: Path | bytes | str) -> Verifier:
    """The verifier of a log's checkpoints.

    Args:
        origin: the log's name.
        key: a PEM file or PEM bytes (public, or private: only its public half is used), or the text of a
            verifier key ``name+hash+base64``, as text or as the content of a file.

    Raises:
        AuditError: ``audit.key`` or ``audit.verifier-key``.
    """
    content = _read(key) if isinstance(key, Path) else key.encode() if isinstance(key, str) else key
    source = key if isinstance(key, Path) else Path("the key")
    if b"-----BEGIN" not in content:
        return Verifier.parse(content.decode("utf-8", "replace"))
    parsed = _parse(content, source)
    public = parsed.public_key() if isinstance(parsed, Ed25519PrivateKey) else parsed
    return Verifier(origin, public.public_bytes_raw())


def _create(path: Path) -> None:
    """Write key and public key, so that a reader sees all of the file or none of it."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if create_file(path, secret, 0o600):  # else another process was first: its key is the log's
            create_file(path.with_suffix(".pub"), public, 0o644)
    except OSError as error:
        raise _bad(path, error.strerror or type(error).__name__) from None


def _read(path: Path) -> bytes:
    try:
        return read_file(path, MAX_KEY)
    except OSError as error:
        raise _bad(path, error.strerror or type(error).__name__) from None


def _parse(content: bytes, source: Path) -> Ed25519PrivateKey | Ed25519PublicKey:
    try:
        key = (
            serialization.load_pem_private_key(content, None)
            if b"PRIVATE KEY" in content
            else serialization.load_pem_public_key(content)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _bad(source, f"It is not an unencrypted PEM key ({type(error).__name__}).") from None
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise _bad(source, "It is not an Ed25519 key.")
    return key


def _bad(path: Path, why: str) -> AuditError:
    return AuditError(
        "audit.key",
        f"The audit log's key {str(path)!r} cannot be used.",
        why=why,
        remedy="Check [audit] key in govkernel.toml; a log is continued with the key it was begun with.",
    )
