"""A key in a store, as govkernel signs with it: ECDSA P-256 or P-384 in DER, Ed25519 in 64 raw bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from govkernel_signers.problems import unsupported, wrong_answer

P256, P384, ED25519 = "ecdsa-p256", "ecdsa-p384", "ed25519"
_CURVES: Final = {"secp256r1": P256, "secp384r1": P384}
_DIGESTS: Final = {P256: "sha256", P384: "sha384"}


@dataclass(frozen=True)
class Public:
    """The public half of a stored key.

    Attributes:
        key_id: SHA-256 hex of its SubjectPublicKeyInfo DER, as for local keys.
        pem: PEM SubjectPublicKeyInfo.
        algorithm: :data:`P256`, :data:`P384` or :data:`ED25519`.
    """

    key_id: str
    pem: bytes
    algorithm: str

    @classmethod
    def of(cls, key: object, store: str) -> Self:
        """Wrap a key of the cryptography package.

        Raises:
            ConfigError: ``signer.unsupported``.
        """
        match key:
            case ed25519.Ed25519PublicKey():
                algorithm = ED25519
            case ec.EllipticCurvePublicKey() if key.curve.name in _CURVES:
                algorithm = _CURVES[key.curve.name]
            case _:
                raise unsupported(store, "It is of another kind or curve.")
        spki = PublicFormat.SubjectPublicKeyInfo
        key_id = hashlib.sha256(key.public_bytes(Encoding.DER, spki)).hexdigest()
        return cls(key_id, key.public_bytes(Encoding.PEM, spki), algorithm)

    @classmethod
    def read(cls, content: bytes, store: str) -> Self:
        """From SubjectPublicKeyInfo, PEM or DER.

        Raises:
            ConfigError: ``signer.unsupported`` or ``signer.wrong-answer``.
        """
        load = load_pem_public_key if content.lstrip().startswith(b"-----BEGIN") else load_der_public_key
        try:
            return cls.of(load(content), store)
        except (ValueError, UnsupportedAlgorithm):
            raise wrong_answer(store, "Its public key cannot be read.") from None

    @property
    def hash(self) -> str:
        """Name of the hash that goes with the curve; empty for Ed25519, which signs whole messages."""
        return _DIGESTS.get(self.algorithm, "")

    def digest(self, message: bytes) -> bytes:
        """What an ECDSA key signs."""
        return hashlib.new(self.hash, message).digest()


@dataclass(frozen=True)
class StoredKey:
    """A key that signs in its store; follows :class:`govkernel.hookspecs.SigningKey`.

    Attributes:
        public: its public half.
        signing: asks the store; returns the signature in the form that goes with the key.
    """

    public: Public
    signing: Callable[[bytes], bytes]

    @property
    def key_id(self) -> str:
        """SHA-256 hex of its SubjectPublicKeyInfo DER."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``: DER for ECDSA, 64 raw bytes for Ed25519.

        Raises:
            ConfigError: ``signer.*``: the store did not sign.
        """
        return self.signing(message)

    def public_key_pem(self) -> bytes:
        """The public key as PEM SubjectPublicKeyInfo."""
        return self.public.pem


def der(signature: bytes, store: str) -> bytes:
    """The DER form of an ECDSA signature that is r and s side by side (IEEE P1363).

    Raises:
        ConfigError: ``signer.wrong-answer``.
    """
    half, odd = divmod(len(signature), 2)
    if odd or not 16 <= half <= 66:
        raise wrong_answer(store, f"A signature of {len(signature)} bytes is none of this curve.")
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
