"""Sample records for tests and benchmarks: varied, deterministic, shaped like those of the four doors."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from govkernel.domain import (
    AcceptedStatement,
    Action,
    Artifact,
    ArtifactKind,
    ArtifactRef,
    Decision,
    Digest,
    Door,
    Effect,
    EntityRef,
    Evidence,
    Fault,
    Judged,
    Reason,
    Record,
    Request,
    Signer,
    Statement,
    Subject,
    Workload,
)

_DOORS = (
    (Door.ADMISSION, Action.ADMIT),
    (Door.CI, Action.PROMOTE),
    (Door.GUARD, Action.INFER),
    (Door.CI, Action.DEPLOY),
)


def sample_record(n: int, now: datetime) -> Record:
    """The ``n``-th sample record, decided ``n`` milliseconds after ``now``.

    Every third is a deny by ``baseline/unsigned``, every seventh of those a deny by a fault.
    """
    door, action = _DOORS[n % len(_DOORS)]
    uri = f"mlflow://models/model-{n % 10}/{n}"
    denied = n % 3 == 0
    return Record(
        request=Request(
            principal=EntityRef(type="User", id=("alice", "bob", "çelik")[n % 3]),
            action=action,
            resource=EntityRef(type="Workload", id=f"team-{n % 5}/service-{n}"),
            door=door,
            artifacts=(ArtifactRef(uri=uri, kind=ArtifactKind.MODEL, where="spec.model"),),
            workload=Workload(
                kind="InferenceService", namespace=f"team-{n % 5}", name=f"service-{n}", ai=True
            ),
            environment=("production", "staging")[n % 2],
        ),
        subjects=(_judged(n, uri, signed=not denied),),
        decision=_decision(n, now, denied=denied),
    )


def sample_digest(n: int) -> Digest:
    """The digest of the model of the ``n``-th sample record."""
    return Digest.sha256(hashlib.sha256(b"model %d" % n).hexdigest())


def _judged(n: int, uri: str, *, signed: bool) -> Judged:
    digest = sample_digest(n)
    artifact = Artifact(
        kind=ArtifactKind.MODEL, name=uri, digest=digest, pinned=True, formats=("safetensors",)
    )
    if not signed:
        return Judged(artifact=artifact, evidence=Evidence(subject=digest))
    statement = Statement(
        subjects=(Subject(name=uri, digests=(digest,)),),
        predicate_type="https://govkernel.dev/evaluation-result/v1",
        predicate={"score": 0.93, "passed": True, "suite": {"name": "smoke"}},
        digest=Digest.sha256(hashlib.sha256(b"statement %d" % n).hexdigest()),
    )
    accepted = AcceptedStatement(statement=statement, signers=(Signer(name="release", key_id="ab" * 32),))
    return Judged(artifact=artifact, evidence=Evidence(subject=digest, accepted=(accepted,)))


def _decision(n: int, now: datetime, *, denied: bool) -> Decision:
    moment = now + timedelta(milliseconds=n)
    reason = Reason(
        policy="baseline/unsigned" if denied else "baseline/permit",
        effect=Effect.DENY if denied else Effect.ALLOW,
        message="The model is not signed." if denied else "Signed and evaluated.",
        remedy="Sign it." if denied else "",
        about=EntityRef(type="Model", id=str(sample_digest(n))),
        controls=("NIST-AI-RMF/MAP-4.1",),
    )
    faulty = denied and n % 7 == 0
    fault = Fault(code="plugin.timeout", what="A source did not answer.", plugin="registry")
    return Decision(
        id=str(UUID(int=(int(moment.timestamp() * 1000) << 80) | (0x7 << 76) | (0b10 << 62) | n)),
        effect=Effect.DENY if denied else Effect.ALLOW,
        reasons=() if faulty else (reason,),
        faults=(fault,) if faulty else (),
        policy_set=Digest.sha256("11" * 32),
        evidence=Digest.sha256("22" * 32),
        decided_at=moment,
    )
