"""Keyless bundles without a log entry, of an instance that keeps no log; what the trusted root lists is demanded."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import AcceptedStatement, Artifact, ArtifactKind, RejectedStatement
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import TrustPolicy, describe
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.verify_certificate import CertificateVerifier
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.simulators.keyless_lies import ALICE, LOGIN, NOW, unlogged
from tests.simulators.sigstore import Instance, Orders

INSTANCE = Instance(now=lambda: NOW)
LIES = unlogged(INSTANCE)
PRIVATE = INSTANCE.trusted_root(tlogs=[], ctlogs=[])
CLAIM = {"approver": "k", "role": "owner", "decision": "approve"}
HONEST = LIES["the truth"][0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "data.jsonl"
    made.write_text("{}\n")
    return made


def minted(path: Path, orders: Orders = HONEST) -> bytes:
    artifact = describe(path, ArtifactKind.DATASET)
    assert artifact.digest is not None
    return INSTANCE.bundle(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": path.name, "digest": {"sha256": artifact.digest.hex}}],
            "predicateType": "https://govkernel.dev/attestations/approval/v1",
            "predicate": CLAIM,
        },
        orders,
    )


def judged(path: Path, raw: bytes, root: bytes = PRIVATE, later: timedelta = timedelta()) -> Any:
    anchor = KeylessAnchor(read_trusted_root(root), identity_pattern(ALICE), identity_pattern(LOGIN))
    return verify_foreign(path, raw, anchor, now=NOW + later)


@pytest.mark.parametrize("name", LIES)
def test_each_lie_is_refused_by_its_code(name: str, path: Path) -> None:
    orders, code = LIES[name]
    outcome = judged(path, minted(path, orders))
    if code:
        assert isinstance(outcome, RejectedStatement), "the lie was believed"
        assert outcome.code == code
        assert outcome.remedy
    else:
        assert isinstance(outcome, VerifiedBundle), outcome
        assert (outcome.signer.identity, outcome.signed_at) == (ALICE, NOW)


def test_a_timestamp_without_certificates_as_github_makes_it(path: Path) -> None:
    assert isinstance(judged(path, minted(path, replace(HONEST, stamp_bare=True))), VerifiedBundle)
    stranger = replace(HONEST, stamp_bare=True, stamper=Instance().stamper)
    assert judged(path, minted(path, stranger)).code == "timestamp.untrusted"


def test_it_holds_long_after_the_certificate(path: Path) -> None:
    assert isinstance(judged(path, minted(path), later=timedelta(days=3650)), VerifiedBundle)


def test_an_instance_that_lists_a_log_is_never_believed_without_it(path: Path) -> None:
    outcome = judged(path, minted(path), INSTANCE.trusted_root())
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == "keyless.bundle"


@pytest.mark.parametrize(("scts", "code"), [((), "keyless.sct"), (None, "")])
def test_an_instance_that_lists_a_certificate_log_demands_its_word(scts: Any, code: str, path: Path) -> None:
    orders = Orders(logged=False, scts=scts, stamped=NOW)
    outcome = judged(path, minted(path, orders), INSTANCE.trusted_root(tlogs=[]))
    assert (outcome.code if isinstance(outcome, RejectedStatement) else "") == code


def test_lists_that_are_empty_may_be_left_out(path: Path) -> None:
    root = json.loads(PRIVATE)
    del root["tlogs"], root["ctlogs"]
    assert isinstance(judged(path, minted(path), json.dumps(root).encode()), VerifiedBundle)


OVER = {"start": "2020-01-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
TO_COME = {"start": "2026-07-01T00:00:00Z"}


@pytest.mark.parametrize("period", [OVER, TO_COME])
@pytest.mark.parametrize(
    ("part", "code"),
    [("certificateAuthorities", "keyless.chain"), ("timestampAuthorities", "timestamp.authority-expired")],
)
def test_who_was_not_trusted_when_it_was_signed(part: str, code: str, period: Any, path: Path) -> None:
    root = json.loads(PRIVATE)
    root[part][0]["validFor"] = period
    outcome = judged(path, minted(path), json.dumps(root).encode())
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == code


def test_any_of_several_authorities_is_enough(path: Path) -> None:
    root, other = json.loads(PRIVATE), json.loads(Instance().trusted_root())
    root["certificateAuthorities"] = [*other["certificateAuthorities"] * 12, *root["certificateAuthorities"]]
    root["timestampAuthorities"] = [*other["timestampAuthorities"], *root["timestampAuthorities"]]
    assert isinstance(judged(path, minted(path), json.dumps(root).encode()), VerifiedBundle)


def test_as_evidence_under_a_trust_policy(path: Path, tmp_path: Path) -> None:
    (tmp_path / "private.json").write_bytes(PRIVATE)
    (tmp_path / "public.json").write_bytes(Instance().trusted_root())
    text = (
        "version: 1\n"
        "authorities: [{name: public, trustedRoot: public.json}, {name: github, trustedRoot: private.json}]\n"
        f"identities: [{{name: alice, authority: github, identity: {ALICE}, issuer: {LOGIN}}}]\n"
        "rules: [{signers: [alice], may: [approval]}]\n"
    )
    trust = TrustPolicy.parse(text.encode(), tmp_path)
    artifact: Artifact = describe(path, ArtifactKind.DATASET)

    def asked(orders: Orders) -> Any:
        bundle = Bundle(content=minted(path, orders), source="t")
        found = CertificateVerifier(trust.authorities).verify(bundle, artifact, NOW)
        return trust.judge(found, artifact, NOW) if isinstance(found, VerifiedStatement) else found

    accepted = asked(HONEST)
    assert isinstance(accepted, AcceptedStatement), accepted
    assert accepted.signed_at == NOW
    assert asked(LIES["no timestamp"][0]).code == "timestamp.missing"
    assert asked(LIES["timestamp before the certificate"][0]).code == "certificate.not-yet-valid"


def test_a_log_entry_that_nobody_can_check_counts_for_nothing(path: Path) -> None:
    document = json.loads(minted(path))
    logged = copy.deepcopy(document)
    logged["verificationMaterial"]["tlogEntries"] = [{"logIndex": "1"}]
    assert isinstance(judged(path, json.dumps(logged).encode()), VerifiedBundle)
