"""Attestations that cosign 2 kept under the tag ``sha256-….att``, as bundles that verifiers read.

A layer is a DSSE envelope; annotations carry the certificate and what the log answered: a promise without an inclusion
proof. cosign's own files of that time (``attest-blob --bundle``) have the same parts, and the kernel knows how much to
believe of them, so what has an answer is handed over in that form.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
from collections.abc import Mapping
from typing import Any, Final

from govkernel.domain import strict_json

ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
MAX_NOTE: Final = 1024 * 1024
"""Bytes of an annotation."""

_NOTES: Final = "dev.sigstore.cosign"
_BUNDLES: Final = "application/vnd.dev.sigstore.bundle"
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END CERTIFICATE-----")


def attestations_tag(digest: str) -> str:
    """The tag under which cosign 2 keeps attestations of a digest."""
    return f"{digest.replace(':', '-')}.att"


def bundle_of(envelope: bytes, annotations: Mapping[str, Any]) -> bytes:
    """A bundle of the same content: signed with a key, or with the certificate that the annotations carry.

    Args:
        envelope: a DSSE envelope, JSON.
        annotations: of its layer.

    Raises:
        InputError: ``json.*``.
        ValueError: an annotation is not what cosign writes.
    """
    signed = strict_json.loads(envelope, max_bytes=len(envelope))
    chain = [*_certificates(annotations, "certificate"), *_certificates(annotations, "chain")]
    if not chain:
        material: dict[str, Any] = {"publicKey": {"hint": ""}, "tlogEntries": []}
        return _written(f"{_BUNDLES}.v0.3+json", material, signed)
    if logged := _note(annotations, "bundle"):
        pem = "".join(map(ssl.DER_cert_to_PEM_cert, chain))
        document = {
            "base64Signature": _encoded(envelope),
            "cert": _encoded(pem.encode()),
            "rekorBundle": logged,
        }
        return json.dumps(document, separators=(",", ":")).encode("ascii")
    stamp = _note(annotations, "rfc3161timestamp").get("SignedRFC3161Timestamp")
    material = {
        "x509CertificateChain": {"certificates": [{"rawBytes": _encoded(item)} for item in chain]},
        "tlogEntries": [],
        "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": stamp}] if stamp else []},
    }
    return _written(f"{_BUNDLES}+json;version=0.1", material, signed)


def _written(media_type: str, material: dict[str, Any], envelope: Any) -> bytes:
    document = {"mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _certificates(annotations: Mapping[str, Any], name: str) -> list[bytes]:
    """DER of the certificates in an annotation."""
    pem = annotations.get(f"{_NOTES}/{name}", "")
    if not isinstance(pem, str) or (pem.strip() and not _PEM.search(pem)):
        raise ValueError(f"the {name} is not PEM")
    return [ssl.PEM_cert_to_DER_cert(item) for item in _PEM.findall(pem)]


def _note(annotations: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An annotation that is a JSON object; empty when there is none."""
    text = annotations.get(f"{_NOTES}/{name}") or "{}"
    found = strict_json.loads(text.encode(), max_bytes=MAX_NOTE) if isinstance(text, str) else None
    if isinstance(found, dict):
        return found
    raise ValueError(f"the {name} is not an object")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
