"""Signatures by keys of strangers: ECDSA (FIPS 186-5), Ed25519 (RFC 8032), RSA (RFC 8017), nothing weaker."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from govkernel.errors import InputError

MIN_RSA: Final = 2048
MAX_RSA: Final = 8192
"""Bits; verification time grows with them, and the key is a stranger's."""

StrangerKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_CURVES: Final[dict[str, hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


def usable(key: object) -> StrangerKey:
    """The key, if we verify with its kind.

    Raises:
        InputError: ``certificate.key-unsupported``: another curve or kind, or an RSA key that is too small or large.
    """
    match key:
        case ed25519.Ed25519PublicKey():
            return key
        case ec.EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return key
        case rsa.RSAPublicKey() if MIN_RSA <= key.key_size <= MAX_RSA:
            return key
    raise InputError(
        "certificate.key-unsupported",
        "The certified key is of a kind or size that is not accepted.",
        remedy="Use ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of 2048 to 8192 bits.",
    )


def default_hash(key: StrangerKey) -> hashes.HashAlgorithm | None:
    """The hash that goes with a key by Sigstore's algorithm registry; None for Ed25519, which has its own."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES[key.curve.name]
    return hashes.SHA256() if isinstance(key, rsa.RSAPublicKey) else None


def holds(
    key: StrangerKey,
    signature: bytes,
    message: bytes,
    algorithm: hashes.HashAlgorithm | None = None,
    rsa_padding: padding.AsymmetricPadding | None = None,
) -> bool:
    """Whether ``key`` made ``signature`` over ``message``.

    Args:
        key: from :func:`usable`.
        signature: DER for ECDSA, 64 raw bytes for Ed25519, as long as the modulus for RSA.
        message: the bytes that were signed, not their digest.
        algorithm: hash; default is :func:`default_hash`.
        rsa_padding: default is PKCS #1 v1.5.
    """
    hash_ = algorithm or default_hash(key)
    try:
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
            case ec.EllipticCurvePublicKey() if hash_ is not None:
                key.verify(signature, message, ec.ECDSA(hash_))
            case rsa.RSAPublicKey() if hash_ is not None:
                key.verify(signature, message, rsa_padding or padding.PKCS1v15(), hash_)
            case _:
                return False
    except (InvalidSignature, ValueError):
        return False
    return True
