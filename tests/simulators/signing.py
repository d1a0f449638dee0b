"""Bundles signed with certificates, as model-signing and others make them (X.509 chain in a Sigstore bundle)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from govkernel.provenance.foreign import ForeignBundle, parse_foreign
from tests.simulators.lying_signer import b64
from tests.simulators.sigstore import IN_TOTO, Edit, nothing, pae
from tests.simulators.x509 import Held, PrivateKey

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256,
    "secp384r1": hashes.SHA384,
    "secp521r1": hashes.SHA512,
}


def signature(key: PrivateKey, message: bytes) -> bytes:
    """A signature with the hash that goes with the key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(HASHES.get(key.curve.name, hashes.SHA256)()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.sign(message)


def certified(payload: bytes | dict[str, Any], chain: list[Held], edit: Edit = nothing) -> bytes:
    """A bundle around a statement, signed by the first certificate's key."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = [{"sig": b64(signature(chain[0].key, pae(content))), "keyid": ""}]
    envelope = {"payload": b64(content), "payloadType": IN_TOTO, "signatures": signed}
    return _bundle({"dsseEnvelope": envelope}, _material(chain), edit)


def bare(message: bytes, key: PrivateKey, edit: Edit = nothing, chain: list[Held] | None = None) -> bytes:
    """A bundle with a bare signature over a file, by a key or a certificate's."""
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(message).digest())}
    content = {"messageSignature": {"messageDigest": digest, "signature": b64(signature(key, message))}}
    return _bundle(content, _material(chain) if chain else {"publicKey": {"hint": ""}}, edit)


def foreign(payload: bytes, chain: list[Held]) -> ForeignBundle:
    """The same bundle as :func:`certified`, read."""
    return parse_foreign(certified(payload, chain))


def payload_of(bundle: bytes) -> Any:
    """The statement in a bundle."""
    return json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))


def _material(chain: list[Held]) -> dict[str, Any]:
    listed = [{"rawBytes": b64(item.der)} for item in chain]
    return {"x509CertificateChain": {"certificates": listed}, "tlogEntries": []}


def _bundle(content: dict[str, Any], material: dict[str, Any], edit: Edit) -> bytes:
    bundle = {"mediaType": MEDIA_TYPE, "verificationMaterial": material, **content}
    edit(bundle)
    return json.dumps(bundle).encode()
