"""DSSE envelopes alone, with what Witness and slsa-github-generator write beside a signature."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from tests.simulators.lying_signer import b64
from tests.simulators.signing import signature
from tests.simulators.sigstore import IN_TOTO, Instance, Orders, pae
from tests.simulators.x509 import Held, PrivateKey


def envelope(said: dict[str, Any], *sign: Any) -> bytes:
    """An envelope with the signatures that each of some makes, of the bytes that are signed."""
    payload = json.dumps(said).encode()
    signatures = [by(pae(payload)) for by in sign]
    return json.dumps({"payload": b64(payload), "payloadType": IN_TOTO, "signatures": signatures}).encode()


def by_key(key: PrivateKey) -> Any:
    """A signature as in-toto-golang writes it."""
    return lambda signed: {"keyid": "", "sig": b64(signature(key, signed))}


def by_witness(chain: Sequence[Held], tokens: Any = lambda _: []) -> Any:
    """A signature as Witness writes it, with bare tokens of timestamp authorities, made of responses."""

    def sign(signed: bytes) -> dict[str, Any]:
        made = signature(chain[0].key, signed)
        stamps = [{"type": "tsp", "data": b64(bare_token(token))} for token in tokens(made)]
        return {
            "keyid": "ab" * 32,
            "sig": b64(made),
            "certificate": b64(chain[0].pem),
            "intermediates": [b64(item.pem) for item in chain[1:]],
            **({"timestamps": stamps} if stamps else {}),
        }

    return sign


def slsa_envelope(instance: Instance, said: dict[str, Any], orders: Orders | None = None) -> bytes:
    """An envelope as slsa-github-generator writes it: the certificate as text, the log's entry kept elsewhere."""
    bundle = json.loads(instance.bundle(said, orders))
    der = base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    (made,) = bundle["dsseEnvelope"]["signatures"]
    pem = load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
    return envelope(said, lambda _: {**made, "cert": pem})


def bare_token(response: bytes) -> bytes:
    """The TimeStampToken of a TimeStampResp that was granted."""
    start = 2 + (response[1] & 0x7F if response[1] & 0x80 else 0)
    status_length = response[start + 1]
    return response[start + 2 + status_length :]
