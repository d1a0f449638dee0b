"""Every way in which trust, lineage and a crowd of evidence are abused, and the code that refuses each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    ArtifactKind,
    ArtifactRef,
    Digest,
    Evidence,
    Judged,
    RejectedStatement,
    Signer,
    Statement,
    Subject,
)
from govkernel.domain.predicates import DERIVATION
from govkernel.gather import EvidenceGatherer
from govkernel.hookspecs import Bundle
from govkernel.lineage import ancestry
from govkernel.plugins import PluginHost
from govkernel.provenance import (
    BundleStore,
    KeyVerifier,
    LocalKey,
    ProvenancePlugin,
    RevocationList,
    TrustPolicy,
    read_list,
    resolve_type,
    sign_list,
)
from govkernel.provenance.delegation import Delegation, read_delegation, sign_delegation
from tests.simulators.lie_scene import ANN, BOB, EVE, MODEL, NOW, Lie, Outcome, Scene, plain
from tests.simulators.lying_signer import signed, statement
from tests.simulators.sigstore import Edit, nothing

SAID: dict[str, dict[str, Any]] = {
    "model-card": {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."},
    "signature": {"kind": "model"},
    "break-glass": {"reason": "Patients wait.", "validUntil": "2026-06-01T13:00:00Z"},
    "approval": {"approver": "ann", "role": "risk", "decision": "approve"},
}
CARD = SAID["model-card"]
A, B, C = (f"{number:064x}" for number in (1, 2, 3))


def trust(*rules: str, ann: str = "", extra: str = "") -> TrustPolicy:
    """A policy with ann's two keys and bob's one; ``ann`` are further fields of ann's first key, as JSON."""
    keys = [
        {"name": "ann", "publicKey": _pem(ANN), **json.loads(ann or "{}")},
        {"name": "ann2", "publicKey": _pem(EVE), "holder": "ann"},
        {"name": "bob", "publicKey": _pem(BOB)},
    ]
    return TrustPolicy.parse(
        f"version: 1\nkeys: {json.dumps(keys)}\nrules: [{', '.join(rules)}]\n{extra}".encode()
    )


def _pem(key: LocalKey) -> str:
    return key.public_key_pem().decode()


def told(
    policy: TrustPolicy,
    *signers: LocalKey,
    kind: str = "model-card",
    now: datetime = NOW,
    claim: Mapping[str, Any] | None = None,
) -> Lie:
    """The same claim about the model by each signer, under a policy; the first refusal, else what stands."""

    def lie(scene: Scene) -> Outcome:
        said = dict(claim or SAID[kind])
        bundles = [signed(statement(plain(scene), _uri(kind), said), key) for key in signers]
        return judged(policy, scene, bundles, now)

    return lie


def judged(policy: TrustPolicy, scene: Scene, bundles: Sequence[bytes], now: datetime = NOW) -> Outcome:
    """What stands of some bundles, or the first that does not."""
    accepted: list[AcceptedStatement] = []
    for raw in bundles:
        found = KeyVerifier(policy.known_keys).verify(Bundle(content=raw, source="s"), scene.artifact, now)
        outcome = (
            found
            if isinstance(found, RejectedStatement) or found is None
            else policy.judge(found, scene.artifact, now)
        )
        if not isinstance(outcome, AcceptedStatement):
            return outcome
        accepted.append(outcome)
    standing, fallen = policy.settle(accepted, scene.artifact, now)
    return standing or fallen[0]


def _uri(kind: str) -> str:
    return resolve_type(kind)


def two_opinions(scene: Scene) -> Outcome:
    """Two holders, each of whom says something else."""
    said = (CARD, {**CARD, "license": "Apache-2.0"})
    bundles = [
        signed(statement(plain(scene), _uri("model-card"), claim), key)
        for claim, key in zip(said, (ANN, BOB), strict=True)
    ]
    return judged(trust(TWO), scene, bundles)


def revoked(target: str, **changes: str) -> Lie:
    """What was signed before is revoked later."""

    def lie(scene: Scene) -> Outcome:
        policy = trust("{signers: [ann], may: [model-card]}", "{signers: [bob], may: [revocation]}")
        raw = signed(statement(plain(scene), _uri("model-card"), CARD), ANN)
        before = judged(policy, scene, [raw])
        assert isinstance(before, tuple), before
        values = {
            "key": ANN.key_id,
            "statement": str(before[0].statement.digest),
            "artifact": f"sha256:{plain(scene)}",
        }
        content = sign_list([{target: values[target], "reason": "Stolen.", **changes}], BOB, NOW)
        return judged(policy.revoking([_list(content, policy)]), scene, [raw])

    return lie


def spoiled_list(edit: Edit = nothing, payload: bytes = b"") -> Lie:
    """The list that revokes a key is spoiled, so that the key may be used again."""

    def lie(scene: Scene) -> Outcome:
        policy = trust("{signers: [ann], may: [model-card]}", "{signers: [bob], may: [revocation]}")
        bundle = json.loads(sign_list([{"key": ANN.key_id, "reason": "Stolen."}], BOB, NOW))
        edit(bundle)
        _list(payload or json.dumps(bundle).encode(), policy)
        raw = signed(statement(plain(scene), _uri("model-card"), CARD), ANN)
        return judged(policy, scene, [raw])

    return lie


def _list(content: bytes, policy: TrustPolicy) -> RevocationList:
    found = read_list(Bundle(content=content, source="list"), policy.keys, policy.signers, policy.rules)
    assert isinstance(found, RevocationList), found
    return found


def _cut(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payload"] = bundle["dsseEnvelope"]["payload"][4:]


CID = LocalKey.generate("ed25519")
LENT = {"from": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z", "may": ["model-card"]}


def _to(key: LocalKey) -> dict[str, str]:
    return {"name": "cid", "publicKey": _pem(key)}


def lent(
    changes: Mapping[str, Any],
    *others: LocalKey,
    rule: str = "{signers: [ann], may: [model-card], delegable: true}",
    by: LocalKey = ANN,
    extra: str = "",
) -> Lie:
    """Ann lets cid speak in her name; cid does, and some others."""

    def lie(scene: Scene) -> Outcome:
        policy = trust(rule, extra=extra)
        content = sign_delegation({**LENT, "to": [_to(CID)], **changes}, by)
        bundle = Bundle(content=content, source="d")
        found = read_delegation(bundle, policy.keys, policy.signers, policy.rules)
        policy = policy.delegating([found] if isinstance(found, Delegation) else [])
        said = statement(plain(scene), _uri("model-card"), CARD)
        return judged(policy, scene, [signed(said, key) for key in (CID, *others)])

    return lie


TWO_LENT = "{signers: [ann, bob], may: [model-card], threshold: 2, delegable: true}"
TWO = "{signers: [ann, ann2, bob], may: [model-card, break-glass], threshold: 2}"
ONE = "{signers: [ann], may: [model-card]}"
PAST = "2026-05-01T00:00:00Z"
COMING = "2026-07-01T00:00:00Z"
DEADLINE = NOW + timedelta(hours=2)

TRUST: dict[str, tuple[Lie, str]] = {
    "a stranger": (told(trust(ONE), LocalKey.generate()), "provenance.signer-not-trusted"),
    "a key without a rule": (told(trust(ONE), BOB), "provenance.signer-not-trusted"),
    "a claim that the rule does not cover": (
        told(trust(ONE), ANN, kind="approval"),
        "provenance.predicate-not-allowed",
    ),
    "an artifact that the rule is not about": (
        told(trust("{signers: [ann], may: [model-card], about: {kinds: [prompt]}}"), ANN),
        "provenance.kind-not-allowed",
    ),
    "a name that the rule is not about": (
        told(trust("{signers: [ann], may: [model-card], about: {names: ['oci://ours.example/*']}}"), ANN),
        "provenance.name-not-allowed",
    ),
    "a key that is over": (told(trust(ONE, ann=f'{{"notAfter": "{PAST}"}}'), ANN), "provenance.key-expired"),
    "a key that is not yet": (
        told(trust(ONE, ann=f'{{"notBefore": "{COMING}"}}'), ANN),
        "provenance.key-not-yet-valid",
    ),
    "a rule that is over": (
        told(trust(f'{{signers: [ann], may: [model-card], until: "{PAST}"}}'), ANN),
        "provenance.rule-expired",
    ),
    "a rule that is not yet": (
        told(trust(f'{{signers: [ann], may: [model-card], from: "{COMING}"}}'), ANN),
        "provenance.rule-not-yet-valid",
    ),
    "threshold met by one alone": (told(trust(TWO), ANN), "provenance.threshold"),
    "threshold met twice by one key": (told(trust(TWO), ANN, ANN), "provenance.threshold"),
    "threshold met by two keys of one holder": (told(trust(TWO), ANN, EVE), "provenance.threshold"),
    "threshold met by two who say different things": (two_opinions, "provenance.threshold"),
    "threshold met by a holder whose key is revoked": (
        told(trust(TWO, extra="revoked: {keys: [bob]}"), ANN, BOB),
        "provenance.revoked",
    ),
    "glass broken by one person": (told(trust(TWO), ANN, EVE, kind="break-glass"), "provenance.threshold"),
    "glass broken, and over": (
        told(trust(TWO), ANN, BOB, kind="break-glass", now=DEADLINE),
        "provenance.break-glass-expired",
    ),
    "key revoked in the policy": (
        told(trust(ONE, extra="revoked: {keys: [ann]}"), ANN),
        "provenance.revoked",
    ),
    "key revoked later than signing": (revoked("key"), "provenance.revoked"),
    "key revoked since a day after signing, which nobody proves": (
        revoked("key", since=COMING),
        "provenance.revoked",
    ),
    "statement revoked later than signing": (revoked("statement"), "provenance.revoked"),
    "artifact revoked later than signing": (revoked("artifact"), "provenance.revoked"),
    "revocation list cut": (spoiled_list(_cut), "trust.revocations"),
    "revocation list replaced by something else": (spoiled_list(payload=b"{}"), "trust.revocations"),
    "a delegate beyond its delegation": (lent({"may": ["approval"]}), "provenance.predicate-not-allowed"),
    "a delegate about another name": (
        lent({"about": {"names": ["oci://ours.example/*"]}}),
        "provenance.name-not-allowed",
    ),
    "a delegate when its time is over": (lent({"until": PAST}), "provenance.delegation-expired"),
    "a delegate whose time is to come": (lent({"from": COMING}), "provenance.delegation-not-yet-valid"),
    "a delegate of a key that is revoked": (
        lent({}, extra="revoked: {keys: [ann]}"),
        "provenance.revoked",
    ),
    "a delegate of a delegate": (lent({}, by=CID), "provenance.signer-not-trusted"),
    "a delegate of who may not delegate": (lent({}, rule=ONE), "provenance.signer-not-trusted"),
    "threshold met by a holder and its delegate": (
        lent({}, ANN, rule=TWO_LENT),
        "provenance.threshold",
    ),
    "a delegation as evidence": (
        told(trust('{signers: [ann], may: ["*"]}'), ANN, kind="delegation", claim={**LENT, "to": [_to(EVE)]}),
        "provenance.predicate-reserved",
    ),
    "signed as another kind": (
        told(trust("{signers: [ann], may: [signature]}"), ANN, kind="signature", claim={"kind": "prompt"}),
        "provenance.kind-mismatch",
    ),
    "a claim that its schema forbids": (
        told(trust(ONE), ANN, claim={**CARD, "riskClass": "none"}),
        "provenance.predicate-invalid",
    ),
}


class Ancestors:
    """Evidence about numbered artifacts: each was made from some others."""

    def __init__(self, parents: Mapping[str, Sequence[str]]) -> None:
        self._parents = parents

    async def about(self, artifacts: Sequence[Artifact], now: datetime) -> list[Judged]:
        return [self.judged(artifact) for artifact in artifacts]

    def under_name(self, judged: Judged, name: str, now: datetime) -> Judged:
        return judged

    def judged(self, artifact: Artifact) -> Judged:
        assert artifact.digest is not None
        said = [_derived(artifact.digest, parent) for parent in self._parents.get(artifact.digest.hex, ())]
        return Judged(artifact=artifact, evidence=Evidence(subject=artifact.digest, accepted=tuple(said)))


def _derived(child: Digest, parent: str) -> AcceptedStatement:
    bases = [{"name": "m", "digest": {"sha256": parent}}]
    said = Statement(
        subjects=(Subject(name="m", digests=(child,)),),
        predicate_type=DERIVATION,
        predicate={"method": "merge", "bases": bases, "datasets": []},
        digest=Digest.sha256(parent),
    )
    return AcceptedStatement(statement=said, signers=(Signer(name="ann"),))


def lineage(parents: Mapping[str, Sequence[str]], **how: int) -> Lie:
    def lie(_: Scene) -> Outcome:
        world = Ancestors(parents)
        root = Artifact(kind=MODEL, name="m", digest=Digest.sha256(A))
        return asyncio.run(ancestry(world.judged(root), world, NOW, **how))

    return lie


def _nameless(_: Scene) -> Outcome:
    world, root = Ancestors({}), Artifact(kind=MODEL, name="m")
    return asyncio.run(ancestry(Judged(artifact=root, evidence=Evidence()), world, NOW))


LINEAGE: dict[str, tuple[Lie, str]] = {
    "its own parent": (lineage({A: [A]}), "lineage.circle"),
    "a derivation cycle of two": (lineage({A: [B], B: [A]}), "lineage.circle"),
    "a derivation cycle among its ancestors": (lineage({A: [B], B: [C], C: [B]}), "lineage.circle"),
    "more ancestors than anybody has": (
        lineage({A: [f"{n:064x}" for n in range(10, 30)]}, limit=10),
        "lineage.too-large",
    ),
    "an artifact without a digest": (_nameless, "lineage.unresolved"),
}


def crowd(count: int) -> Lie:
    """So many statements about one subject that judging them would take for ever."""

    def lie(scene: Scene) -> Outcome:
        store = BundleStore(scene.model.parent / "store")
        first = store.add(signed(statement(A, _uri("model-card"), CARD), ANN))
        for number in range(count - 1):
            first.with_name(f"{number:064x}.sigstore.json").touch()
        policy = trust(ONE)
        host = PluginHost(deadline=30)
        host.register("provenance", ProvenancePlugin(policy, store, adjacent=False), builtin=True)
        ref = ArtifactRef(uri=f"oci://registry.example/m@sha256:{A}", kind=ArtifactKind.MODEL)
        return asyncio.run(EvidenceGatherer(host, policy).gather([ref], NOW))

    return lie


def _subjects(scene: Scene) -> Outcome:
    """One statement about so many subjects, of which the artifact is one."""
    said = statement(plain(scene), _uri("model-card"), CARD)
    said["subject"] *= 100_000
    return judged(trust(ONE), scene, [signed(said, ANN)])


def _replayed(scene: Scene) -> Outcome:
    """A name, bound by two true signatures to two contents."""
    name = "oci://registry.example/m:latest"
    store = BundleStore(scene.model.parent / "store")
    policy = trust("{signers: [ann], may: [signature]}")
    for digest in (A, B):
        store.add(signed(statement(digest, _uri("signature"), {"kind": "model"}, name=name), ANN))
    host = PluginHost(deadline=30)
    host.register(
        "provenance", ProvenancePlugin(policy, store, adjacent=False, clock=lambda: NOW), builtin=True
    )
    return asyncio.run(EvidenceGatherer(host, policy).gather([ArtifactRef(uri=name, kind=MODEL)], NOW))


CROWDS: dict[str, tuple[Lie, str]] = {
    "1,001 statements on one subject": (crowd(1001), "evidence.too-many"),
    "100,000 statements on one subject": (crowd(100_000), "evidence.too-many"),
    "100,000 subjects of one statement": (_subjects, "provenance.statement-too-large"),
    "one name for two contents": (_replayed, "resolve.ambiguous"),
}
