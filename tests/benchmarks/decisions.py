"""The whole decision path, evidence cached, beside a bare ``cedarpy.is_authorized`` on the same policies."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import cedarpy

from govkernel.audit import AuditLog, load_or_create_key
from govkernel.domain import (
    AcceptedStatement,
    Action,
    Artifact,
    ArtifactRef,
    Digest,
    Door,
    EntityRef,
    PolicyFile,
    PolicyPack,
    RejectedStatement,
    Request,
    Screening,
    Signer,
    predicates,
)
from govkernel.domain.evidence import Statement, Subject
from govkernel.engines.cedar import CedarEngine
from govkernel.engines.cedar_schema import pack_schema, parameter_values, project
from govkernel.gather import EvidenceGatherer
from govkernel.hookspecs import Bundle, LoadedPack, VerifiedStatement, hookimpl
from govkernel.inputs import questions
from govkernel.kernel import Kernel
from govkernel.packs import find_pack, load_pack
from govkernel.plugins import PluginHost, Provider
from tests.benchmarks.compare import interleaved, show

BATCH = 400
TOGETHER = 64
DIGEST = Digest.sha256("ab" * 32)
ARTIFACT = Artifact(kind="model", name="oci://registry.example/models/m@" + str(DIGEST), digest=DIGEST)
REF = ArtifactRef(uri=ARTIFACT.name, kind="model")


class Evidence:
    """Evidence that is there at once, so that the path and not the provenance room is measured."""

    digest = DIGEST
    schemes = frozenset({"oci"})
    name = "benchmark"

    @hookimpl
    def govkernel_reference_resolvers(self) -> list[Any]:
        return [self]

    @hookimpl
    def govkernel_attestation_sources(self) -> list[Any]:
        return [self]

    @hookimpl
    def govkernel_evidence_verifiers(self) -> list[Any]:
        return [self]

    def resolve(self, ref: ArtifactRef) -> Artifact:
        return ARTIFACT

    def find(self, artifact: Artifact) -> list[Bundle]:
        return [Bundle(content=str(number).encode(), source="benchmark") for number in range(2)]

    def verify(self, bundle: Bundle, artifact: Artifact, now: datetime) -> VerifiedStatement:
        said = {
            predicates.EVALUATION_RESULT: {
                "suite": {"name": "s"},
                "score": 0.93,
                "passed": True,
                "finishedOn": "2026-01-01T00:00:00Z",
            },
            predicates.MODEL_CARD: {"license": "MIT", "riskClass": "limited", "intendedUse": "benchmarks"},
        }
        kind = list(said)[int(bundle.content)]
        subjects = (Subject(digests=(DIGEST,)),)
        statement = Statement(subjects=subjects, predicate_type=kind, predicate=said[kind], digest=DIGEST)
        return VerifiedStatement(statement=statement, signers=(Signer(name="release"),))

    def judge(self, verified: VerifiedStatement, artifact: Artifact, now: datetime) -> AcceptedStatement:
        return AcceptedStatement(statement=verified.statement, signers=verified.signers)

    def settle(
        self, accepted: Sequence[AcceptedStatement], artifact: Artifact, now: datetime
    ) -> tuple[tuple[AcceptedStatement, ...], tuple[RejectedStatement, ...]]:
        return tuple(accepted), ()

    def revocation(self, artifact: Artifact) -> RejectedStatement | None:
        return None


class Nowhere:
    """A recorder that forgets."""

    async def append(self, record: Any) -> None:
        """Forget."""

    def spool(self, record: Any) -> None:
        """Forget."""


def admit() -> Request:
    """One model to be promoted: one question."""
    return Request(
        principal=EntityRef(type="Pipeline", id="ci"),
        action=Action.PROMOTE,
        resource=EntityRef(type="Model", id=ARTIFACT.name),
        door=Door.CI,
        artifacts=(REF,),
    )


def infer() -> Request:
    """One chat message."""
    return Request(
        principal=EntityRef(type="App", id="tenant"),
        action=Action.INFER,
        resource=EntityRef(type="Endpoint", id="model"),
        door=Door.GUARD,
        screening=Screening(direction="request", labels=("EMAIL_ADDRESS",), findings=1),
    )


def grown(pack: PolicyPack, count: int) -> PolicyPack:
    """The pack with ``count`` more policies about the same requests."""
    more = "\n".join(
        f'@id("{pack.manifest.id}/more-{number}") forbid (principal, action == Action::"promote", resource is Model) '
        f'when {{ context.labels.contains("never-{number}") }};'
        for number in range(count)
    )
    extra = PolicyFile(path="more.cedar", text=more)
    return pack.model_copy(update={"policies": (*pack.policies, extra)})


def main() -> None:
    """Print decisions per second for the path and for the bare engine."""
    baseline = load_pack(find_pack("baseline"))
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        key = load_or_create_key(Path(folder) / "audit.key")
        log = AuditLog.open(f"sqlite:///{folder}/audit.db", origin="benchmark", signing_key=key)
        host = PluginHost()
        plugin = Evidence()
        host.register("benchmark", plugin, builtin=True)
        for title, pack, request in (
            ("baseline pack, promote a model", baseline, admit()),
            ("baseline pack + 100 policies, promote a model", grown(baseline, 100), admit()),
            ("baseline pack, infer", baseline, infer()),
        ):
            loaded = runner.run(CedarEngine().load(pack))
            gatherer = EvidenceGatherer(host, plugin)
            provider: Provider[LoadedPack] = Provider("benchmark", loaded, True)
            path = Kernel(host, gatherer, [provider], Nowhere())
            logged = Kernel(host, gatherer, [provider], log)
            assert runner.run(path.decide(request)).allowed
            sides = {
                "decision path, not recorded": partial(_run, runner, _one_by_one, path, request),
                f"decision path, recorded, {TOGETHER} at a time": partial(
                    _run, runner, _together, logged, request
                ),
                "cedarpy.is_authorized, all policies": _bare(pack, gatherer, runner, request),
            }
            show(title, interleaved(sides), "decisions/s")
        runner.run(log.close())


def _run(
    runner: asyncio.Runner, work: Callable[[Kernel, Request], Any], kernel: Kernel, request: Request
) -> int:
    return int(runner.run(work(kernel, request)))


async def _one_by_one(kernel: Kernel, request: Request) -> int:
    for _ in range(BATCH):
        await kernel.decide(request)
    return BATCH


async def _together(kernel: Kernel, request: Request) -> int:
    for _ in range(BATCH // TOGETHER):
        await asyncio.gather(*(kernel.decide(request) for _ in range(TOGETHER)))
    return BATCH // TOGETHER * TOGETHER


def _bare(
    pack: PolicyPack, gatherer: EvidenceGatherer, runner: asyncio.Runner, request: Request
) -> Callable[[], int]:
    """The peer: the engine alone, with parsed handles and a document that is already there."""
    cedarpy.Schema.from_str(pack_schema(pack.manifest.parameters))
    policies = cedarpy.PolicySet.from_str("\n".join(source.text for source in pack.policies))
    entities = cedarpy.Entities.from_json_str("[]")
    now = datetime.now(UTC)
    subjects = [item.judged for item in runner.run(gatherer.gather(request.artifacts, now))]
    (question,) = questions(request, subjects, now)
    parameters = parameter_values(pack.manifest.parameters, pack.parameters)
    document = {
        "principal": {"type": question.principal.type, "id": question.principal.id},
        "action": {"type": "Action", "id": question.action},
        "resource": {"type": question.resource.type, "id": question.resource.id},
        "context": {**project(question.context), "parameters": parameters},
    }

    def work() -> int:
        for _ in range(BATCH):
            cedarpy.is_authorized(document, policies, entities)
        return BATCH

    assert cedarpy.is_authorized(document, policies, entities).decision is cedarpy.Decision.Allow
    return work
