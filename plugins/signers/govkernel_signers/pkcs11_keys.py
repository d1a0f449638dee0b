"""Keys of PKCS#11 tokens, HSMs and smart cards, by python-pkcs11: ``pkcs11:token=LABEL;object=NAME``.

A session is opened for each operation and closed after it, one at a time: logins belong to a process as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import load_der_x509_certificate

from govkernel_signers.keys import Public, StoredKey, der
from govkernel_signers.problems import (
    bad_setting,
    no_credentials,
    no_key,
    not_installed,
    unavailable,
    unsupported,
    wrong_answer,
)
from govkernel_signers.rfc7512 import Pkcs11Uri, parse
from govkernel_signers.settings import Pkcs11Table

STORE: Final = "The PKCS#11 token"
_CURVES: Final[dict[bytes, ec.EllipticCurve]] = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
}
_EDWARDS: Final = frozenset({b"\x13\x0cedwards25519", bytes.fromhex("06032b6570")})
"""CKA_EC_PARAMS of Ed25519: curve name (PKCS #11 v3.0), or its object identifier (RFC 8410)."""

_LOGIN: Final = Lock()


class Pkcs11Provider:
    """Opens ``pkcs11:`` keys; follows :class:`govkernel.hookspecs.SigningKeyProvider`."""

    schemes = frozenset({"pkcs11"})

    def __init__(self, settings: Pkcs11Table) -> None:
        self._settings = settings

    def open(self, uri: str) -> StoredKey:
        """The private key that a URI (RFC 7512) names.

        Raises:
            ConfigError: ``signer.*``.
        """
        named = parse(uri)
        with self._session(named) as session:
            private = _private(session, named)
            public = _public(session, private, named)
            pinned = named if named.key_id else _with_id(named, private)

        def signing(message: bytes) -> bytes:
            with self._session(named) as session:
                return _signed(_private(session, pinned), public, message, self._pin())

        return StoredKey(public, signing)

    @contextmanager
    def _session(self, named: Pkcs11Uri) -> Iterator[Any]:
        pkcs11, pin = self._library(), self._pin()
        with _LOGIN:
            token = _one(_told(lambda: self._tokens(pkcs11, named)), "token")
            session = _told(lambda: token.open(user_pin=pin))
            try:
                yield session
            finally:
                session.close()

    def _tokens(self, pkcs11: Any, named: Pkcs11Uri) -> list[Any]:
        wanted = {"token_label": named.token or None, "token_serial": named.serial.encode() or None}
        flags = pkcs11.TokenFlag.TOKEN_INITIALIZED
        return list(pkcs11.lib(str(self._settings.module)).get_tokens(token_flags=flags, **wanted))

    def _library(self) -> Any:
        try:
            import pkcs11  # noqa: PLC0415
        except ImportError:
            raise not_installed("pkcs11") from None
        if self._settings.module is None:
            raise bad_setting(
                "There is no PKCS#11 library to talk to the token with.",
                "Set [plugins.settings.signers.pkcs11] module, e.g. /usr/lib/softhsm/libsofthsm2.so.",
            )
        return pkcs11

    def _pin(self) -> str:
        pin = os.environ.get(self._settings.pin_env, "")
        if not pin:
            name = self._settings.pin_env
            raise no_credentials(STORE, f"{name} holds no PIN.", f"Set {name} to the user PIN.")
        return pin


def _private(session: Any, named: Pkcs11Uri) -> Any:
    from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415

    wanted: dict[Any, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    if named.label:
        wanted[Attribute.LABEL] = named.label
    if named.key_id:
        wanted[Attribute.ID] = named.key_id
    return _one(_told(lambda: list(session.get_objects(wanted))), "private key")


def _with_id(named: Pkcs11Uri, private: Any) -> Pkcs11Uri:
    """The same key also by its id, so that it is this one that signs later."""
    from pkcs11 import Attribute  # noqa: PLC0415

    return Pkcs11Uri(named.token, named.serial, named.label, _told(lambda: bytes(private[Attribute.ID])))


def _public(session: Any, private: Any, named: Pkcs11Uri) -> Public:
    """From the public key or certificate with the private key's id, or its label where it has none."""
    from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415

    key_id = _told(lambda: bytes(private[Attribute.ID]))
    which = {Attribute.ID: key_id} if key_id else {Attribute.LABEL: named.label}
    for kind, read in ((ObjectClass.PUBLIC_KEY, _point), (ObjectClass.CERTIFICATE, _certified)):
        asked = {Attribute.CLASS: kind, **which}
        found = _told(lambda asked=asked: list(session.get_objects(asked)))  # type: ignore[misc]
        if found:
            return Public.of(read(_one(found, "public key")), STORE)
    raise no_key(STORE, "There is neither a public key nor a certificate with the id of the private key.")


def _point(public: Any) -> object:
    from pkcs11 import Attribute, KeyType  # noqa: PLC0415

    if public.key_type not in {KeyType.EC, KeyType.EC_EDWARDS}:
        raise unsupported(STORE, "It is no elliptic-curve key.")
    parameters = _told(lambda: bytes(public[Attribute.EC_PARAMS]))
    point = _bare(_told(lambda: bytes(public[Attribute.EC_POINT])))
    try:
        if parameters in _EDWARDS:
            return Ed25519PublicKey.from_public_bytes(point)
        if parameters not in _CURVES:
            raise unsupported(STORE, "It is on another curve.")
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[parameters], point)
    except ValueError:
        raise wrong_answer(STORE, "Its public key is no point of the curve.") from None


def _bare(point: bytes) -> bytes:
    """CKA_EC_POINT without the OCTET STRING around it, which some libraries leave out."""
    wrapped = len(point) > 2 and point[0] == 0x04 and point[1] == len(point) - 2
    return point[2:] if wrapped else point


def _certified(certificate: Any) -> object:
    from pkcs11 import Attribute  # noqa: PLC0415

    content = _told(lambda: bytes(certificate[Attribute.VALUE]))
    try:
        return load_der_x509_certificate(content).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise wrong_answer(STORE, "The certificate of the key cannot be read.") from None


def _signed(private: Any, public: Public, message: bytes, pin: str) -> bytes:
    from pkcs11 import Mechanism  # noqa: PLC0415

    again = {"pin": pin} if _wants_pin_again(private) else {}
    content, mechanism = (
        (public.digest(message), Mechanism.ECDSA) if public.hash else (message, Mechanism.EDDSA)
    )
    signature: bytes = _told(lambda: bytes(private.sign(content, mechanism=mechanism, **again)))
    return der(signature, STORE) if public.hash else signature


def _wants_pin_again(private: Any) -> bool:
    """Whether it wants the PIN for each signature, as PIV's signature key does; old libraries do not know of it."""
    from pkcs11 import Attribute  # noqa: PLC0415
    from pkcs11.exceptions import PKCS11Error  # noqa: PLC0415

    try:
        return bool(private[Attribute.ALWAYS_AUTHENTICATE])
    except PKCS11Error:
        return False


def _one(found: list[Any], what: str) -> Any:
    if len(found) != 1:
        raise no_key(STORE, f"{len(found)} objects fit where one {what} should.")
    return found[0]


def _told(call: Callable[[], Any]) -> Any:
    """The result, or what the token's error means; a wrong PIN is never tried twice, since tokens count them."""
    from pkcs11 import exceptions as said  # noqa: PLC0415

    try:
        return call()
    except (said.PinIncorrect, said.PinLocked, said.PinExpired, said.PinInvalid, said.PinLenRange) as error:
        raise no_credentials(STORE, type(error).__name__, "Check the PIN before you try again.") from None
    except said.NoSuchToken:
        raise no_key(STORE, "There is no such token.") from None
    except (said.PKCS11Error, RuntimeError, OSError) as error:
        raise unavailable(STORE, type(error).__name__) from None
