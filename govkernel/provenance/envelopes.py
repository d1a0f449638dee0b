"""DSSE envelopes alone, as in-toto-golang, Witness and SLSA's generators write them: read, nothing checked.

Beside a signature may stand the certificate of its key: Witness writes ``certificate`` and ``intermediates``, PEM in
base64, and ``timestamps``; slsa-github-generator writes ``cert``, PEM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from govkernel.provenance.dsse import Envelope, decode, parse_signatures, refuse
from govkernel.provenance.x509 import MAX_CHAIN, UNREADABLE

MAX_SIGNATURES: Final = 16
"""Signatures of one envelope; each may be tried with each key and authority."""

RFC3161: Final = "tsp"
"""What Witness calls a timestamp of RFC 3161."""

_GRANTED: Final = bytes.fromhex("3003020100")
_SEQUENCE, _OID = 0x30, 0x06


@dataclass(frozen=True)
class EnvelopeSignature:
    """One signature of an envelope.

    Attributes:
        envelope: the envelope with this signature alone.
        hint: the key it claims, possibly empty; unsigned.
        chain: DER certificates, the signer's first; empty when it carries none.
        timestamps: RFC 3161 responses over the signature, DER.
    """

    envelope: Envelope
    hint: str
    chain: tuple[bytes, ...]
    timestamps: tuple[bytes, ...]


def is_envelope(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is an envelope by itself, and no bundle around one."""
    return "payloadType" in document and "mediaType" not in document


def read_envelope(document: Mapping[str, Any]) -> tuple[EnvelopeSignature, ...]:
    """Each signature of an envelope alone, one to :data:`MAX_SIGNATURES`.

    Raises:
        InputError: as :func:`govkernel.provenance.dsse.parse_signatures`, or ``provenance.bundle-malformed``.
    """
    return tuple(
        EnvelopeSignature(envelope, _hint(beside), _chain(beside), _timestamps(beside))
        for envelope, beside in parse_signatures(document, MAX_SIGNATURES)
    )


def _hint(beside: Mapping[str, Any]) -> str:
    said = beside.get("keyid")
    return said if isinstance(said, str) else ""


def _chain(beside: Mapping[str, Any]) -> tuple[bytes, ...]:
    slsa, witness = beside.get("cert"), beside.get("certificate")
    between = beside.get("intermediates") or []
    if (slsa and not isinstance(slsa, str)) or not isinstance(between, list):
        raise refuse("bundle-malformed", "The certificates of a signature are no text, or no list.")
    if not slsa and not witness:
        return ()
    first = slsa.encode() if slsa else decode(witness, "certificate")
    return read_chain(first, *(decode(item, "certificate") for item in between[:MAX_CHAIN]))


def read_chain(*pems: bytes) -> tuple[bytes, ...]:
    """The certificates of a stranger's PEM files, as DER, in order, at least one of each.

    Raises:
        InputError: ``provenance.bundle-malformed``.
    """
    chain = tuple(der for pem in pems for der in _read_pem(pem))
    if len(chain) > MAX_CHAIN:
        raise refuse("bundle-malformed", f"A signature carries more than {MAX_CHAIN} certificates.")
    return chain


def _read_pem(pem: bytes) -> list[bytes]:
    try:
        return [item.public_bytes(Encoding.DER) for item in x509.load_pem_x509_certificates(pem)]
    except UNREADABLE:
        raise refuse("bundle-malformed", "A certificate beside the signature is no PEM.") from None


def _timestamps(beside: Mapping[str, Any]) -> tuple[bytes, ...]:
    listed = beside.get("timestamps") or []
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise refuse("bundle-malformed", "The timestamps of a signature are no list.")
    known = (item for item in listed if item.get("type") == RFC3161)
    return tuple(_response(decode(item.get("data"), "timestamp")) for item in known)


def _response(der: bytes) -> bytes:
    """A TimeStampResp; where the bare token is kept, as Witness does, one around it (RFC 3161, section 2.4.2)."""
    start = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0) if len(der) > 1 else 0
    if der[start : start + 1] != bytes([_OID]):
        return der
    content = _GRANTED + der
    length = len(content)
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([_SEQUENCE, *([0x80 | len(size)] if length > 0x7F else []), *size]) + content
