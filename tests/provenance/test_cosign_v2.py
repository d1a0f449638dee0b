"""Files that cosign wrote with ``--bundle`` before version 3: by identity, by certificate and by key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from govkernel.domain import RejectedStatement
from govkernel.errors import GovkernelError
from govkernel.provenance import verify_path
from govkernel.provenance.anchors import Anchor, CertificateAnchor, KeyAnchor
from govkernel.provenance.bundle import parse_signed
from govkernel.provenance.foreign import parse_each
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.trust import TrustPolicy
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign
from govkernel.provenance.x509 import read_roots

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.provenance.conftest import NOW
from tests.simulators.certificate_lies import ALICE, Family
from tests.simulators.cosign_v2 import by_key, rewritten
from tests.simulators.lying_signer import b64
from tests.simulators.sigstore import Instance, Orders
from tests.simulators.x509 import p256

LOGIN, CUSTOM = "https://login.example.test", "https://example.test/p"
KEY, FAMILY, INSTANCE = p256(), Family(), Instance(now=lambda: NOW)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
BY_KEY = KeyAnchor.from_pem(PEM)
CA = CertificateAnchor(read_roots(INSTANCE.root.pem + INSTANCE.intermediate.pem), identity_pattern(ALICE))
KEYLESS = KeylessAnchor(
    read_trusted_root(INSTANCE.trusted_root()), identity_pattern(ALICE), identity_pattern(LOGIN)
)
SAID = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "thing", "digest": {"sha256": hashlib.sha256(b"hello").hexdigest()}}],
    "predicateType": CUSTOM,
    "predicate": {"a": 1},
}


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "thing.jsonl"
    path.write_bytes(b"hello")
    return path


def judged(path: Path, raw: bytes, anchor: Anchor) -> Any:
    return verify_foreign(path, raw, anchor, now=NOW)


def blob(**orders: Any) -> bytes:
    return rewritten(INSTANCE.file_bundle(b"hello", Orders(**orders)))


def edited(change: Callable[[dict[str, Any]], object], **orders: Any) -> bytes:
    return rewritten(INSTANCE.file_bundle(b"hello", Orders(**orders)), lambda found: change(found) and None)


ACCEPTED: dict[str, tuple[bytes, Anchor]] = {
    "by an identity": (blob(), KEYLESS),
    "by an identity, its certificate as PEM": (
        edited(lambda it: it.update(cert=base64.b64decode(it["cert"]).decode())),
        KEYLESS,
    ),
    "by a certificate that is valid now": (blob(), CA),
    "by a key": (by_key(b"hello", KEY), BY_KEY),
    "by a key that stands in it": (by_key(b"hello", KEY, lambda it: it.update(cert=b64(PEM))), BY_KEY),
    "by a key, with nothing for the rest": (
        by_key(b"hello", KEY, lambda it: it.update(cert="", rekorBundle=None)),
        BY_KEY,
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_file_of_cosign_2_is_believed(name: str, artifact: Path) -> None:
    raw, anchor = ACCEPTED[name]
    found = judged(artifact, raw, anchor)
    assert isinstance(found, VerifiedBundle), found
    assert found.statement is None
    assert found.signed_at == (NOW if anchor is KEYLESS else None)
    artifact.write_bytes(b"other")
    assert isinstance(judged(artifact, raw, anchor), RejectedStatement)


def payload(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda it: it["rekorBundle"]["Payload"].update({name: value})


def other_entry(it: dict[str, Any]) -> None:
    """The log's entry about another file, by the same identity."""
    it["rekorBundle"] = json.loads(rewritten(INSTANCE.file_bundle(b"other")))["rekorBundle"]


REFUSED: dict[str, tuple[Callable[[], bytes], Anchor, str]] = {
    "the promise by another log": (lambda: blob(promise_key=p256()), KEYLESS, "keyless.promise"),
    "the promise for another time": (
        lambda: edited(payload("integratedTime", int(NOW.timestamp()) + 1)),
        KEYLESS,
        "keyless.promise",
    ),
    "the promise for another place": (lambda: edited(payload("logIndex", 7)), KEYLESS, "keyless.promise"),
    "the promise of nobody": (
        lambda: edited(lambda it: it["rekorBundle"].update(SignedEntryTimestamp="")),
        KEYLESS,
        "keyless.promise",
    ),
    "a log that is not listed": (lambda: edited(payload("logID", "ab" * 32)), KEYLESS, "keyless.promise"),
    "no time": (lambda: edited(payload("integratedTime", 0)), KEYLESS, "keyless.time"),
    "logged after the certificate lapsed": (
        lambda: blob(time=NOW + timedelta(hours=1)),
        KEYLESS,
        "keyless.chain",
    ),
    "an entry about another file": (lambda: edited(other_entry), KEYLESS, "keyless.log-entry"),
    "no entry": (lambda: edited(lambda it: it.pop("rekorBundle")), KEYLESS, "keyless.no-log-entry"),
    "no signed certificate timestamp": (lambda: blob(scts=()), KEYLESS, "keyless.sct"),
    "somebody else": (lambda: blob(identity="eve@example.test"), KEYLESS, "identity.mismatch"),
    "vouched for by somebody else": (lambda: blob(issuer="https://eve.test"), KEYLESS, "identity.issuer"),
    "of another authority": (lambda: blob(by=FAMILY.below), CA, "certificate.untrusted"),
    "another signature": (
        lambda: edited(lambda it: it.update(base64Signature=b64(b"0" * 70))),
        KEYLESS,
        "keyless.signature",
    ),
    "another key": (lambda: by_key(b"hello", p256()), BY_KEY, "provenance.signer-not-trusted"),
    "a certificate where a key is asked for": (blob, BY_KEY, "provenance.keyless"),
    "a key where an identity is asked for": (lambda: by_key(b"hello", KEY), KEYLESS, "certificate.missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_lie_of_a_file_of_cosign_2_has_its_code(name: str, artifact: Path) -> None:
    make, anchor, code = REFUSED[name]
    found = judged(artifact, make(), anchor)
    assert isinstance(found, RejectedStatement), found
    assert found.code == code
    assert found.remedy


def test_a_statement_of_attest_blob_is_read(artifact: Path) -> None:
    raw = rewritten(INSTANCE.bundle(SAID))
    found = judged(artifact, raw, KEYLESS)
    assert isinstance(found, VerifiedBundle), found
    assert found.statement is not None
    assert found.statement.predicate_type == CUSTOM
    artifact.write_bytes(b"other")
    assert judged(artifact, raw, KEYLESS).code == "provenance.subject-mismatch"


def test_under_a_policy_a_statement_counts_and_a_bare_signature_states_nothing(
    artifact: Path, tmp_path: Path
) -> None:
    (tmp_path / "root.json").write_bytes(INSTANCE.trusted_root())
    text = f"""
version: 1
authorities: [{{name: public, trustedRoot: root.json}}]
identities: [{{name: alice, identity: {ALICE}, issuer: {LOGIN}}}]
rules: [{{signers: [alice], may: ["{CUSTOM}"]}}]
"""
    trust = TrustPolicy.parse(text.encode(), tmp_path)
    found: Any = verify_path(artifact, rewritten(INSTANCE.bundle(SAID)), trust, now=NOW)
    assert found.signed_at == NOW
    refused: Any = verify_path(artifact, blob(), trust, now=NOW)
    assert refused.code == "provenance.no-envelope"


MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "a signature that is a number": lambda it: it.update(base64Signature=7),
    "a signature that is empty": lambda it: it.update(base64Signature=""),
    "a certificate that is a list": lambda it: it.update(cert=[]),
    "a certificate that is no base64": lambda it: it.update(cert="!"),
    "a certificate that is no certificate": lambda it: it.update(cert="-----BEGIN CERTIFICATE-----\nAA"),
    "certificates without end": lambda it: it.update(cert=base64.b64decode(it["cert"]).decode() * 11),
    "an entry that is text": lambda it: it.update(rekorBundle="x"),
    "an entry without a payload": lambda it: it.update(rekorBundle={}),
    "a body that is no JSON": payload("body", "AAAA"),
    "a body of no kind": payload("body", b64(b"{}")),
    "a time that is text": payload("integratedTime", "1"),
    "a time that is true": payload("integratedTime", True),
    "a place before the first": payload("logIndex", -1),
    "a log that is no hexadecimal": payload("logID", "xyz"),
    "a log that is a number": payload("logID", 7),
    "a promise that is a number": lambda it: it["rekorBundle"].update(SignedEntryTimestamp=7),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_of_cosign_2_is_refused(name: str) -> None:
    raw = edited(MALFORMED[name])
    for read in (parse_each, parse_signed):
        with pytest.raises(GovkernelError) as refused:
            read(raw)
        assert refused.value.remedy
        assert refused.value.code.startswith("provenance.")
