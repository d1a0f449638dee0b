"""A Sigstore instance of our own: certificate authority, transparency log, timestamp authority, on request all liars.

It mints bundles directly; ``sigstore_http`` offers it to unmodified clients. Nothing here is shared with what verifies.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.simulators.timestamps import OCTETS, UTF8, StampOrders, stamp, tlv
from tests.simulators.transparency import (
    ORIGIN,
    Key,
    Log,
    LogOrders,
    b64,
    dsse_body,
    key_id,
    rekord_body,
    sign,
    spki,
)
from tests.simulators.x509 import TIME_STAMPING, Held, Recipe, authority, build, p256

Edit = Callable[[dict[str, Any]], None]
IN_TOTO = "application/vnd.in-toto+json"
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
ISSUER_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


def nothing(_: dict[str, Any]) -> None:
    """Leave it as it is."""


@dataclass(frozen=True)
class Orders(LogOrders):
    """What the whole instance is told to do; the default is to tell the truth.

    Attributes:
        identity: of the signer.
        issuer: who vouches for the identity; empty leaves it out of the certificate.
        recipe: changes the signer's certificate.
        by: issues the certificate instead of the instance's authority.
        scts: keys that sign an SCT for the certificate, each; default the instance's log.
        sct_over: the SCT is over the certificate of this other name.
        time: when the log takes the entry; default now.
        body: changes the entry before it is logged.
        stamped: time of an RFC 3161 timestamp; None is no timestamp.
        stamper: the timestamp authority.
        stamp_over: what the timestamp is over, instead of the signature.
        stamp_bare: the timestamp carries no certificate, as GitHub's.
        version: of the entry, 1 or 2.
        logged: the bundle carries the log's entry.
        edit: changes the bundle at last.
    """

    identity: str = "alice@example.test"
    issuer: str = "https://login.example.test"
    recipe: Callable[[Recipe], Recipe] = lambda recipe: recipe
    by: Held | None = None
    scts: tuple[Key, ...] | None = None
    sct_over: str = ""
    time: datetime | None = None
    body: Edit = nothing
    stamped: datetime | None = None
    stamper: Held | None = None
    stamp_over: bytes | None = None
    stamp_bare: bool = False
    version: int = 1
    logged: bool = True
    edit: Edit = nothing


@dataclass
class Instance:
    """A whole Sigstore.

    Attributes:
        now: what its clock says.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ct: Key = field(default_factory=p256)
    log: Log = field(default_factory=lambda: Log(p256()))
    root: Held = field(default_factory=lambda: authority("fulcio root"))
    stamp_root: Held = field(default_factory=lambda: authority("timestamp root"))

    def __post_init__(self) -> None:
        self.intermediate = authority("fulcio", self.root, path_length=0)
        stamper = Recipe("timestamper", purposes=(TIME_STAMPING,), critical_purposes=True)
        self.stamper = self.stamp_root.issue(stamper)
        self.log.append(b'{"apiVersion":"0.0.1","kind":"dsse"}', self.now())

    def trusted_root(self, **changes: Any) -> bytes:
        """What a client must know of the instance (trusted_root.json), with parts replaced."""
        since = {"start": "2020-01-01T00:00:00Z"}
        return json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [_trusted_log(self.log.key, since)],
                "ctlogs": [_trusted_log(self.ct, since)],
                "certificateAuthorities": [_trusted_ca(since, self.intermediate, self.root)],
                "timestampAuthorities": [_trusted_ca(since, self.stamper, self.stamp_root)],
                **changes,
            }
        ).encode()

    def certify(self, holder: Any, orders: Orders) -> x509.Certificate:
        """A short-lived certificate over a public key, with signed certificate timestamps in it."""
        issuer, by = orders.issuer.encode(), orders.by or self.intermediate
        named = ((ISSUER_V1, issuer), (ISSUER, tlv(UTF8, issuer))) if issuer else ()
        extra = tuple((x509.UnrecognizedExtension(oid, value), False) for oid, value in named)
        start = self.now() - timedelta(minutes=1)
        honest = Recipe("", (orders.identity,), start, start + timedelta(minutes=11), extra=extra)
        # One number for both certificates: the timestamp is over all of the first.
        recipe = orders.recipe(honest).but(serial=x509.random_serial_number())
        over = recipe.but(identities=(orders.sct_over,)) if orders.sct_over else recipe
        signed = build(over, holder, by).tbs_certificate_bytes
        keys = (self.ct,) if orders.scts is None else orders.scts
        scts = [_sct(key, signed, by, self.now()) for key in keys]
        embedded = ((x509.UnrecognizedExtension(SCT_LIST, _sct_list(scts)), False),) if scts else ()
        return build(recipe.but(extra=(*recipe.extra, *embedded)), holder, by)

    def bundle(self, payload: bytes | dict[str, Any], orders: Orders | None = None) -> bytes:
        """A bundle around a statement in a DSSE envelope."""
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self._mint(content, orders or Orders(), statement=True)

    def file_bundle(self, content: bytes, orders: Orders | None = None) -> bytes:
        """A bundle with a bare signature over a file."""
        return self._mint(content, orders or Orders(), statement=False)

    def _mint(self, content: bytes, orders: Orders, *, statement: bool) -> bytes:
        key = p256()
        certificate = self.certify(key.public_key(), orders)
        signed = pae(content) if statement else content
        signature = sign(key, signed)
        entry = dsse_body(content, signature, certificate) if statement else None
        if entry is None or orders.version == 2:
            entry = rekord_body(hashlib.sha256(signed).digest(), signature, certificate, orders.version)
        orders.body(entry)
        logged = self.log.append(rfc8785.dumps(entry), orders.time or self.now(), orders)
        material: dict[str, Any] = {
            "certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))},
            "tlogEntries": [logged] if orders.logged else [],
        }
        if orders.stamped:
            over = signature if orders.stamp_over is None else orders.stamp_over
            how = StampOrders(carried=() if orders.stamp_bare else None)
            token = stamp(orders.stamper or self.stamper, over, orders.stamped, orders=how)
            material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(token)}]}
        found = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            **(_envelope(content, signature) if statement else _message(content, signature)),
        }
        orders.edit(found)
        return json.dumps(found).encode()


def pae(payload: bytes) -> bytes:
    return b"DSSEv1 %d %b %d %b" % (len(IN_TOTO), IN_TOTO.encode(), len(payload), payload)


def _envelope(payload: bytes, signature: bytes) -> dict[str, Any]:
    signatures = [{"sig": b64(signature), "keyid": ""}]
    return {"dsseEnvelope": {"payload": b64(payload), "payloadType": IN_TOTO, "signatures": signatures}}


def _message(content: bytes, signature: bytes) -> dict[str, Any]:
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(content).digest())}
    return {"messageSignature": {"messageDigest": digest, "signature": b64(signature)}}


def _sct(key: Key, tbs: bytes, issuer: Held, at: datetime) -> bytes:
    """A signed certificate timestamp for a precertificate (RFC 6962, section 3.2)."""
    issuer_key = issuer.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    millis = int(at.timestamp()) * 1000
    entry = hashlib.sha256(issuer_key).digest() + len(tbs).to_bytes(3) + tbs
    signature = sign(key, struct.pack(">BBQH", 0, 0, millis, 1) + entry + b"\0\0")
    head = b"\0" + key_id(key) + struct.pack(">QHBBH", millis, 0, 4, 3, len(signature))
    return head + signature


def _sct_list(scts: list[bytes]) -> bytes:
    packed = b"".join(struct.pack(">H", len(item)) + item for item in scts)
    return tlv(OCTETS, struct.pack(">H", len(packed)) + packed)


def _trusted_log(key: Key, since: dict[str, str]) -> dict[str, Any]:
    public = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since}
    return {
        "baseUrl": f"https://{ORIGIN}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": public,
        "logId": {"keyId": b64(key_id(key))},
    }


def _trusted_ca(since: dict[str, str], *chain: Held) -> dict[str, Any]:
    return {
        "subject": {"organization": "example", "commonName": "example"},
        "uri": "https://ca.example.test",
        "certChain": {"certificates": [{"rawBytes": b64(item.der)} for item in chain]},
        "validFor": since,
    }
