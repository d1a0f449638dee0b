"""Bundles with a trusted time: keys, certificates and identities are judged by when they signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import AcceptedStatement, Artifact, ArtifactKind, RejectedStatement
from govkernel.errors import ConfigError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import KeyVerifier, LocalKey, TrustPolicy, describe, verify_path
from govkernel.provenance.anchors import CertificateAnchor, KeyAnchor
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.revocation import read_list, sign_list
from govkernel.provenance.statement import statement_bytes
from govkernel.provenance.time_authorities import read_time_authorities
from govkernel.provenance.verify_certificate import CertificateVerifier
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign
from govkernel.provenance.x509 import read_roots

pytest.importorskip("rfc3161_client", reason='install "govkernel[timestamps]"')

from tests.simulators.lying_signer import b64, signed
from tests.simulators.signing import bare, certified
from tests.simulators.sigstore import Instance
from tests.simulators.timestamp_lies import HOUR, NOW, THEN, Clock, Tokens, lies
from tests.simulators.x509 import Recipe, authority

CLOCK = Clock()
KEY = LocalKey.generate()
CA = authority("acme root")
ALICE = "alice@example.test"
DAY = timedelta(days=1)
CLAIM = {"approver": "k", "role": "owner", "decision": "approve"}
LIES = lies(CLOCK)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    path = tmp_path / "data.jsonl"
    path.write_text("{}\n")
    return describe(path, ArtifactKind.DATASET)


def approval(artifact: Artifact) -> bytes:
    assert artifact.digest is not None
    kind = "https://govkernel.dev/attestations/approval/v1"
    return statement_bytes([("data.jsonl", {"sha256": artifact.digest.hex})], kind, CLAIM)


def stamped(bundle: bytes, tokens: Tokens) -> bytes:
    """The bundle, with timestamps over its signature."""
    document = json.loads(bundle)
    content = document.get("dsseEnvelope", {}).get("signatures", [{}])[0].get("sig")
    signature = base64.b64decode(content or document["messageSignature"]["signature"])
    listed = [{"signedTimestamp": b64(token)} for token in tokens(signature)]
    document["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": listed}
    return json.dumps(document).encode()


def leaf(**changes: Any) -> Any:
    return CA.issue(Recipe(identities=(ALICE,), **changes))


def policy(*, window: str = "", clock: Clock | None = CLOCK, extra: str = "") -> TrustPolicy:
    """A policy that lets the key and Alice approve, with a timestamp authority."""
    times = f"  - {{name: time, timestamps: {json.dumps(clock.root.pem.decode())}}}\n" if clock else ""
    return TrustPolicy.parse(
        (
            "version: 1\n"
            f"keys: [{{name: k, publicKey: {json.dumps(KEY.public_key_pem().decode())}{window}}}]\n"
            "authorities:\n"
            f"  - {{name: acme, certificates: {json.dumps(CA.pem.decode())}}}\n{times}"
            f"identities: [{{name: alice, identity: {ALICE}, issuer: CN=acme root{window}}}]\n"
            f"rules: [{{signers: [k, alice], may: [approval]{extra}}}, {{signers: [k], may: [revocation]}}]\n"
        ).encode()
    )


def verified(trust: TrustPolicy, raw: bytes, artifact: Artifact, now: datetime = NOW) -> Any:
    bundle = Bundle(content=raw, source="test")
    by_key = KeyVerifier(trust.keys, times=trust.times).verify(bundle, artifact, now)
    return by_key or CertificateVerifier(trust.authorities).verify(bundle, artifact, now)


def judged(trust: TrustPolicy, raw: bytes, artifact: Artifact, now: datetime = NOW) -> Any:
    found = verified(trust, raw, artifact, now)
    return trust.judge(found, artifact, now) if isinstance(found, VerifiedStatement) else found


Signed = Callable[[Artifact], bytes]
SIGNERS: dict[str, Signed] = {
    "key": lambda artifact: signed(approval(artifact), KEY),
    "certificate": lambda artifact: certified(approval(artifact), [leaf(start=THEN - DAY, end=NOW + DAY)]),
}


@pytest.mark.parametrize("name", SIGNERS)
def test_a_time_that_was_verified_is_told(name: str, artifact: Artifact) -> None:
    accepted = judged(policy(), stamped(SIGNERS[name](artifact), CLOCK.tells()), artifact)
    assert isinstance(accepted, AcceptedStatement), accepted
    assert accepted.signed_at == THEN


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_the_time_is_refused_or_counts_for_nothing(
    name: str, lie: str, artifact: Artifact
) -> None:
    tokens, code = LIES[lie]
    outcome = verified(policy(), stamped(SIGNERS[name](artifact), tokens), artifact)
    if code == "timestamp.untrusted":  # who is not trusted here may still be somebody's authority
        assert isinstance(outcome, VerifiedStatement)
        assert outcome.signed_at is None
    else:
        assert isinstance(outcome, RejectedStatement)
        assert outcome.code == code


@pytest.mark.parametrize("name", SIGNERS)
def test_who_names_no_clock_looks_at_no_timestamp(name: str, artifact: Artifact) -> None:
    tokens, _ = LIES["signed by another key"]
    accepted = judged(policy(clock=None), stamped(SIGNERS[name](artifact), tokens), artifact)
    assert isinstance(accepted, AcceptedStatement)
    assert accepted.signed_at is None


ENDED = ", notBefore: 2025-01-01T00:00:00Z, notAfter: 2025-12-31T00:00:00Z"
BEGUN = ", notBefore: 2026-01-01T00:00:00Z"


@pytest.mark.parametrize("name", SIGNERS)
def test_the_time_of_a_signer_is_held_against_when_it_signed(name: str, artifact: Artifact) -> None:
    bundle = SIGNERS[name](artifact)
    assert judged(policy(window=ENDED), bundle, artifact).code == "provenance.key-expired"
    kept = judged(policy(window=ENDED), stamped(bundle, CLOCK.tells()), artifact)
    assert isinstance(kept, AcceptedStatement)
    assert kept.valid_until is None, "nothing more lapses"
    assert isinstance(judged(policy(window=BEGUN), bundle, artifact), AcceptedStatement)
    early = judged(policy(window=BEGUN), stamped(bundle, CLOCK.tells()), artifact)
    assert early.code == "provenance.key-not-yet-valid"


def test_the_time_of_a_rule_is_held_against_now(artifact: Artifact) -> None:
    trust = policy(extra=", until: 2026-01-01T00:00:00Z")
    outcome = judged(trust, stamped(SIGNERS["key"](artifact), CLOCK.tells()), artifact)
    assert outcome.code == "provenance.rule-expired"


def test_a_certificate_that_has_ended_since(artifact: Artifact) -> None:
    bundle = certified(approval(artifact), [leaf(start=THEN - DAY, end=THEN + DAY)])
    assert judged(policy(), bundle, artifact).code == "certificate.expired"
    accepted = judged(policy(), stamped(bundle, CLOCK.tells()), artifact)
    assert isinstance(accepted, AcceptedStatement), accepted
    assert judged(policy(), stamped(bundle, Clock().tells()), artifact).code == "certificate.expired"


@pytest.mark.parametrize(
    ("leaf_time", "code"),
    [
        ({"start": THEN + HOUR, "end": NOW + DAY}, "certificate.not-yet-valid"),
        ({"start": THEN - DAY, "end": THEN - HOUR}, "certificate.expired"),
    ],
)
def test_a_certificate_that_was_not_valid_then(leaf_time: Any, code: str, artifact: Artifact) -> None:
    bundle = stamped(certified(approval(artifact), [leaf(**leaf_time)]), CLOCK.tells())
    assert judged(policy(), bundle, artifact).code == code


def test_an_authority_that_was_not_valid_then(artifact: Artifact) -> None:
    young = authority("young", CA, start=THEN + HOUR)
    chain = [young.issue(Recipe(identities=(ALICE,))), young]
    bundle = certified(approval(artifact), chain)
    assert isinstance(judged(policy(), bundle, artifact), AcceptedStatement)
    assert judged(policy(), stamped(bundle, CLOCK.tells()), artifact).code == "certificate.not-yet-valid"


@pytest.mark.parametrize(
    ("since", "stands"), [("2025-06-01T00:00:00Z", True), ("2025-01-01T00:00:00Z", False)]
)
@pytest.mark.parametrize("name", SIGNERS)
def test_what_was_signed_before_a_revocation_stands(
    name: str, since: str, stands: bool, artifact: Artifact
) -> None:
    who = {"key": KEY.key_id} if name == "key" else {"identity": ALICE}
    content = sign_list([{**who, "reason": "Stolen.", "since": since}], KEY, NOW)
    written = policy()
    listed = read_list(Bundle(content=content, source="l"), written.keys, written.signers, written.rules)
    trust = written.revoking([listed])  # type: ignore[list-item]
    bundle = SIGNERS[name](artifact)
    assert judged(trust, bundle, artifact).code == "provenance.revoked"
    outcome = judged(trust, stamped(bundle, CLOCK.tells()), artifact)
    assert isinstance(outcome, AcceptedStatement) is stands


def test_the_clock_is_part_of_what_the_policy_means() -> None:
    one, other = policy(), policy(clock=Clock())
    assert len({policy(clock=None).digest, one.digest, other.digest}) == 3
    assert one.digest == policy().digest


def test_roots_of_time_certify_nobody() -> None:
    pem = json.dumps(CLOCK.root.pem.decode())
    named = "identities: [{name: a, authority: time, identity: a, issuer: b}]\n"
    with pytest.raises(ConfigError) as refused:
        TrustPolicy.parse(f"version: 1\nauthorities: [{{name: time, timestamps: {pem}}}]\n{named}".encode())
    assert refused.value.code == "trust.malformed"
    assert policy().authorities[0].name == "acme"
    assert len(policy().authorities) == 1


def test_one_bundle_by_the_policy(artifact: Artifact, tmp_path: Path) -> None:
    raw = stamped(SIGNERS["key"](artifact), CLOCK.tells())
    outcome = verify_path(tmp_path / "data.jsonl", raw, policy(window=ENDED), now=NOW)
    assert isinstance(outcome, VerifiedStatement), outcome
    assert outcome.signed_at == THEN


TIMES = read_time_authorities(CLOCK.root.pem)
BY_KEY = KeyAnchor.from_pem(KEY.public_key_pem(), times=TIMES)
BY_CA = CertificateAnchor(read_roots(CA.pem), identity_pattern(ALICE), TIMES)


@pytest.mark.parametrize(("name", "anchor"), [("key", BY_KEY), ("certificate", BY_CA)])
def test_who_asks_for_a_time_needs_one(name: str, anchor: Any, artifact: Artifact, tmp_path: Path) -> None:
    def asked(raw: bytes) -> Any:
        return verify_foreign(tmp_path / "data.jsonl", raw, anchor, now=NOW)

    bundle = SIGNERS[name](artifact)
    found = asked(stamped(bundle, CLOCK.tells()))
    assert isinstance(found, VerifiedBundle), found
    assert found.signed_at == THEN
    assert asked(bundle).code == "timestamp.missing"
    for tokens, code in LIES.values():
        assert asked(stamped(bundle, tokens)).code == code


def test_a_bare_signature_can_be_stamped(tmp_path: Path) -> None:
    path = tmp_path / "app.bin"
    path.write_bytes(b"hello")
    old = leaf(start=THEN - DAY, end=THEN + DAY)
    raw = stamped(bare(b"hello", old.key, chain=[old]), CLOCK.tells())
    found = verify_foreign(path, raw, BY_CA, now=NOW)
    assert isinstance(found, VerifiedBundle), found
    assert found.signed_at == THEN


@pytest.mark.parametrize(
    "data",
    ["x", [], {"rfc3161Timestamps": "x"}, {"rfc3161Timestamps": [1]}, {"rfc3161Timestamps": [{}]}],
)
def test_timestamps_that_are_no_list(data: Any, artifact: Artifact) -> None:
    document = json.loads(SIGNERS["key"](artifact))
    document["verificationMaterial"]["timestampVerificationData"] = data
    outcome = verified(policy(), json.dumps(document).encode(), artifact)
    assert outcome.code in {"provenance.bundle-malformed", "provenance.base64"}


def _root_with(der: bytes) -> bytes:
    chain = {
        "certChain": {"certificates": [{"rawBytes": b64(der)}]},
        "validFor": {"start": "2020-01-01T00:00:00Z"},
    }
    return Instance().trusted_root(timestampAuthorities=[chain])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"no pem",
        _root_with(b"\x30\x00"),
        _root_with(CLOCK.root.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x12")),
    ],
)
def test_a_file_that_names_no_authority(content: bytes) -> None:
    with pytest.raises(ConfigError) as refused:
        read_time_authorities(content)
    assert refused.value.code in {"timestamp.none", "keyless.root", "certificate.roots"}
