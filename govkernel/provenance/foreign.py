"""Bundles of any maker (Sigstore protobuf-specs v0.1 to v0.3, JSON form; DSSE alone): read, nothing checked.

Unlike :mod:`govkernel.provenance.bundle`, which reads what we write, this also reads certificates and bare signatures
over a file. Log entries are left to who verifies them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from govkernel.domain import strict_json
from govkernel.provenance.bundle import MEDIA_TYPES, hint_of, timestamps_of
from govkernel.provenance.cosign_v2 import MEDIA_TYPE_V01, as_bundle, is_cosign_v2
from govkernel.provenance.dsse import Envelope, decode, parse_envelope, refuse
from govkernel.provenance.envelopes import is_envelope, read_envelope
from govkernel.provenance.limits import MAX_BUNDLE
from govkernel.provenance.x509 import MAX_CHAIN


class Form(StrEnum):
    """What a bundle was when it was read."""

    BUNDLE = "bundle"
    ENVELOPE = "envelope"
    COSIGN_V2 = "cosign-v2"


@dataclass(frozen=True)
class MessageSignature:
    """A bare signature over a file.

    Attributes:
        signature: raw.
        sha256: the digest the bundle says was signed, hex; empty when it says none, or another algorithm.
    """

    signature: bytes
    sha256: str = ""


@dataclass(frozen=True)
class ForeignBundle:
    """A bundle that was read.

    Attributes:
        content: what was signed: a statement in an envelope, or a file.
        chain: DER certificates, the signer's first; empty when it was signed with a key.
        hint: the key it claims, possibly empty; unsigned.
        raw: the bundle's own bytes; those of the Sigstore bundle that an older form was turned into.
        unlogged: it carries a keyless certificate, and no entry of a transparency log.
        timestamps: RFC 3161 responses over the signature, DER, nothing about them checked.
        form: what it was: an envelope alone has no place for a log's entry.
        promised: its log entry carries the log's promise to include it and no proof that it did, as v0.1 allows.
    """

    content: Envelope | MessageSignature
    chain: tuple[bytes, ...]
    hint: str
    raw: bytes
    unlogged: bool
    timestamps: tuple[bytes, ...] = ()
    form: Form = Form.BUNDLE
    promised: bool = False


def parse_foreign(raw: bytes) -> ForeignBundle:
    """Read a bundle with one signature from bytes.

    Raises:
        InputError: ``json.*`` or a ``provenance.*`` code of a refused bundle.
    """
    found = parse_each(raw)
    if len(found) > 1:
        raise refuse("signature-many", f"The envelope carries {len(found)} signatures; one is expected here.")
    return found[0]


def parse_each(raw: bytes) -> tuple[ForeignBundle, ...]:
    """Each signature of a bundle, which has one, or of an envelope alone, which may have several.

    Raises:
        InputError: ``json.*`` or a ``provenance.*`` code of a refused bundle.
    """
    document = strict_json.loads(raw, max_bytes=MAX_BUNDLE)
    if not isinstance(document, dict):
        raise refuse("bundle-malformed", "The bundle is not an object.")
    if is_cosign_v2(document):
        bundle = as_bundle(document)
        return (_bundle(bundle, json.dumps(bundle).encode(), Form.COSIGN_V2),)
    if not is_envelope(document):
        return (_bundle(document, raw),)
    return tuple(
        ForeignBundle(item.envelope, item.chain, item.hint, raw, False, item.timestamps, Form.ENVELOPE)
        for item in read_envelope(document)
    )


def _bundle(document: dict[str, Any], raw: bytes, form: Form = Form.BUNDLE) -> ForeignBundle:
    media_type = document.get("mediaType")
    if not isinstance(media_type, str) or media_type not in MEDIA_TYPES:
        raise refuse("media-type", "The document is not a Sigstore bundle of a version we know.")
    material = document.get("verificationMaterial")
    if not isinstance(material, dict):
        raise refuse("bundle-malformed", "The bundle has no verification material.")
    chain = _chain(material)
    keyless = form is Form.COSIGN_V2 or material.get("certificate") is not None
    unlogged = bool(chain) and keyless and not material.get("tlogEntries")
    stamps, promised = timestamps_of(material), media_type == MEDIA_TYPE_V01 and _promised(material)
    return ForeignBundle(_content(document), chain, hint_of(material), raw, unlogged, stamps, form, promised)


def _promised(material: dict[str, Any]) -> bool:
    entries = material.get("tlogEntries")
    entry = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
    return isinstance(entry, dict) and bool(entry.get("inclusionPromise")) and not entry.get("inclusionProof")


def check_oms(bundle: ForeignBundle) -> None:
    """Refuse what the OMS specification forbids of the bundle around a model's statement.

    Raises:
        InputError: ``provenance.oms-malformed``.
    """
    if bundle.unlogged:
        raise refuse("oms-malformed", "A keyless model signature needs an entry of a transparency log.")


def _content(document: dict[str, Any]) -> Envelope | MessageSignature:
    envelope, message = document.get("dsseEnvelope"), document.get("messageSignature")
    if envelope is not None and message is not None:
        raise refuse("bundle-malformed", "The bundle carries two contents.")
    if envelope is not None:
        return parse_envelope(envelope)
    if not isinstance(message, dict):
        raise refuse("no-envelope", "The bundle carries neither a DSSE envelope nor a signature.")
    signature = decode(message.get("signature"), "signature")
    if not signature:
        raise refuse("signature-missing", "The bundle carries an empty signature.")
    return MessageSignature(signature, _said_digest(message.get("messageDigest")))


def _said_digest(value: Any) -> str:
    if not isinstance(value, dict) or value.get("algorithm") != "SHA2_256":
        return ""
    return decode(value.get("digest"), "digest").hex()


def _chain(material: dict[str, Any]) -> tuple[bytes, ...]:
    kinds = [
        kind
        for kind in ("publicKey", "certificate", "x509CertificateChain")
        if material.get(kind) is not None
    ]
    if len(kinds) != 1:
        raise refuse(
            "bundle-malformed", "The bundle does not say with which one key or certificate it was signed."
        )
    if kinds == ["publicKey"]:
        return ()
    value = material[kinds[0]]
    if kinds == ["certificate"]:
        return (_certificate(value),)
    listed = value.get("certificates") if isinstance(value, dict) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_CHAIN:
        raise refuse("bundle-malformed", f"The bundle does not carry 1 to {MAX_CHAIN} certificates.")
    return tuple(map(_certificate, listed))


def _certificate(item: Any) -> bytes:
    return decode(item.get("rawBytes") if isinstance(item, dict) else None, "certificate")
