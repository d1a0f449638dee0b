"""What cosign wrote with ``--bundle`` before its version 3: turned into a Sigstore bundle v0.1, nothing checked.

An object with ``base64Signature``, mostly ``cert`` and ``rekorBundle``: the log's entry with its signed promise
(``SignedEntryTimestamp``) to include it, and no proof that it did. ``sign-blob`` signs
a file, ``attest-blob`` a statement.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import GovkernelError
from govkernel.provenance.dsse import decode, encode, refuse
from govkernel.provenance.envelopes import is_envelope, read_chain
from govkernel.provenance.limits import MAX_BUNDLE

MEDIA_TYPE_V01: Final = "application/vnd.dev.sigstore.bundle+json;version=0.1"


def is_cosign_v2(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is such a file."""
    return "base64Signature" in document and "mediaType" not in document


def as_bundle(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same as a Sigstore bundle, parsed JSON.

    Raises:
        InputError: ``provenance.bundle-malformed`` or ``provenance.base64``.
    """
    logged = document.get("rekorBundle")
    entries = [] if logged is None else [_entry(logged)]
    content = _content(decode(document.get("base64Signature"), "signature"))
    material = {**_signer(document.get("cert")), "tlogEntries": entries}
    return {"mediaType": MEDIA_TYPE_V01, "verificationMaterial": material, **content}


def _signer(cert: Any) -> dict[str, Any]:
    """Who signed: certificates; else a key, which it may hold instead, and which nobody has to believe."""
    if cert is not None and not isinstance(cert, str):
        raise refuse("bundle-malformed", "The certificate is no text.")
    text = (cert or "").strip()
    pem = text.encode() if text.startswith("-----BEGIN") else decode(text, "certificate")
    if b"BEGIN CERTIFICATE" not in pem:
        return {"publicKey": {"hint": ""}}
    return {"x509CertificateChain": {"certificates": [{"rawBytes": encode(der)} for der in read_chain(pem)]}}


def _entry(logged: Any) -> dict[str, Any]:
    said = logged.get("Payload") if isinstance(logged, dict) else None
    if not isinstance(said, dict):
        raise refuse("bundle-malformed", "The log's entry is no object with a payload.")
    kind, version = _kind(decode(said.get("body"), "log entry"))
    return {
        "logIndex": str(_number(said.get("logIndex"))),
        "logId": {"keyId": encode(_identifier(said.get("logID")))},
        "kindVersion": {"kind": kind, "version": version},
        "integratedTime": str(_number(said.get("integratedTime"))),
        "inclusionPromise": {
            "signedEntryTimestamp": encode(decode(logged.get("SignedEntryTimestamp"), "promise"))
        },
        "canonicalizedBody": said["body"],
    }


def _kind(body: bytes) -> tuple[str, str]:
    try:
        value = strict_json.loads(body, max_bytes=MAX_BUNDLE)
    except GovkernelError:
        value = None
    kind, version = (value.get("kind"), value.get("apiVersion")) if isinstance(value, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(version, str):
        raise refuse("bundle-malformed", "The log's entry is of no kind.")
    return kind, version


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise refuse("bundle-malformed", "A number of the log's entry is none.")
    return value


def _identifier(value: Any) -> bytes:
    try:
        return binascii.unhexlify(value)
    except (binascii.Error, ValueError, TypeError):
        raise refuse("bundle-malformed", "The log has an identifier that is no hexadecimal.") from None


def _content(signed: bytes) -> dict[str, Any]:
    """What was signed: the envelope that ``attest-blob`` puts in the signature's place, or a file."""
    try:
        value = strict_json.loads(signed, max_bytes=MAX_BUNDLE) if signed.startswith(b"{") else None
    except GovkernelError:
        value = None
    if isinstance(value, dict) and is_envelope(value):
        return {"dsseEnvelope": value}
    return {"messageSignature": {"signature": encode(signed)}}
