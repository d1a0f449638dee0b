"""Revocation lists: in force at once, for whom they reach, and never silently lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    ArtifactKind,
    ArtifactRef,
    Digest,
    RejectedStatement,
    Signer,
)
from govkernel.domain.predicates import MODEL_CARD, REVOCATION
from govkernel.errors import ConfigError, GovkernelError, ProvenanceError
from govkernel.gather import EvidenceGatherer
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.plugins import PluginHost
from govkernel.provenance import (
    BundleStore,
    CurrentTrust,
    KeyVerifier,
    LocalKey,
    PassedOver,
    ProvenancePlugin,
    RevocationList,
    TrustPolicy,
    attest,
    read_list,
    sign_list,
)
from tests.provenance.conftest import NOW, policy
from tests.simulators.lying_signer import signed, statement

HEX = "ab" * 32
MODEL = Artifact(kind=ArtifactKind.MODEL, name="mlflow://models/m/1", digest=Digest.sha256(HEX))
CARD = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
RELEASE, SECURITY, OTHER = (LocalKey.generate("ed25519") for _ in range(3))
KEYS = {"release": RELEASE, "security": SECURITY}
RULES = "{signers: [release], may: [model-card]}, {signers: [security], may: [revocation]%s}"
TRUST = policy(f"rules: [{RULES % ''}]", **KEYS)
CARD_BUNDLE = attest(MODEL, "model-card", CARD, RELEASE)


def verified(artifact: Artifact = MODEL, **changes: Any) -> VerifiedStatement:
    outcome = KeyVerifier(TRUST.keys).verify(Bundle(content=CARD_BUNDLE, source="card"), artifact, NOW)
    assert isinstance(outcome, VerifiedStatement)
    return outcome.model_copy(update=changes)


def listed(*entries: dict[str, str], key: LocalKey = SECURITY, trust: TrustPolicy = TRUST) -> TrustPolicy:
    """The policy with one list in force."""
    return trust.revoking([read(sign_list(entries, key, NOW), trust)])


def read(content: bytes, trust: TrustPolicy = TRUST) -> RevocationList:
    found = read_list(Bundle(content=content, source="list"), trust.keys, trust.signers, trust.rules)
    assert isinstance(found, RevocationList), found
    return found


CARD_DIGEST = str(verified().statement.digest)
TARGETS = {
    "key": {"key": RELEASE.key_id, "reason": "The laptop was stolen."},
    "statement": {"statement": CARD_DIGEST, "reason": "It was wrong."},
    "artifact": {"artifact": f"sha256:{HEX}", "reason": "Its data had to be removed."},
}


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_revoked_is_refused_with_the_reason(target: str) -> None:
    assert isinstance(TRUST.judge(verified(), MODEL, NOW), AcceptedStatement)
    refused = listed(TARGETS[target]).judge(verified(), MODEL, NOW)
    assert isinstance(refused, RejectedStatement)
    assert refused.code == "provenance.revoked"
    assert TARGETS[target]["reason"] in refused.why
    assert "revoked by security" in refused.why
    assert refused.remedy


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_else_is_revoked(target: str) -> None:
    value = TARGETS[target][target]
    other = {**TARGETS[target], target: value[:-1] + ("0" if value[-1] != "0" else "1")}
    assert isinstance(listed(other).judge(verified(), MODEL, NOW), AcceptedStatement)


def identity(entry: dict[str, str], issuer: str, signed_at: datetime | None = None) -> str:
    """What becomes of a statement by dana under a list."""
    text = {
        "version": 1,
        "keys": [{"name": "security", "publicKey": SECURITY.public_key_pem().decode()}],
        "identities": [{"name": "dana", "identity": "dana@example.com", "issuer": {"glob": "**"}}],
        "rules": [
            {"signers": ["dana"], "may": ["model-card"]},
            {"signers": ["security"], "may": ["revocation"]},
        ],
    }
    trust = TrustPolicy.parse(json.dumps(text).encode())
    said = verified(
        signers=(Signer(name="", identity="dana@example.com", issuer=issuer),), signed_at=signed_at
    )
    assert isinstance(trust.judge(said, MODEL, NOW), AcceptedStatement)
    outcome = listed({**entry, "reason": "Left."}, trust=trust).judge(said, MODEL, NOW)
    return outcome.code if isinstance(outcome, RejectedStatement) else "accepted"


@pytest.mark.parametrize(
    ("entry", "issuer", "expected"),
    [
        ({"identity": "dana@example.com"}, "https://a", "provenance.revoked"),
        ({"identity": "dana@example.com", "issuer": "https://a"}, "https://a", "provenance.revoked"),
        ({"identity": "dana@example.com", "issuer": "https://a"}, "https://b", "accepted"),
        ({"identity": "erin@example.com"}, "https://a", "accepted"),
    ],
)
def test_identities_are_revoked_under_one_issuer_or_all(
    entry: dict[str, str], issuer: str, expected: str
) -> None:
    assert identity(entry, issuer) == expected


SINCE = "2026-05-01T00:00:00Z"


@pytest.mark.parametrize(
    ("signed_at", "stands"),
    [
        (None, False),
        (datetime(2026, 4, 30, tzinfo=UTC), True),
        (datetime(2026, 5, 1, tzinfo=UTC), False),
        (datetime(2026, 5, 2, tzinfo=UTC), False),
    ],
)
def test_what_was_verifiably_signed_before_since_stands(signed_at: datetime | None, stands: bool) -> None:
    said = verified(signed_at=signed_at)
    trust = listed({**TARGETS["key"], "since": SINCE})
    outcome = trust.judge(said, MODEL, NOW)
    assert isinstance(outcome, AcceptedStatement) is stands
    entry = {"identity": "dana@example.com", "since": SINCE}
    assert (identity(entry, "https://a", signed_at) == "accepted") is stands
    if isinstance(outcome, AcceptedStatement):
        assert outcome.signed_at == signed_at  # settling judges again
        assert listed({**TARGETS["key"]}).settle([outcome], MODEL, NOW)[0]


def test_a_key_that_dates_its_own_statements_saves_nothing() -> None:
    trust = policy('rules: [{signers: [release, security], may: ["*"]}]', **KEYS)
    backdated = attest(MODEL, "signature", {"kind": "model", "signedOn": "2020-01-01T00:00:00Z"}, RELEASE)
    said = KeyVerifier(trust.keys).verify(Bundle(content=backdated, source=""), MODEL, NOW)
    assert isinstance(said, VerifiedStatement)
    outcome = listed({**TARGETS["key"], "since": SINCE}, trust=trust).judge(said, MODEL, NOW)
    assert isinstance(outcome, RejectedStatement)


@pytest.mark.parametrize(
    ("about", "name", "reached"),
    [
        ("", "mlflow://models/m/1", True),
        (", about: {names: ['mlflow://models/*']}", "mlflow://models/m/1", True),
        (", about: {names: ['mlflow://models/other/*']}", "mlflow://models/m/1", False),
        (", about: {names: ['mlflow://models/other/*']}", "file:m", True),
        (", about: {kinds: [model]}", "file:m", True),
        (", about: {kinds: [prompt]}", "mlflow://models/m/1", False),
        (", about: {kinds: [prompt]}", "file:m", False),
        (", until: 2020-01-01T00:00:00Z", "mlflow://models/m/1", True),
        (", threshold: 1", "mlflow://models/m/1", True),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_a_list_reaches_what_its_signer_may_speak_about(
    about: str, name: str, reached: bool, target: str
) -> None:
    trust = policy(f"rules: [{RULES % about}]", **KEYS)
    artifact = MODEL.model_copy(update={"name": name})
    outcome = listed(TARGETS[target], trust=trust).judge(verified(artifact), artifact, NOW)
    assert isinstance(outcome, RejectedStatement) is reached


def test_who_may_not_revoke_is_passed_over() -> None:
    for key, code in ((OTHER, "signer-not-trusted"), (RELEASE, "predicate-not-allowed")):
        content = sign_list([TARGETS["artifact"]], key, NOW)
        found = read_list(Bundle(content=content, source="x"), TRUST.keys, TRUST.signers, TRUST.rules)
        assert isinstance(found, PassedOver)
        assert found.code == f"provenance.{code}"
        assert found.why


def forged(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["publicKey"]["hint"] = SECURITY.key_id
    bundle["dsseEnvelope"]["payload"] = bundle["dsseEnvelope"]["payload"].replace("A", "B", 1)


UNUSABLE: dict[str, Callable[[], bytes]] = {
    "junk": lambda: b"junk",
    "cut": lambda: sign_list([TARGETS["artifact"]], SECURITY, NOW)[:-20],
    "changed": lambda: signed(statement(HEX, REVOCATION, {}), SECURITY, forged),
    "another type": lambda: attest(MODEL, "model-card", CARD, SECURITY),
    "without entries": lambda: signed(
        statement(HEX, REVOCATION, {"issuedOn": SINCE, "entries": []}), SECURITY
    ),
    "two targets": lambda: signed(
        statement(
            HEX,
            REVOCATION,
            {"issuedOn": SINCE, "entries": [{**TARGETS["key"], **TARGETS["artifact"]}]},
        ),
        SECURITY,
    ),
}


@pytest.mark.parametrize("lie", UNUSABLE)
def test_a_list_that_cannot_be_read_stops_decisions(lie: str, tmp_path: Path) -> None:
    (tmp_path / "x.sigstore.json").write_bytes(UNUSABLE[lie]())
    with pytest.raises(ConfigError) as caught:
        _ = CurrentTrust(TRUST, tmp_path).digest
    assert caught.value.code == "trust.revocations"
    assert "x.sigstore.json" in caught.value.what
    assert caught.value.why
    assert caught.value.remedy


@pytest.mark.parametrize(
    "entry",
    [
        {"reason": "Nothing."},
        {"artifact": f"sha256:{HEX}"},
        {"artifact": f"sha256:{HEX}", "reason": ""},
        {"artifact": HEX, "reason": "x"},
        {"key": "release", "reason": "x"},
        {"artifact": f"sha256:{HEX}", "issuer": "https://a", "reason": "x"},
        {"artifact": f"sha256:{HEX}", "since": SINCE, "reason": "x"},
        {"key": HEX, "since": "yesterday", "reason": "x"},
    ],
)
def test_an_entry_that_means_nothing_is_not_signed(entry: dict[str, str]) -> None:
    with pytest.raises(ProvenanceError) as caught:
        sign_list([entry], SECURITY, NOW)
    assert caught.value.code == "provenance.predicate-invalid"


def test_a_list_is_no_evidence() -> None:
    trust = policy('rules: [{signers: [release, security], may: ["*"]}]', **KEYS)
    bundle = Bundle(content=sign_list([TARGETS["artifact"]], SECURITY, NOW), source="x")
    said = KeyVerifier(trust.keys).verify(bundle, MODEL, NOW)
    assert isinstance(said, VerifiedStatement)
    outcome = trust.judge(said, MODEL, NOW)
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == "provenance.predicate-reserved"
    with pytest.raises(ProvenanceError):
        attest(MODEL, "revocation", {"issuedOn": SINCE, "entries": [TARGETS["artifact"]]}, SECURITY)


def put(folder: Path, content: bytes, name: str = "a") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.sigstore.json"
    path.write_bytes(content)
    return path


def test_lists_are_seen_as_they_come_and_not_forgotten(tmp_path: Path) -> None:
    current = CurrentTrust(TRUST, tmp_path / "revocations")
    assert current.digest == TRUST.digest
    path = put(tmp_path / "revocations", sign_list([TARGETS["artifact"]], SECURITY, NOW))
    first = current.digest
    assert first != TRUST.digest
    assert isinstance(current.judge(verified(), MODEL, NOW), RejectedStatement)
    put(tmp_path / "revocations", sign_list([TARGETS["key"]], OTHER, NOW), "other")
    assert current.digest == first
    assert [item.code for item in current.passed_over] == ["provenance.signer-not-trusted"]
    path.unlink()
    assert current.digest == first
    assert isinstance(current.judge(verified(), MODEL, NOW), RejectedStatement)
    assert CurrentTrust(TRUST, tmp_path / "revocations").digest == TRUST.digest


def test_a_list_is_in_force_for_cached_evidence(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    store.add(CARD_BUNDLE)
    current = CurrentTrust(TRUST, tmp_path / "revocations")
    host = PluginHost(deadline=30)
    host.register("provenance", ProvenancePlugin(current, store, adjacent=False), builtin=True)
    gatherer = EvidenceGatherer(host, current)
    ref = ArtifactRef(uri=f"oci://registry.example/m@sha256:{HEX}", kind=ArtifactKind.MODEL)

    async def accepted() -> list[int]:
        found = []
        for _ in range(2):
            [gathered] = await gatherer.gather([ref], NOW)
            found.append(len(gathered.judged.evidence.accepted))
        put(tmp_path / "revocations", sign_list([TARGETS["statement"]], SECURITY, NOW))
        [gathered] = await gatherer.gather([ref], NOW)
        evidence = gathered.judged.evidence
        assert [item.code for item in evidence.rejected] == ["provenance.revoked"]
        assert evidence.trust_policy == current.digest
        put(tmp_path / "revocations", b"junk", "b")
        with pytest.raises(GovkernelError):
            await gatherer.gather([ref], NOW)
        return [*found, len(evidence.accepted)]

    assert asyncio.run(accepted()) == [1, 1, 0]


def test_the_order_of_lists_does_not_matter() -> None:
    lists = [read(sign_list([entry], SECURITY, NOW)) for entry in TARGETS.values()]
    assert TRUST.revoking(lists).digest == TRUST.revoking(reversed(lists)).digest
    assert TRUST.revoking([]) is TRUST
    assert verified().statement.predicate_type == MODEL_CARD
