"""Certificates as evidence: authorities of the trust policy vouch, identities and their issuers are held to rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import AcceptedStatement, Artifact, RejectedStatement
from govkernel.errors import ConfigError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import TrustPolicy
from govkernel.provenance.revocation import Revocation
from govkernel.provenance.rules import Rule, Window
from govkernel.provenance.verify_certificate import CertificateVerifier

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.provenance.conftest import NOW
from tests.simulators.signing import certified
from tests.simulators.sigstore import Instance, Orders
from tests.simulators.x509 import Recipe, authority

INSTANCE = Instance(now=lambda: NOW)
ROOT = authority("acme root")
ALICE, LOGIN = "alice@example.test", "https://login.example.test"
CARD = "https://govkernel.dev/attestations/approval/v1"
ARTIFACT = Artifact(kind="dataset", name="file:data", digest="sha256:" + "ab" * 32, pinned=True)
BOTH = "[{name: acme, certificates: ca.pem}, {name: public, trustedRoot: trusted_root.json}]"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "trusted_root.json").write_bytes(INSTANCE.trusted_root())
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    return tmp_path


def policy(base: Path, authorities: str = BOTH, identity: str = "", more: str = "") -> TrustPolicy:
    who = identity or f"{{name: alice, identity: {ALICE}, issuer: {LOGIN}}}"
    text = f"""
version: 1
authorities: {authorities}
identities: [{who}]
rules: [{{signers: [alice], may: [approval]}}]
{more}
"""
    return TrustPolicy.parse(text.encode(), base)


def statement() -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "data", "digest": {"sha256": "ab" * 32}}],
        "predicateType": CARD,
        "predicate": {"approver": "alice", "role": "owner", "decision": "approve"},
    }


def keyless(**orders: Any) -> bytes:
    return INSTANCE.bundle(statement(), Orders(**orders))


def issued(recipe: Recipe) -> bytes:
    return certified(statement(), [ROOT.issue(recipe)])


def judged(trust: TrustPolicy, raw: bytes, artifact: Artifact = ARTIFACT) -> Any:
    outcome = CertificateVerifier(trust.authorities).verify(Bundle(content=raw, source="t"), artifact, NOW)
    return trust.judge(outcome, artifact, NOW) if isinstance(outcome, VerifiedStatement) else outcome


def test_a_keyless_statement_is_evidence_with_its_verified_time(base: Path) -> None:
    trust = policy(base)
    found = judged(trust, keyless())
    assert isinstance(found, AcceptedStatement)
    assert [(item.name, item.authority) for item in found.signers] == [("alice", "public")]
    verified = CertificateVerifier(trust.authorities).verify(
        Bundle(content=keyless(), source="t"), ARTIFACT, NOW
    )
    assert isinstance(verified, VerifiedStatement)
    assert verified.signed_at == NOW


def test_a_statement_under_a_certificate_authority_is_evidence(base: Path) -> None:
    who = "{name: alice, identity: alice@example.test, issuer: CN=acme root, authority: acme}"
    found = judged(policy(base, identity=who), issued(Recipe(identities=(ALICE,))))
    assert isinstance(found, AcceptedStatement)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (keyless(identity="mallory@example.test"), "provenance.signer-not-trusted"),
        (keyless(issuer="https://login.example.test.evil"), "provenance.signer-not-trusted"),
        (keyless(scts=()), "keyless.sct"),
        (keyless(by=authority("another root")), "keyless.chain"),
        (issued(Recipe(identities=(ALICE,))), "provenance.signer-not-trusted"),
        (issued(Recipe(identities=(ALICE,), end=NOW - timedelta(days=1))), "certificate.expired"),
    ],
)
def test_each_lie_has_its_code(base: Path, raw: bytes, code: str) -> None:
    found = judged(policy(base), raw)
    assert isinstance(found, RejectedStatement)
    assert found.code == code


def test_an_identity_may_be_bound_to_one_authority(base: Path) -> None:
    bound = f"{{name: alice, identity: {ALICE}, issuer: {LOGIN}, authority: acme}}"
    assert judged(policy(base, identity=bound), keyless()).code == "provenance.signer-not-trusted"


def test_without_authorities_a_certificate_proves_nothing(base: Path) -> None:
    found = judged(policy(base, authorities="[]"), keyless())
    assert found.code == "provenance.keyless"
    assert "authorities" in found.remedy


def test_another_artifact_is_refused(base: Path) -> None:
    other = ARTIFACT.model_copy(update={"digest": ARTIFACT.digest.sha256("cd" * 32)})  # type: ignore[union-attr]
    assert judged(policy(base), keyless(), other).code == "provenance.subject-mismatch"


@pytest.mark.parametrize(("hours", "stands"), [(1, True), (-1, False)])
def test_what_was_signed_before_an_identity_was_lost_stands(base: Path, hours: int, stands: bool) -> None:
    """The log, not the signer, says when."""
    trust = policy(base)
    lost = Revocation(
        target="identity",
        value=ALICE,
        issuer=LOGIN,
        since=NOW + timedelta(hours=hours),
        reason="laptop lost",
        by="security",
        scope=(Rule(frozenset({"security"}), ("revocation",), frozenset(), ("*",), Window()),),
    )
    trust = replace(trust, revoked=replace(trust.revoked, lists={("identity", ALICE): (lost,)}))
    assert isinstance(judged(trust, keyless()), AcceptedStatement) is stands


def test_other_authorities_are_another_policy(base: Path) -> None:
    before = policy(base).digest
    (base / "ca.pem").write_bytes(authority("acme root").pem)
    assert policy(base).digest != before


@pytest.mark.parametrize(
    "authorities",
    [
        "[{name: acme}]",
        "[{name: acme, certificates: ca.pem, trustedRoot: trusted_root.json}]",
        "[{name: acme, certificates: ca.pem}, {name: acme, certificates: ca.pem}]",
        "[{name: acme, certificates: missing.pem}]",
        "[{name: acme, trustedRoot: ca.pem}]",
        "[{name: acme, certificates: trusted_root.json}]",
    ],
)
def test_authorities_that_cannot_be_used_are_refused_at_once(base: Path, authorities: str) -> None:
    with pytest.raises(ConfigError) as caught:
        policy(base, authorities=authorities)
    assert caught.value.remedy


def test_an_identity_cannot_name_an_authority_that_is_not_there(base: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        policy(base, identity=f"{{name: alice, identity: {ALICE}, issuer: {LOGIN}, authority: nobody}}")
