"""DSSE envelopes alone: certificates and timestamps beside signatures, and several signatures of one envelope."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from govkernel.domain import AcceptedStatement, ArtifactKind, RejectedStatement
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import KeyVerifier, TrustPolicy, describe, verify_path
from govkernel.provenance.anchors import Anchor, CertificateAnchor, KeyAnchor
from govkernel.provenance.bundle import parse_signed
from govkernel.provenance.envelopes import MAX_SIGNATURES
from govkernel.provenance.foreign import parse_each, parse_foreign
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.store import BundleStore
from govkernel.provenance.time_authorities import read_time_authorities
from govkernel.provenance.verify_certificate import CertificateVerifier
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign
from govkernel.provenance.x509 import read_roots

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.simulators.certificate_lies import ALICE, Family, honest
from tests.simulators.envelopes import bare_token, by_key, by_witness, envelope, slsa_envelope
from tests.simulators.sigstore import Instance, Orders
from tests.simulators.timestamp_lies import HOUR, NOW, THEN, Clock
from tests.simulators.x509 import PrivateKey, p256

LOGIN, CUSTOM = "https://login.example.test", "https://example.test/p"
FAMILY, CLOCK = Family(), Clock()
ONE, TWO, NOBODY = p256(), p256(), p256()
WITNESS = FAMILY.chain()
SHORT = FAMILY.chain(honest().but(start=THEN - HOUR, end=THEN + HOUR))
TIMES = read_time_authorities(CLOCK.root.pem)
CA = CertificateAnchor(read_roots(FAMILY.root.pem), identity_pattern(ALICE))
STAMPED_CA = CertificateAnchor(CA.roots, CA.identity, TIMES)
INSTANCE = Instance(now=lambda: NOW)


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def anchor(key: PrivateKey) -> KeyAnchor:
    return KeyAnchor.from_pem(public_pem(key))


def root(**changes: Any) -> KeylessAnchor:
    trusted = read_trusted_root(INSTANCE.trusted_root(**changes))
    return KeylessAnchor(trusted, identity_pattern(ALICE), identity_pattern(LOGIN))


def said(content: bytes = b"hello") -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "thing", "digest": {"sha256": hashlib.sha256(content).hexdigest()}}],
        "predicateType": CUSTOM,
        "predicate": {"a": 1},
    }


def slsa(orders: Orders | None = None) -> bytes:
    return slsa_envelope(INSTANCE, said(), orders)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "thing.jsonl"
    path.write_bytes(b"hello")
    return path


def judged(path: Path, raw: bytes, by: Anchor) -> Any:
    return verify_foreign(path, raw, by, now=NOW)


ACCEPTED: dict[str, tuple[bytes, Anchor]] = {
    "by a key": (envelope(said(), by_key(ONE)), anchor(ONE)),
    "by Witness, with its authority": (envelope(said(), by_witness(WITNESS)), CA),
    "by Witness, with its key": (envelope(said(), by_witness(WITNESS)), anchor(WITNESS[0].key)),
    "by Witness, stamped": (envelope(said(), by_witness(SHORT, CLOCK.tells())), STAMPED_CA),
    "by the second of two keys": (envelope(said(), by_key(NOBODY), by_key(ONE)), anchor(ONE)),
    "by a key and a certificate, the certificate": (envelope(said(), by_key(ONE), by_witness(WITNESS)), CA),
    "by a key and a certificate, the key": (
        envelope(said(), by_witness(WITNESS), by_key(ONE)),
        anchor(ONE),
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_envelope_alone_is_believed(name: str, artifact: Path) -> None:
    raw, by = ACCEPTED[name]
    found = judged(artifact, raw, by)
    assert isinstance(found, VerifiedBundle), found
    assert found.signed_at == (THEN if "stamped" in name else None)
    artifact.write_bytes(b"other")
    assert judged(artifact, raw, by).code == "provenance.subject-mismatch"


def spoilt(raw: bytes) -> bytes:
    document = json.loads(raw)
    document["payload"] = base64.b64encode(json.dumps(said(b"other")).encode()).decode()
    return json.dumps(document).encode()


REFUSED: dict[str, tuple[Callable[[], bytes], Anchor, str]] = {
    "a certificate that lapsed": (
        lambda: envelope(said(), by_witness(SHORT)),
        CA,
        "certificate.expired",
    ),
    "a certificate that lapsed, its time not asked for": (
        lambda: envelope(said(), by_witness(SHORT, CLOCK.tells())),
        CA,
        "certificate.expired",
    ),
    "stamped after it lapsed": (
        lambda: envelope(said(), by_witness(SHORT, CLOCK.tells(THEN + 2 * HOUR))),
        STAMPED_CA,
        "certificate.expired",
    ),
    "stamped by a stranger": (
        lambda: envelope(said(), by_witness(SHORT, Clock().tells())),
        STAMPED_CA,
        "timestamp.untrusted",
    ),
    "stamped by nobody": (lambda: envelope(said(), by_witness(SHORT)), STAMPED_CA, "timestamp.missing"),
    "a stamp over something else": (
        lambda: envelope(said(), by_witness(SHORT, lambda _: CLOCK.tells()(b"other"))),
        STAMPED_CA,
        "timestamp.other-signature",
    ),
    "of another authority": (
        lambda: envelope(said(), by_witness(Family().chain())),
        CA,
        "certificate.untrusted",
    ),
    "without the authorities between": (
        lambda: envelope(said(), by_witness(WITNESS[:1])),
        CA,
        "certificate.untrusted",
    ),
    "a payload that was changed": (
        lambda: spoilt(envelope(said(), by_witness(WITNESS))),
        CA,
        "provenance.signature-invalid",
    ),
    "one of two that was changed": (
        lambda: spoilt(envelope(said(), by_key(NOBODY), by_witness(WITNESS))),
        CA,
        "provenance.signature-invalid",
    ),
    "a key where a certificate is asked for": (
        lambda: envelope(said(), by_key(ONE)),
        CA,
        "certificate.missing",
    ),
    "a certificate where a key is asked for": (
        lambda: envelope(said(), by_witness(WITNESS)),
        anchor(ONE),
        "provenance.keyless",
    ),
    "nobody's": (
        lambda: envelope(said(), by_key(NOBODY), by_key(TWO)),
        anchor(ONE),
        "provenance.signer-not-trusted",
    ),
    "too many": (
        lambda: envelope(said(), *[by_key(ONE)] * (MAX_SIGNATURES + 1)),
        anchor(ONE),
        "provenance.signature-many",
    ),
    "by SLSA's generator, no log entry": (slsa, root(), "keyless.no-log-entry"),
    "by another Sigstore": (
        lambda: slsa(Orders(by=FAMILY.below)),
        root(),
        "certificate.untrusted",
    ),
    "of an instance without a log, no timestamp": (slsa, root(tlogs=[]), "timestamp.missing"),
    "by a key, of an instance": (lambda: envelope(said(), by_key(ONE)), root(), "certificate.missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_lie_of_an_envelope_has_its_code(name: str, artifact: Path) -> None:
    make, by, code = REFUSED[name]
    found = judged(artifact, make(), by)
    assert isinstance(found, RejectedStatement), found
    assert found.code == code
    assert found.remedy
    assert code == "certificate.missing" or "signed with a key" not in found.why


UNKNOWN_VERSION = WITNESS[0].der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)
MALFORMED: dict[str, dict[str, Any]] = {
    "a certificate that is no text": {"cert": 7},
    "a certificate that is no PEM": {"cert": "MIIB"},
    "a certificate that is no base64": {"certificate": "-----BEGIN"},
    "a certificate of a version that does not exist": {"cert": ssl.DER_cert_to_PEM_cert(UNKNOWN_VERSION)},
    "intermediates that are no list": {"intermediates": "x"},
    "intermediates without end": {"certificate": "eA==", "intermediates": ["eA=="] * 50},
    "timestamps that are no list": {"timestamps": "x"},
    "a timestamp that is no object": {"timestamps": ["x"]},
    "a timestamp that is no base64": {"timestamps": [{"type": "tsp", "data": "="}]},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_stands_beside_a_signature_is_read_strictly(name: str) -> None:
    raw = json.loads(envelope(said(), by_key(ONE)))
    raw["signatures"][0].update(MALFORMED[name])
    for read in (parse_each, parse_foreign, parse_signed):
        with pytest.raises(GovkernelError) as refused:
            read(json.dumps(raw).encode())
        assert refused.value.code in {"provenance.bundle-malformed", "provenance.base64"}


def test_a_whole_response_is_read_like_the_bare_token() -> None:
    (response,) = CLOCK.tells()(b"signature")
    raw = json.loads(envelope(said(), by_key(ONE)))
    found = []
    for data in (response, bare_token(response)):
        stamp = {"type": "tsp", "data": base64.b64encode(data).decode()}
        raw["signatures"][0]["timestamps"] = [stamp, {"type": "other", "data": "!"}]
        (read,) = parse_each(json.dumps(raw).encode())
        assert len(read.timestamps) == 1
        found.append(read.timestamps[0])
    assert bare_token(found[0]) == bare_token(response)
    assert found[1].endswith(bare_token(response))


def policy(rules: str, more: str = "") -> TrustPolicy:
    keys = [
        {"name": name, "publicKey": public_pem(key).decode()} for name, key in (("one", ONE), ("two", TWO))
    ]
    text = f"""
version: 1
keys: {json.dumps(keys)}
authorities:
  - {{name: acme, certificates: {json.dumps(FAMILY.root.pem.decode())}}}
  - {{name: time, timestamps: {json.dumps(CLOCK.root.pem.decode())}}}
identities: [{{name: alice, identity: {ALICE}, issuer: CN=root}}]
rules: [{rules}]
{more}
"""
    return TrustPolicy.parse(text.encode())


EVERYBODY = f'{{signers: [one, two, alice], may: ["{CUSTOM}"]}}'


def verified(trust: TrustPolicy, raw: bytes, path: Path) -> Any:
    """As the gatherer asks the verifiers."""
    bundle, artifact = Bundle(content=raw, source="t"), describe(path, ArtifactKind.DATASET)
    by_key = KeyVerifier(trust.keys, times=trust.times).verify(bundle, artifact, NOW)
    return by_key or CertificateVerifier(trust.authorities).verify(bundle, artifact, NOW)


UNDER_POLICY: dict[str, tuple[bytes, set[str]]] = {
    "a key": (envelope(said(), by_key(ONE)), {"one"}),
    "a key beside a stranger's": (envelope(said(), by_key(NOBODY), by_key(TWO)), {"two"}),
    "two keys": (envelope(said(), by_key(ONE), by_key(TWO)), {"one", "two"}),
    "a key twice": (envelope(said(), by_key(ONE), by_key(ONE)), {"one"}),
    "a certificate": (envelope(said(), by_witness(WITNESS)), {ALICE}),
    "a certificate beside a stranger's": (
        envelope(said(), by_witness(Family().chain()), by_key(NOBODY), by_witness(WITNESS)),
        {ALICE},
    ),
    "a certificate that lapsed, stamped": (envelope(said(), by_witness(SHORT, CLOCK.tells())), {ALICE}),
}


@pytest.mark.parametrize("name", UNDER_POLICY)
def test_under_a_policy_any_signature_that_holds_is_enough(name: str, artifact: Path) -> None:
    raw, signers = UNDER_POLICY[name]
    trust = policy(EVERYBODY)
    found = verified(trust, raw, artifact)
    assert isinstance(found, VerifiedStatement), found
    assert {signer.name for signer in found.signers} == signers
    assert len(found.signers) == len(signers)
    judged = trust.judge(found, describe(artifact, ArtifactKind.DATASET), NOW)
    assert isinstance(judged, AcceptedStatement)
    asked = verify_path(artifact, raw, trust, now=NOW)
    assert isinstance(asked, VerifiedStatement)
    assert asked.signers == found.signers


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (envelope(said(), by_key(NOBODY)), "provenance.signer-not-trusted"),
        (envelope(said(), by_witness(SHORT)), "certificate.expired"),
        (envelope(said(), by_key(NOBODY), by_witness(Family().chain())), "certificate.untrusted"),
        (spoilt(envelope(said(), by_key(ONE))), "provenance.signer-not-trusted"),
    ],
)
def test_under_a_policy_strangers_are_refused(raw: bytes, code: str, artifact: Path) -> None:
    trust = policy(EVERYBODY)
    assert verified(trust, raw, artifact).code == code
    assert verify_path(artifact, raw, trust, now=NOW).code == code  # type: ignore[union-attr]


def test_one_rule_for_one_of_the_signers_is_enough(artifact: Path) -> None:
    trust = policy(f'{{signers: [two], may: ["{CUSTOM}"]}}')
    found = verified(trust, envelope(said(), by_key(ONE), by_key(TWO)), artifact)
    kept = trust.judge(found, describe(artifact, ArtifactKind.DATASET), NOW)
    assert isinstance(kept, AcceptedStatement)
    assert [signer.name for signer in kept.signers] == ["two"]


def test_a_key_that_signs_twice_meets_no_threshold(artifact: Path) -> None:
    trust = policy(f'{{signers: [one, two], may: ["{CUSTOM}"], threshold: 2}}')
    subject = describe(artifact, ArtifactKind.DATASET)
    found = verified(trust, envelope(said(), by_key(ONE), by_key(ONE)), artifact)
    kept = trust.judge(found, subject, NOW)
    assert isinstance(kept, AcceptedStatement)
    standing, fallen = trust.settle([kept], subject, NOW)
    assert standing == ()
    assert [item.code for item in fallen] == ["provenance.threshold"]


def test_nobody_is_judged_by_the_time_of_another_signature(artifact: Path) -> None:
    """Else a lapsed key could be added later to an envelope that somebody else had stamped."""
    stamped = by_key(ONE)

    def with_time(signed: bytes) -> dict[str, Any]:
        made = stamped(signed)
        tokens = CLOCK.tells()(base64.b64decode(made["sig"]))
        stamps = [{"type": "tsp", "data": base64.b64encode(bare_token(item)).decode()} for item in tokens]
        return {**made, "timestamps": stamps}

    trust = policy(EVERYBODY)
    assert verified(trust, envelope(said(), with_time), artifact).signed_at == THEN
    assert verified(trust, envelope(said(), with_time, by_key(TWO)), artifact).signed_at is None


def test_the_store_keeps_and_finds_an_envelope(artifact: Path, tmp_path: Path) -> None:
    store, raw = BundleStore(tmp_path / "store"), envelope(said(), by_key(ONE), by_witness(WITNESS))
    store.add(raw)
    assert [item.content for item in store.find(describe(artifact, ArtifactKind.DATASET))] == [raw]
