"""A timestamp authority that says any time it is told to (RFC 3161 responses, CMS of RFC 5652, written by hand)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.name import Name

from tests.simulators.x509 import Held, PrivateKey

SEQUENCE, SET, INTEGER, OCTETS, OID, UTF8, TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x0C, 0x18
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
ECDSA_SHA256, RSA = "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.1"
HASHES = {
    "md5": "1.2.840.113549.2.5",
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}


@dataclass(frozen=True)
class StampOrders:
    """What a timestamp authority is told to do; the default is to tell the truth.

    Attributes:
        hash: of the imprint.
        imprint: instead of the digest of the message.
        status: of the response; with any but 0 and 1 there is no token.
        accuracy: seconds it says it is exact to.
        key: signs instead of the authority's.
        carried: certificates in the token; default the authority's own.
        info: changes what was stamped after it was signed.
        signed_hash: the algorithm that the signer says it used.
        signers: how often the signer signs.
        nonce: number that is answered instead of the request's.
    """

    hash: str = "sha256"
    imprint: bytes | None = None
    status: int = 0
    accuracy: int | None = None
    key: ec.EllipticCurvePrivateKey | None = None
    carried: tuple[Held, ...] | None = None
    info: Callable[[bytes], bytes] = lambda info: info
    signed_hash: str = "sha256"
    signers: int = 1
    nonce: int | None = None


HONEST = StampOrders()


def stamp(
    authority: Held, message: bytes, at: datetime, nonce: bytes = b"", orders: StampOrders = HONEST
) -> bytes:
    """A TimeStampResp (DER) that says ``message`` existed ``at`` a time.

    Args:
        nonce: the DER of the request's nonce, if there was one.
    """
    digest = hashlib.new(orders.hash, message).digest() if orders.imprint is None else orders.imprint
    return stamp_digest(authority, digest, at, nonce, orders)


def answer(authority: Held, request: bytes, at: datetime, orders: StampOrders = HONEST) -> bytes:
    """The response to a TimeStampReq (DER) over a SHA-256 digest."""
    _version, imprint, *rest = _children(request)
    digest = _children(imprint)[1] if orders.imprint is None else tlv(OCTETS, orders.imprint)
    nonces = (
        [item for item in rest if item[0] == INTEGER] if orders.nonce is None else [_integer(orders.nonce)]
    )
    return stamp_digest(authority, _value(digest), at, nonces[0] if nonces else b"", orders)


def stamp_digest(
    authority: Held, digest: bytes, at: datetime, nonce: bytes, orders: StampOrders = HONEST
) -> bytes:
    if orders.status > 1:
        return _seq(_seq(_integer(orders.status)))
    imprint = _seq(_algorithm(HASHES[orders.hash]), tlv(OCTETS, digest))
    moment = tlv(TIME, f"{at:%Y%m%d%H%M%S}Z".encode())
    accuracy = b"" if orders.accuracy is None else _seq(_integer(orders.accuracy))
    info = _seq(_integer(1), _oid("1.2.3.4.1"), imprint, _integer(1), moment, accuracy, nonce)
    carried = (authority,) if orders.carried is None else orders.carried
    signers = [_signer(authority, info, orders) for _ in range(orders.signers)]
    signed = _seq(
        _integer(3),
        tlv(SET, _algorithm(HASHES[orders.signed_hash])),
        _seq(_oid(TST_INFO), tlv(0xA0, tlv(OCTETS, orders.info(info)))),
        tlv(0xA0, *sorted(item.der for item in carried)),
        tlv(SET, *signers),
    )
    return _seq(_seq(_integer(orders.status)), _seq(_oid(SIGNED_DATA), tlv(0xA0, signed)))


def _signer(authority: Held, info: bytes, orders: StampOrders) -> bytes:
    certificate, key = authority.certificate, orders.key or authority.key
    named = _seq(_seq(tlv(OCTETS, hashlib.sha256(authority.der).digest())))
    algorithm = HASHES[orders.signed_hash]
    attributes = sorted(
        (
            _attribute(CONTENT_TYPE, _oid(TST_INFO)),
            _attribute(MESSAGE_DIGEST, tlv(OCTETS, hashlib.new(orders.signed_hash, info).digest())),
            _attribute(SIGNING_CERTIFICATE, _seq(named)),
        )
    )
    issuer: Name = certificate.issuer
    return _seq(
        _integer(1),
        _seq(issuer.public_bytes(), _integer(certificate.serial_number)),
        _algorithm(algorithm),
        tlv(0xA0, *attributes),
        _signed(key, tlv(SET, *attributes)),
    )


def _signed(key: PrivateKey, content: bytes) -> bytes:
    """Algorithm and signature, with SHA-256."""
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return _seq(_oid(RSA), b"\x05\x00") + tlv(OCTETS, signature)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return _algorithm(ECDSA_SHA256) + tlv(OCTETS, key.sign(content, ec.ECDSA(hashes.SHA256())))


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
