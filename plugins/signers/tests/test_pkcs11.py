"""Keys of a real PKCS#11 token, SoftHSM 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from opening import check, open_uri, refused

from govkernel.hookspecs import SigningKey
from tests.simulators.softhsm import PIN, Token, make_token
from tests.simulators.x509 import Recipe, authority, build


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    monkeypatch.setenv("PKCS11_PIN", PIN)
    return make_token(tmp_path / "hsm", monkeypatch)


def opened(token: Token, uri: str) -> SigningKey:
    return open_uri(uri, {"pkcs11": {"module": token.module}})


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1", "ed25519"])
def test_it_signs(token: Token, curve: str, tmp_path: Path) -> None:
    token.generate("release", curve, b"\x01")
    check(opened(token, "pkcs11:token=acme;object=release"), tmp_path)


def test_a_key_by_id_and_serial(token: Token, tmp_path: Path) -> None:
    token.generate("release key", "secp256r1", b"\x01\xfe")
    token.generate("release key", "secp256r1", b"\x02")
    by_id = opened(token, f"pkcs11:serial={token.serial};id=%01%FE;type=private")
    by_both = opened(token, "pkcs11:object=release%20key;id=%01%fe")
    assert by_id.key_id == by_both.key_id
    check(by_id, tmp_path)
    assert refused(lambda: opened(token, "pkcs11:object=release%20key")) == "signer.no-key"


def test_a_key_without_id(token: Token, tmp_path: Path) -> None:
    token.generate("bare", "secp256r1")
    check(opened(token, "pkcs11:object=bare"), tmp_path)


@pytest.mark.parametrize(
    "attributes", ["token=none;object=release", "object=none", "serial=1;object=release"]
)
def test_no_such_key(token: Token, attributes: str) -> None:
    token.generate("release", "secp256r1", b"\x01")
    assert refused(lambda: opened(token, f"pkcs11:{attributes}")) == "signer.no-key"


def test_a_key_with_a_certificate_instead_of_a_public_key(token: Token, tmp_path: Path) -> None:
    from pkcs11 import Attribute, CertificateType, ObjectClass

    token.generate("piv", "secp256r1", b"\x09")
    pem = opened(token, "pkcs11:object=piv").public_key_pem()
    certificate = build(Recipe("piv"), load_pem_public_key(pem), authority("root"))
    with token.session() as session:
        [public] = session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})
        public.destroy()
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.ID: b"\x09",
                Attribute.SUBJECT: certificate.subject.public_bytes(),
                Attribute.VALUE: certificate.public_bytes(Encoding.DER),
            }
        )
    check(opened(token, "pkcs11:object=piv"), tmp_path)


def test_a_key_whose_public_half_is_nowhere(token: Token) -> None:
    from pkcs11 import Attribute, ObjectClass

    token.generate("release", "secp256r1", b"\x01")
    with token.session() as session:
        [public] = session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})
        public.destroy()
    assert refused(lambda: opened(token, "pkcs11:object=release")) == "signer.no-key"


@pytest.mark.parametrize("curve", ["secp256k1", "secp521r1"])
def test_a_key_on_another_curve(token: Token, curve: str) -> None:
    token.generate("release", curve, b"\x01")
    assert refused(lambda: opened(token, "pkcs11:object=release")) == "signer.unsupported"


def test_a_wrong_pin_is_tried_once(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    token.generate("release", "secp256r1", b"\x01")
    for pin, code in (("9999", "signer.credentials"), ("", "signer.credentials")):
        monkeypatch.setenv("PKCS11_PIN", pin)
        assert refused(lambda: opened(token, "pkcs11:object=release")) == code


def test_no_library(token: Token, tmp_path: Path) -> None:
    assert refused(lambda: open_uri("pkcs11:object=release", {})) == "signer.settings"
    text = tmp_path / "not.so"
    text.write_text("no library")
    config = {"pkcs11": {"module": str(text)}}
    assert refused(lambda: open_uri("pkcs11:object=release", config)) == "signer.unavailable"
