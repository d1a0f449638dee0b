"""Files that ``cosign sign-blob`` and ``attest-blob`` wrote with ``--bundle`` before version 3, by our own Sigstore."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from tests.simulators.lying_signer import b64
from tests.simulators.signing import signature
from tests.simulators.sigstore import Edit, nothing
from tests.simulators.x509 import PrivateKey


def rewritten(bundle: bytes, edit: Edit = nothing) -> bytes:
    """A keyless bundle, in the older form; what that cannot hold is left out."""
    document = json.loads(bundle)
    material = document["verificationMaterial"]
    (entry,) = material["tlogEntries"]
    der = base64.b64decode(material["certificate"]["rawBytes"])
    pem = load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    found: dict[str, Any] = {
        "base64Signature": _signed(document),
        "cert": b64(pem),
        "rekorBundle": {
            "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {
                "body": entry["canonicalizedBody"],
                "integratedTime": int(entry["integratedTime"]),
                "logIndex": int(entry["logIndex"]),
                "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
            },
        },
    }
    edit(found)
    return json.dumps(found).encode()


def by_key(content: bytes, key: PrivateKey, edit: Edit = nothing) -> bytes:
    """A file signed with a key and not logged."""
    found = {"base64Signature": b64(signature(key, content))}
    edit(found)
    return json.dumps(found).encode()


def _signed(document: dict[str, Any]) -> str:
    if "dsseEnvelope" in document:
        return b64(json.dumps(document["dsseEnvelope"]).encode())
    return str(document["messageSignature"]["signature"])
