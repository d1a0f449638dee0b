"""DSSE v1.0: the bytes that are signed, and the envelope that carries them (secure-systems-lab/dsse)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from govkernel.errors import InputError

IN_TOTO: Final = "application/vnd.in-toto+json"
"""The only payload type we sign and accept."""

_REMEDY: Final = "Sign again with `govkernel sign` or `govkernel attest`, or fetch the bundle again."


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope and one signature of it, nothing about it checked.

    Attributes:
        payload: the signed bytes.
        payload_type: what they are said to be.
        signature: the raw signature.
    """

    payload: bytes
    payload_type: str
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The pre-authentication encoding that the signature is over."""
        return pae(self.payload_type, self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """``"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload``; lengths in bytes, decimal."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(value: Any) -> Envelope:
    """Read the JSON form of an envelope with exactly one signature, as Sigstore bundles v0.3 have it.

    Raises:
        InputError: as :func:`parse_signatures`.
    """
    ((envelope, _),) = parse_signatures(value, 1)
    return envelope


def parse_signatures(value: Any, most: int) -> tuple[tuple[Envelope, dict[str, Any]], ...]:
    """Read the JSON form of an envelope: once for each signature, with what stands beside that.

    Args:
        value: parsed JSON.
        most: signatures it may have.

    Raises:
        InputError: ``provenance.envelope-malformed``, ``provenance.payload-type``, ``provenance.signature-missing``,
            ``provenance.signature-many`` or ``provenance.base64``.
    """
    if not isinstance(value, dict):
        raise refuse("envelope-malformed", "The DSSE envelope is not an object.")
    payload_type, signatures = value.get("payloadType"), value.get("signatures")
    if payload_type != IN_TOTO:
        raise refuse("payload-type", f"The payload is said to be {ascii(payload_type)[:80]}, not {IN_TOTO}.")
    if not isinstance(signatures, list) or not signatures:
        raise refuse("signature-missing", "The envelope carries no signature.")
    if len(signatures) > most:
        raise refuse("signature-many", f"The envelope carries {len(signatures)} signatures; at most {most}.")
    payload = decode(value.get("payload"), "payload")
    return tuple((Envelope(payload, payload_type, _signature(item)), item) for item in signatures)


def _signature(item: Any) -> bytes:
    if not isinstance(item, dict):
        raise refuse("envelope-malformed", "The signature is not an object.")
    signature = decode(item.get("sig"), "signature")
    if not signature:
        raise refuse("signature-missing", "The envelope carries an empty signature.")
    return signature


def decode(value: Any, what: str) -> bytes:
    """Standard base64 (RFC 4648 section 4) in its one canonical spelling.

    Raises:
        InputError: ``provenance.base64``.
    """
    if not isinstance(value, str):
        raise refuse("base64", f"The {what} is not base64 text.")
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise refuse("base64", f"The {what} is not standard base64.") from None
    if encode(decoded) != value:
        raise refuse("base64", f"The {what} is base64 in a spelling that is not canonical.")
    return decoded


def encode(data: bytes) -> str:
    """Standard base64 text."""
    return base64.b64encode(data).decode("ascii")


def refuse(problem: str, what: str) -> InputError:
    """The error for a bundle that cannot be read."""
    return InputError(f"provenance.{problem}", what, remedy=_REMEDY)
