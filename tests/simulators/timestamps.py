"""A timestamp authority that says any time it is told to (RFC 3161 responses, CMS of RFC 5652, written by hand)."""

from __future__ import annotations

import hashlib
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import Name

from tests.simulators.x509 import Held

SEQUENCE, SET, INTEGER, OCTETS, OID, UTF8, TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x0C, 0x18
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
SHA256, ECDSA_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"


def stamp(authority: Held, message: bytes, at: datetime, nonce: bytes = b"") -> bytes:
    """A TimeStampResp (DER) that says ``message`` existed ``at`` a time.

    Args:
        nonce: the DER of the request's nonce, if there was one.
    """
    return stamp_digest(authority, hashlib.sha256(message).digest(), at, nonce)


def answer(authority: Held, request: bytes, at: datetime) -> bytes:
    """The response to a TimeStampReq (DER) over a SHA-256 digest."""
    _version, imprint, *rest = _children(request)
    digest = _children(imprint)[1]
    nonces = [item for item in rest if item[0] == INTEGER]
    return stamp_digest(authority, _value(digest), at, nonces[0] if nonces else b"")


def stamp_digest(authority: Held, digest: bytes, at: datetime, nonce: bytes) -> bytes:
    imprint = _seq(_algorithm(SHA256), tlv(OCTETS, digest))
    moment = tlv(TIME, f"{at:%Y%m%d%H%M%S}Z".encode())
    info = _seq(_integer(1), _oid("1.2.3.4.1"), imprint, _integer(1), moment, nonce)
    signed = _seq(
        _integer(3),
        tlv(SET, _algorithm(SHA256)),
        _seq(_oid(TST_INFO), tlv(0xA0, tlv(OCTETS, info))),
        tlv(0xA0, authority.der),
        tlv(SET, _signer(authority, info)),
    )
    return _seq(_seq(_integer(0)), _seq(_oid(SIGNED_DATA), tlv(0xA0, signed)))


def _signer(authority: Held, info: bytes) -> bytes:
    certificate, key = authority.certificate, authority.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    named = _seq(_seq(tlv(OCTETS, hashlib.sha256(authority.der).digest())))
    attributes = sorted(
        (
            _attribute(CONTENT_TYPE, _oid(TST_INFO)),
            _attribute(MESSAGE_DIGEST, tlv(OCTETS, hashlib.sha256(info).digest())),
            _attribute(SIGNING_CERTIFICATE, _seq(named)),
        )
    )
    signature = key.sign(tlv(SET, *attributes), ec.ECDSA(hashes.SHA256()))
    issuer: Name = certificate.issuer
    return _seq(
        _integer(1),
        _seq(issuer.public_bytes(), _integer(certificate.serial_number)),
        _algorithm(SHA256),
        tlv(0xA0, *attributes),
        _algorithm(ECDSA_SHA256),
        tlv(OCTETS, signature),
    )


def _attribute(kind: str, value: bytes) -> bytes:
    return _seq(_oid(kind), tlv(SET, value))


def _algorithm(kind: str) -> bytes:
    return _seq(_oid(kind))


def _seq(*items: bytes) -> bytes:
    return tlv(SEQUENCE, *items)


def _integer(value: int) -> bytes:
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    encoded = bytes([first * 40 + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        encoded += bytes(reversed(groups))
    return tlv(OID, encoded)


def tlv(tag: int, *items: bytes) -> bytes:
    """One DER element with its items inside."""
    value = b"".join(items)
    if len(value) < 0x80:
        return bytes([tag, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + value


def _split(der: bytes) -> tuple[int, int]:
    """Where the value of the first element starts and ends."""
    if der[1] < 0x80:
        return 2, 2 + der[1]
    start = 2 + (der[1] & 0x7F)
    return start, start + int.from_bytes(der[2:start])


def _value(der: bytes) -> bytes:
    start, end = _split(der)
    return der[start:end]


def _children(der: bytes) -> list[bytes]:
    """The elements inside a constructed one."""
    found, rest = [], _value(der)
    while rest:
        _, end = _split(rest)
        found.append(rest[:end])
        rest = rest[end:]
    return found
