"""Roles: groups that rules name, in which nobody else approves."""

from __future__ import annotations

import pytest

from govkernel.domain import Artifact, ArtifactKind, Digest, RejectedStatement
from govkernel.errors import ConfigError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import KeyVerifier, LocalKey, TrustPolicy, attest
from tests.provenance.conftest import NOW, policy


def in_roles(rules: str, **keys: LocalKey) -> TrustPolicy:
    roles = "roles: [{name: officer, members: [ann, ann2]}, {name: owner, members: [bob]}]"
    return policy(f"{roles}\nrules: [{rules}]", **keys)


def test_a_role_stands_for_its_members_and_nobody_else_approves_in_it() -> None:
    keys = {name: LocalKey.generate("ed25519") for name in ("ann", "ann2", "bob")}
    trust = in_roles("{signers: [officer, bob], may: [approval]}", **keys)
    assert trust.rules[0].signers == {"ann", "ann2", "bob"}
    artifact = Artifact(kind=ArtifactKind.MODEL, name="m://x", digest=Digest.sha256("ab" * 32))
    for signer, role, code in (
        ("ann", "officer", ""),
        ("bob", "officer", "provenance.role-not-held"),
        ("bob", "owner", ""),
        ("ann", "owner", "provenance.role-not-held"),
        ("bob", "anything else", ""),
    ):
        claim = {"approver": "x", "role": role, "decision": "approve"}
        bundle = Bundle(content=attest(artifact, "approval", claim, keys[signer]), source="s")
        found = KeyVerifier(trust.keys).verify(bundle, artifact, NOW)
        assert isinstance(found, VerifiedStatement)
        outcome = trust.judge(found, artifact, NOW)
        assert (outcome.code if isinstance(outcome, RejectedStatement) else "") == code, (signer, role)


@pytest.mark.parametrize(
    "roles",
    [
        "[{name: ann, members: [ann]}]",
        "[{name: r, members: [nobody]}]",
        "[{name: r, members: [r]}]",
        "[{name: r, members: []}]",
        "[{name: r, members: [ann]}, {name: r, members: [ann]}]",
    ],
)
def test_roles_that_make_no_sense_are_refused(roles: str) -> None:
    with pytest.raises(ConfigError) as caught:
        policy(f"roles: {roles}\nrules: []", ann=LocalKey.generate("ed25519"))
    assert caught.value.code == "trust.malformed"


def test_a_threshold_counts_the_holders_of_a_role() -> None:
    keys = {name: LocalKey.generate("ed25519") for name in ("ann", "ann2", "bob")}
    with pytest.raises(ConfigError):
        in_roles("{signers: [owner], may: [approval], threshold: 2}", **keys)
    assert in_roles("{signers: [officer], may: [approval], threshold: 2}", **keys).rules[0].holders == {
        "ann",
        "ann2",
    }
