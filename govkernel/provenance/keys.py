"""Keys: make, keep, load; sign with P-256, P-384 or Ed25519 (FIPS 186-5, RFC 8032), verify with public ones.

A key is known by its id: SHA-256, in hex, of the DER form of its SubjectPublicKeyInfo.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from govkernel.errors import ConfigError
from govkernel.files import read_file
from govkernel.provenance.limits import MAX_KEY_FILE

ALGORITHMS: Final = ("ecdsa-p256", "ecdsa-p384", "ed25519")
"""What :meth:`LocalKey.generate` can make. OMS signatures that model-signing can read need an ECDSA key."""

_CURVES: Final[dict[str, tuple[str, hashes.HashAlgorithm]]] = {
    "secp256r1": ("ecdsa-p256", hashes.SHA256()),
    "secp384r1": ("ecdsa-p384", hashes.SHA384()),
}
_Public = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies.

    Attributes:
        key_id: SHA-256 hex of its SubjectPublicKeyInfo DER.
        pem: PEM SubjectPublicKeyInfo.
        algorithm: one of :data:`ALGORITHMS`.
    """

    key_id: str
    pem: bytes
    algorithm: str
    _key: _Public

    @classmethod
    def from_pem(cls, pem: bytes, source: str = "the key") -> Self:
        """Read PEM SubjectPublicKeyInfo.

        Raises:
            ConfigError: ``key.malformed``, ``key.unsupported``, or ``key.private`` when it is a private key.
        """
        if b"PRIVATE KEY" in pem:
            raise ConfigError(
                "key.private",
                f"{source} is a private key where a public one belongs.",
                remedy="Use the .pub file, and keep the private key to yourself.",
            )
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            raise _malformed(source, pem) from None
        return cls.of(key, source)

    @classmethod
    def of(cls, key: object, source: str = "the key") -> Self:
        """Wrap a key of the cryptography package.

        Raises:
            ConfigError: ``key.unsupported``.
        """
        match key:
            case ed25519.Ed25519PublicKey():
                algorithm = "ed25519"
            case ec.EllipticCurvePublicKey() if key.curve.name in _CURVES:
                algorithm = _CURVES[key.curve.name][0]
            case _:
                raise ConfigError(
                    "key.unsupported",
                    f"{source} is of a kind that is not supported.",
                    remedy=f"Use one of: {', '.join(ALGORITHMS)}.",
                )
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        der = key.public_bytes(serialization.Encoding.DER, spki)
        pem = key.public_bytes(serialization.Encoding.PEM, spki)
        return cls(hashlib.sha256(der).hexdigest(), pem, algorithm, key)

    @property
    def pem_hint(self) -> str:
        """SHA-256 hex of the PEM text: the hint model-signing demands in OMS bundles."""
        return hashlib.sha256(self.pem).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made ``signature`` (DER for ECDSA, 64 raw bytes for Ed25519) over ``message``."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(signature, message, ec.ECDSA(_CURVES[self._key.curve.name][1]))
        except (InvalidSignature, ValueError):
            return False
        return True


class LocalKey:
    """A private key held in this process; follows :class:`govkernel.hookspecs.SigningKey`."""

    def __init__(self, key: _Private) -> None:
        self._key = key
        self.public = PublicKey.of(key.public_key())
        self.key_id = self.public.key_id

    @classmethod
    def generate(cls, algorithm: str = "ecdsa-p256") -> Self:
        """A new key.

        Raises:
            ConfigError: ``key.unsupported``.
        """
        match algorithm:
            case "ecdsa-p256":
                return cls(ec.generate_private_key(ec.SECP256R1()))
            case "ecdsa-p384":
                return cls(ec.generate_private_key(ec.SECP384R1()))
            case "ed25519":
                return cls(ed25519.Ed25519PrivateKey.generate())
        raise ConfigError(
            "key.unsupported",
            f"There is no key algorithm {algorithm[:40]!r}.",
            remedy=f"Use one of: {', '.join(ALGORITHMS)}.",
        )

    @classmethod
    def load(cls, path: Path, passphrase: bytes | None = None) -> Self:
        """Read a PEM private key (PKCS #8 or SEC 1).

        Raises:
            ConfigError: ``key.unreadable``, ``key.passphrase``, ``key.malformed`` or ``key.unsupported``.
        """
        pem = read_key_file(path)
        encrypted = b"ENCRYPTED" in pem
        if encrypted != (passphrase is not None) and encrypted:
            raise _passphrase(path, "It is encrypted and no passphrase was given.")
        try:
            key = serialization.load_pem_private_key(pem, passphrase if encrypted else None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise (
                _passphrase(path, "The passphrase does not open it.")
                if encrypted
                else _malformed(path.name, pem)
            ) from None
        PublicKey.of(key.public_key(), path.name)
        if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
            raise _malformed(path.name, pem)
        return cls(key)

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``: DER for ECDSA, 64 raw bytes for Ed25519."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, ec.ECDSA(_CURVES[self._key.curve.name][1]))

    def public_key_pem(self) -> bytes:
        """The public key as PEM SubjectPublicKeyInfo."""
        return self.public.pem

    def write(self, path: Path, passphrase: bytes | None = None) -> Path:
        """Write the private key (mode 0600, PKCS #8) to a new file, and the public key beside it.

        Returns:
            The path of the public key: ``path`` with the suffix ``.pub``.

        Raises:
            ConfigError: ``key.exists`` or ``key.unwritable``.
        """
        encryption: serialization.KeySerializationEncryption = (
            serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        )
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        public = path.with_suffix(".pub")
        _write_new(path, pem, 0o600)
        _write_new(public, self.public.pem, 0o644)
        return public


class LocalKeyProvider:
    """Opens ``file:PATH`` keys; follows :class:`govkernel.hookspecs.SigningKeyProvider`.

    Args:
        base: directory that relative paths start from.
        passphrase: opens encrypted keys.
    """

    schemes = frozenset({"file"})

    def __init__(self, base: Path = Path(), passphrase: bytes | None = None) -> None:
        self._base = base
        self._passphrase = passphrase

    def open(self, uri: str) -> LocalKey:
        """The key at ``file:PATH``; raises like :meth:`LocalKey.load`."""
        path = uri.removeprefix("file:")
        return LocalKey.load(
            self._base / (path.removeprefix("//") if path.startswith("///") else path), self._passphrase
        )


def read_key_file(path: Path) -> bytes:
    """The content of a key file.

    Raises:
        ConfigError: ``key.unreadable``.
    """
    try:
        return read_file(path, MAX_KEY_FILE)
    except OSError as error:
        raise ConfigError(
            "key.unreadable",
            f"The key file {str(path)!r} cannot be read.",
            why=error.strerror or type(error).__name__,
            remedy="Check the path, or make a key with `govkernel init`.",
        ) from None


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError:
        raise ConfigError(
            "key.exists",
            f"{str(path)!r} exists already.",
            remedy="Choose another name; keys are never overwritten.",
        ) from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigError(
            "key.unwritable", f"{str(path)!r} cannot be written.", why=why, remedy="Check the directory."
        ) from None
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _malformed(source: str, pem: bytes) -> ConfigError:
    if b"-----BEGIN" not in pem:
        why = "It holds no line that begins with -----BEGIN, as every PEM block does."
    elif b"-----BEGIN CERTIFICATE-----" in pem:
        why = "It holds a certificate: `govkernel verify` takes authorities with --ca, `govkernel sign` --certificate."
    else:
        why = "What stands between its BEGIN and END lines is no key of a kind that can be read."
    return ConfigError(
        "key.malformed",
        f"{source} is not a PEM key.",
        why=why,
        remedy="Use a PEM file, as `govkernel init` or `openssl genpkey` write it.",
    )


def _passphrase(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "key.passphrase",
        f"The key {path.name!r} cannot be opened.",
        why=why,
        remedy="Give the right passphrase; commands take it from GOVKERNEL_KEY_PASSPHRASE.",
    )
