"""Sigstore bundles (protobuf-specs v0.3, JSON form) around a DSSE envelope, key-based.

The hint names a key to try first. It is unsigned, so it never decides which key is trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from govkernel.domain import strict_json
from govkernel.errors import InputError
from govkernel.hookspecs import SigningKey
from govkernel.provenance.cosign_v2 import as_bundle, is_cosign_v2
from govkernel.provenance.dsse import IN_TOTO, Envelope, decode, encode, pae, parse_envelope, refuse
from govkernel.provenance.envelopes import is_envelope, read_envelope
from govkernel.provenance.limits import MAX_BUNDLE

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPES: Final = frozenset(
    {MEDIA_TYPE, *(f"application/vnd.dev.sigstore.bundle+json;version=0.{minor}" for minor in (1, 2, 3))}
)
_ANY_BUNDLE: Final = re.compile(r"application/vnd\.dev\.sigstore\.bundle[.+]")


class Stamper(Protocol):
    """Says when a signature existed."""

    def stamp(self, signature: bytes) -> bytes:
        """An RFC 3161 response (DER) over the signature.

        Raises:
            GovkernelError: ``timestamp.*``: there is none.
        """


@dataclass(frozen=True)
class ParsedBundle:
    """A bundle that was read, nothing about it checked.

    Attributes:
        envelope: what was signed.
        hint: the key it claims, possibly empty.
        certificate: it carries a certificate instead of a key hint (keyless signing).
        timestamps: RFC 3161 responses over the signature, DER, nothing about them checked.
        alone: there is no bundle around the envelope, so that a key may have signed whatever certificate it carries.
    """

    envelope: Envelope
    hint: str = ""
    certificate: bool = False
    timestamps: tuple[bytes, ...] = ()
    alone: bool = False


def is_bundle(content: bytes) -> bool:
    """Whether the bytes at least start like JSON, so that it is for us to say what is wrong with them."""
    return content[:64].lstrip(b" \t\r\n").startswith(b"{")


def parse_signed(content: bytes) -> tuple[ParsedBundle, ...]:
    """Read each signature of a bundle, which has one, or of an envelope alone, which may have several.

    Raises:
        InputError: as :func:`parse_bundle`, or :func:`govkernel.provenance.envelopes.read_envelope`.
    """
    document = _document(content)
    if not is_envelope(document):
        return (_parsed(document),)
    return tuple(
        ParsedBundle(item.envelope, item.hint, bool(item.chain), item.timestamps, alone=True)
        for item in read_envelope(document)
    )


def parse_bundle(content: bytes) -> ParsedBundle:
    """Read a bundle from bytes.

    Raises:
        InputError: ``json.*``, ``provenance.format-unknown``, ``provenance.media-type``,
            ``provenance.bundle-malformed``, ``provenance.no-envelope``,
            or one of :func:`govkernel.provenance.dsse.parse_envelope`.
    """
    return _parsed(_document(content))


def _document(content: bytes) -> dict[str, Any]:
    document = strict_json.loads(content, max_bytes=MAX_BUNDLE)
    if not isinstance(document, dict):
        raise refuse("bundle-malformed", "The bundle is not an object.")
    return as_bundle(document) if is_cosign_v2(document) else document


def _parsed(document: dict[str, Any]) -> ParsedBundle:
    media_type = document.get("mediaType")
    if not isinstance(media_type, str) or not _ANY_BUNDLE.match(media_type):
        raise refuse("format-unknown", "The document does not claim to be a Sigstore bundle.")
    if media_type not in MEDIA_TYPES:
        raise refuse(
            "media-type", f"The media type {ascii(media_type)[:80]} is not that of a Sigstore bundle we know."
        )
    material = document.get("verificationMaterial")
    if not isinstance(material, dict):
        raise refuse("bundle-malformed", "The bundle has no verification material.")
    if "dsseEnvelope" not in document:
        raise refuse(
            "no-envelope", "The bundle carries no DSSE envelope, only a signature over unknown bytes."
        )
    envelope = parse_envelope(document["dsseEnvelope"])
    certificate = any(material.get(name) is not None for name in ("certificate", "x509CertificateChain"))
    return ParsedBundle(envelope, hint_of(material), certificate, timestamps_of(material))


def sign_bundle(payload: bytes, key: SigningKey, hint: str, stamper: Stamper | None = None) -> bytes:
    """A bundle over ``payload`` (an in-toto Statement), signed with ``key``.

    Args:
        payload: the exact bytes to sign.
        key: signs them.
        hint: how a verifier may find the key: its id, or for OMS bundles the SHA-256 of its PEM.
        stamper: says when it was signed; None leaves that out.

    Raises:
        InputError: ``provenance.bundle-too-large``.
    """
    return _bundle(payload, key, {"publicKey": {"hint": hint}, "tlogEntries": []}, stamper)


def sign_bundle_certified(
    payload: bytes, key: SigningKey, chain: Sequence[bytes], stamper: Stamper | None = None
) -> bytes:
    """Like :func:`sign_bundle`, with DER certificates instead of a hint, the key's first."""
    certificates = [{"rawBytes": encode(item)} for item in chain]
    material = {"x509CertificateChain": {"certificates": certificates}, "tlogEntries": []}
    return _bundle(payload, key, material, stamper)


def _bundle(payload: bytes, key: SigningKey, material: dict[str, Any], stamper: Stamper | None) -> bytes:
    signature = key.sign(pae(IN_TOTO, payload))
    if stamper is not None:
        stamped = {"signedTimestamp": encode(stamper.stamp(signature))}
        material = {**material, "timestampVerificationData": {"rfc3161Timestamps": [stamped]}}
    signatures = [{"sig": encode(signature), "keyid": ""}]
    envelope = {"payload": encode(payload), "payloadType": IN_TOTO, "signatures": signatures}
    document = {"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    content = json.dumps(document, separators=(",", ":")).encode("ascii")
    if len(content) > MAX_BUNDLE:
        raise InputError(
            "provenance.bundle-too-large",
            f"The bundle would have {len(content)} bytes.",
            remedy=f"A bundle may have {MAX_BUNDLE}; sign an artifact of fewer files.",
        )
    return content


def timestamps_of(material: dict[str, Any]) -> tuple[bytes, ...]:
    """The RFC 3161 responses of verification material; how many may be believed is for their verifier.

    Raises:
        InputError: ``provenance.bundle-malformed`` or ``provenance.base64``.
    """
    data = material.get("timestampVerificationData")
    if data is None:
        return ()
    listed = data.get("rfc3161Timestamps", []) if isinstance(data, dict) else None
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise refuse("bundle-malformed", "The timestamps of the bundle are no list.")
    return tuple(decode(item.get("signedTimestamp"), "timestamp") for item in listed)


def hint_of(material: dict[str, Any]) -> str:
    """The key that verification material claims; unsigned, possibly empty."""
    public_key = material.get("publicKey")
    hint = public_key.get("hint") if isinstance(public_key, dict) else None
    return hint if isinstance(hint, str) else ""
