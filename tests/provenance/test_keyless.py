"""Keyless bundles: real clients sign against the simulator and verify; told to lie, each lie has its own code."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import RejectedStatement
from govkernel.domain.predicates import OMS_SIGNATURE
from govkernel.errors import ConfigError
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.simulators.keyless_lies import ALICE, LOGIN, NOW, lies
from tests.simulators.sigstore import Instance, Orders
from tests.simulators.sigstore_http import serving, token, trust_config

INSTANCE = Instance(now=lambda: NOW)
LIES = lies(INSTANCE)


def anchored(root: bytes, identity: str = ALICE, issuer: str = LOGIN) -> KeylessAnchor:
    return KeylessAnchor(read_trusted_root(root), identity_pattern(identity), identity_pattern(issuer))


ANCHOR = anchored(INSTANCE.trusted_root())


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "thing.bin"
    path.write_bytes(b"hello")
    return path


def about(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path.name, "digest": {"sha256": digest}}],
        "predicateType": "https://example.test/p",
        "predicate": {"said": True},
    }


def judged(path: Path, raw: bytes, anchor: KeylessAnchor = ANCHOR) -> VerifiedBundle | RejectedStatement:
    return verify_foreign(path, raw, anchor, now=NOW, source="test")


HONEST = {
    "promised by a log": Orders(),
    "stamped, and logged in a log that promises nothing": Orders(promised=False, version=2, stamped=NOW),
    "stamped and promised": Orders(stamped=NOW),
    "by its identity's URI": Orders(identity="https://ci.example.test/repo/release.yml@refs/heads/main"),
}


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("statement", [True, False])
def test_honest_bundles_are_verified(name: str, statement: bool, artifact: Path) -> None:
    orders = HONEST[name]
    mint = INSTANCE.bundle(about(artifact), orders) if statement else INSTANCE.file_bundle(b"hello", orders)
    outcome = judged(artifact, mint, anchored(INSTANCE.trusted_root(), orders.identity))
    assert isinstance(outcome, VerifiedBundle), outcome
    assert (outcome.signer.identity, outcome.signer.issuer) == (orders.identity, LOGIN)
    assert (outcome.statement is not None) == statement


@pytest.mark.parametrize("name", LIES)
def test_each_lie_is_refused_with_its_own_code(name: str, artifact: Path) -> None:
    orders, code = LIES[name]
    outcome = judged(artifact, INSTANCE.bundle(about(artifact), orders))
    assert isinstance(outcome, RejectedStatement), "the lie was believed"
    assert (outcome.code, bool(outcome.why), bool(outcome.remedy)) == (code, True, True), outcome


def test_a_bare_signature_about_another_file_is_refused(artifact: Path) -> None:
    raw = json.loads(INSTANCE.file_bundle(b"other"))
    outcome = judged(artifact, json.dumps(raw).encode())
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == "keyless.digest"
    del raw["messageSignature"]["messageDigest"]
    outcome = judged(artifact, json.dumps(raw).encode())
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == "keyless.signature"


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [
        ("glob:*@example.test", True),
        ("regex:[a-z]+@example[.]test", True),
        ("regex:alice", False),
        ("glob:alice", False),
        ("glob:*@example.tes", False),
        ("alice@example", False),
    ],
)
def test_identity_patterns_are_matched_whole(pattern: str, holds: bool, artifact: Path) -> None:
    outcome = judged(artifact, INSTANCE.bundle(about(artifact)), anchored(INSTANCE.trusted_root(), pattern))
    assert isinstance(outcome, VerifiedBundle) is holds
    assert holds or (isinstance(outcome, RejectedStatement) and outcome.code == "identity.mismatch")


ENDED = {"start": "2020-01-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
NOT_BEGUN = {"start": "2026-06-02T00:00:00Z"}
PARTS = {
    "tlogs": "keyless.checkpoint",
    "ctlogs": "keyless.sct",
    "certificateAuthorities": "keyless.chain",
    "timestampAuthorities": "keyless.time",
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("period", [ENDED, NOT_BEGUN])
def test_who_was_not_trusted_when_it_was_signed_proves_nothing(
    part: str, period: dict[str, str], artifact: Path
) -> None:
    root = json.loads(INSTANCE.trusted_root())
    entry = root[part][0]
    (entry["publicKey"] if part.endswith("logs") else entry)["validFor"] = period
    orders = Orders(promised=False, version=2, stamped=NOW)
    outcome = judged(artifact, INSTANCE.bundle(about(artifact), orders), anchored(json.dumps(root).encode()))
    assert isinstance(outcome, RejectedStatement), "a retired part of the instance was believed"
    assert outcome.code == PARTS[part]


def test_the_last_moment_of_trust_counts(artifact: Path) -> None:
    root = json.loads(INSTANCE.trusted_root())
    root["certificateAuthorities"][0]["validFor"]["end"] = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    root["tlogs"][0]["publicKey"]["validFor"] = copy.deepcopy(root["certificateAuthorities"][0]["validFor"])
    outcome = judged(artifact, INSTANCE.bundle(about(artifact)), anchored(json.dumps(root).encode()))
    assert isinstance(outcome, VerifiedBundle)


def test_an_older_trusted_root_does_not_know_the_newer_log(artifact: Path) -> None:
    older = Instance(now=lambda: NOW, ct=INSTANCE.ct, root=INSTANCE.root)
    older.intermediate = INSTANCE.intermediate
    outcome = judged(artifact, INSTANCE.bundle(about(artifact)), anchored(older.trusted_root()))
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == "keyless.checkpoint"


ROOTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "no authorities": lambda root: root.update(certificateAuthorities=[]),
    "an authority without certificates": lambda root: root["certificateAuthorities"][0].update(
        certChain={"certificates": []}
    ),
    "a certificate that is none": lambda root: root["certificateAuthorities"][0].update(
        certChain={"certificates": [{"rawBytes": "MAA="}]}
    ),
    "another media type": lambda root: root.update(mediaType="application/json"),
    "logs that are text": lambda root: root.update(tlogs="x"),
}


@pytest.mark.parametrize("name", ROOTS)
def test_a_trusted_root_that_cannot_be_used(name: str) -> None:
    root = json.loads(INSTANCE.trusted_root())
    ROOTS[name](root)
    with pytest.raises(ConfigError) as refused:
        read_trusted_root(json.dumps(root).encode())
    assert refused.value.code == "keyless.root"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"{" * 10_000, b" " * 2_000_000])
def test_a_trusted_root_that_is_none(content: bytes) -> None:
    with pytest.raises(ConfigError) as refused:
        read_trusted_root(content)
    assert refused.value.code == "keyless.root"


@pytest.mark.parametrize(("part", "code"), [("tlogs", "timestamp.missing"), ("ctlogs", "keyless.sct")])
def test_a_trusted_root_without_logs_verifies_nothing(part: str, code: str, artifact: Path) -> None:
    root = json.loads(INSTANCE.trusted_root(**{part: []}))
    outcome = judged(artifact, INSTANCE.bundle(about(artifact)), anchored(json.dumps(root).encode()))
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == code


@pytest.fixture(scope="module")
def live() -> Iterator[tuple[Instance, str]]:
    """An instance by the real clock, since its clients look at it, and its URL."""
    instance = Instance(now=lambda: datetime.now(UTC))
    with serving(instance) as url:
        yield instance, url


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("statement", [True, False])
def test_we_verify_what_sigstore_python_signed(
    version: int, statement: bool, live: tuple[Instance, str], artifact: Path
) -> None:
    from sigstore.dsse import Statement
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    instance, url = live
    config = ClientTrustConfig.from_json(
        trust_config(instance, url, log_version=version, stamped=version == 2).decode()
    )
    with SigningContext.from_trust_config(config).signer(
        IdentityToken(token(url, ALICE, instance))
    ) as signer:
        made = (
            signer.sign_dsse(Statement(json.dumps(about(artifact)).encode()))
            if statement
            else signer.sign_artifact(artifact.read_bytes())
        )
    outcome = judged(artifact, made.to_json().encode(), anchored(instance.trusted_root(), issuer=url))
    assert isinstance(outcome, VerifiedBundle), outcome
    assert outcome.signer.identity == ALICE


def test_sigstore_python_verifies_what_the_simulator_mints(artifact: Path) -> None:
    """The simulator is judged by the real verifier: else the lies would be refused for a wrong reason."""
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy
    from sigstore_models.trustroot import v1

    root = TrustedRoot(v1.TrustedRoot.from_json(INSTANCE.trusted_root()))
    parsed = Bundle.from_json(INSTANCE.bundle(about(artifact)))
    kind, payload = Verifier(trusted_root=root).verify_dsse(
        parsed, policy.Identity(identity=ALICE, issuer=LOGIN)
    )
    assert json.loads(payload) == about(artifact)
    assert kind == "application/vnd.in-toto+json"


def test_model_signing_signs_and_we_verify(live: tuple[Instance, str], model: Path, tmp_path: Path) -> None:
    signing = pytest.importorskip("model_signing.signing", reason='install "govkernel[oms]"')
    verifying = pytest.importorskip("model_signing.verifying", reason='install "govkernel[oms]"')
    instance, url = live
    config = tmp_path / "trust_config.json"
    config.write_bytes(trust_config(instance, url))
    signature = tmp_path / "model.sig"
    identity = token(url, ALICE, instance)
    signing.Config().use_sigstore_signer(identity_token=identity, trust_config=config).sign(model, signature)
    anchor = anchored(instance.trusted_root(), issuer=url)
    outcome = judged(model, signature.read_bytes(), anchor)
    assert isinstance(outcome, VerifiedBundle), outcome
    assert outcome.statement is not None
    assert outcome.statement.predicate_type == OMS_SIGNATURE
    theirs = verifying.Config().use_sigstore_verifier(identity=ALICE, oidc_issuer=url, trust_config=config)
    theirs.verify(model, signature)
    (model / "config.json").write_text("{ }")
    refused = judged(model, signature.read_bytes(), anchor)
    assert isinstance(refused, RejectedStatement)
    assert refused.code == "provenance.files-changed"
    assert "changed: config.json" in refused.why
