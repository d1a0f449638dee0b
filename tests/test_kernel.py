"""The decision path: no fault of any part ever yields an allow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from govkernel.combine import combine
from govkernel.domain import ArtifactRef, Effect, Record
from govkernel.engines.cedar import CedarEngine
from govkernel.errors import AuditError
from govkernel.gather import EvidenceGatherer
from govkernel.inputs import questions
from govkernel.kernel import Kernel
from govkernel.plugins import PluginHost, Provider
from tests.simulators.faulty_plugin import (
    FAULTS,
    FOREIGN_VERDICT,
    RELEASE,
    FaultyPack,
    FaultyPlugin,
    forged_statement_about,
    returning,
    wait_forever,
)
from tests.simulators.kernel_parts import DIGEST, NOW, REF, GivenEvidence, Memory, pack, promote

DEADLINE = 0.15
OPTIONAL = ("sink", "notifier")


@pytest.fixture(autouse=True, scope="module")
def let_hanging_calls_go() -> Iterator[None]:
    RELEASE.clear()
    yield
    RELEASE.set()


def built(
    *plugins: object, evidence: GivenEvidence | None = None, recorder: Memory | None = None, packs: Any = None
) -> tuple[Kernel, PluginHost, Memory]:
    """A kernel with given evidence and some plugins that are not ours."""
    given = evidence or GivenEvidence()
    host = PluginHost(deadline=DEADLINE)
    host.register("given", given, builtin=True)
    for number, plugin in enumerate(plugins):
        host.register(f"stranger-{number}", plugin)
    loaded = packs or [Provider("engines", asyncio.run(CedarEngine().load(pack())), True)]
    memory = recorder or Memory()
    kernel = Kernel(host, EvidenceGatherer(host, given), loaded, memory, clock=lambda: NOW, deadline=2.0)
    return kernel, host, memory


def judged(kernel: Kernel, ref: ArtifactRef = REF) -> Record:
    async def run() -> Record:
        record = await kernel.judge(promote(ref))
        await kernel.close()
        return record

    return asyncio.run(run())


def test_what_is_signed_is_allowed_and_recorded() -> None:
    kernel, _, memory = built()
    record = judged(kernel)
    assert record.decision.allowed
    assert [reason.policy for reason in record.decision.reasons] == ["test/permit"]
    assert memory.records == [record]


def test_what_is_unsigned_is_denied_with_reason_remedy_and_obligations() -> None:
    kernel, _, _ = built(evidence=GivenEvidence(signed=False))
    decision = judged(kernel).decision
    assert not decision.allowed
    assert [(item.policy, item.message, item.remedy) for item in decision.reasons] == [
        ("test/unsigned", "Unsigned.", "Sign it.")
    ]
    assert [item.type for item in decision.obligations] == ["audit"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["resolver", "source", "verifier", *OPTIONAL])
@pytest.mark.parametrize("signed", [True, False])
def test_no_fault_of_a_plugin_yields_an_allow(where: str, fault: str, signed: bool) -> None:
    kernel, host, _ = built(FaultyPlugin(where, FAULTS[fault]), evidence=GivenEvidence(signed=signed))
    decision = judged(kernel).decision
    if where in OPTIONAL:
        assert decision.allowed is signed
        return
    if not signed:
        assert not decision.allowed
    if decision.allowed:
        # only where the plugin was not asked: ours had verified the only bundle there is
        assert where == "verifier"
        return
    assert decision.faults or not signed
    if decision.faults:
        assert decision.faults[0].plugin == "stranger-0"
        status = next(item for item in host.status() if item.name == "stranger-0")
        assert sum(status.faults.values()) == 1


@pytest.mark.parametrize("fault", [*FAULTS, "answers for another pack"])
def test_no_fault_of_an_engine_yields_an_allow(fault: str) -> None:
    act = FAULTS.get(fault, returning(FOREIGN_VERDICT))
    for builtin in (True, False):
        if builtin and fault in ("hangs", "blocks its loop", "raises KeyboardInterrupt", "raises SystemExit"):
            continue  # our own engines run in our own loop; they are ours to keep from doing this
        host_packs = [Provider("stranger-0", FaultyPack(pack(), act), builtin)]
        kernel, _, _ = built(object(), packs=host_packs)
        decision = judged(kernel).decision
        assert not decision.allowed, builtin
        assert decision.faults, builtin


def test_a_plugin_cannot_speak_for_a_trusted_signer() -> None:
    plugin = FaultyPlugin("verifier", returning(forged_statement_about(DIGEST, "release")))
    evidence = GivenEvidence(signed=False)
    evidence.find = lambda artifact: [_bundle(b"two")]  # type: ignore[method-assign]
    decision = judged(built(plugin, evidence=evidence)[0]).decision
    assert not decision.allowed


def test_resolvers_that_disagree_are_a_deny() -> None:
    from govkernel.domain import Artifact, Digest

    other = Artifact(kind="model", name="m", digest=Digest.sha256("cd" * 32))
    kernel, _, _ = built(FaultyPlugin("resolver", returning(other)))
    assert judged(kernel).decision.faults[0].code == "resolve.ambiguous"


def test_a_resolver_cannot_say_that_a_mutable_name_is_pinned() -> None:
    from govkernel.domain import Artifact

    lie = Artifact(kind="dataset", name="other", digest=DIGEST, pinned=True)
    kernel, _, _ = built(FaultyPlugin("resolver", returning(lie)))
    mutable = ArtifactRef(uri="oci://registry.example/m:latest", kind="model")
    artifact = judged(kernel, mutable).subjects[0].artifact
    assert (artifact.pinned, artifact.kind, artifact.name) == (False, "model", mutable.uri)


def test_a_plugin_that_does_not_load_denies_everything_and_is_named() -> None:
    class Broken:
        from govkernel.hookspecs import hookimpl

        @hookimpl
        def govkernel_detectors(self) -> list[Any]:
            raise RuntimeError("no licence")

    kernel, host, _ = built(Broken())
    host.providers("govkernel_detectors")
    fault = judged(kernel).decision.faults[0]
    assert (fault.code, fault.plugin) == ("plugin.not-loaded", "stranger-0")


@pytest.mark.parametrize(
    "act",
    [
        lambda record: (_ for _ in ()).throw(AuditError("audit.locked", "locked")),
        lambda record: (_ for _ in ()).throw(OSError("disk")),
        wait_forever,
    ],
)
def test_an_allow_that_cannot_be_recorded_is_a_deny_that_is_kept(act: Callable[..., Any]) -> None:
    memory = Memory(act)
    kernel, _, _ = built(recorder=memory)
    kernel._deadline = 0.2
    decision = judged(kernel).decision
    assert not decision.allowed
    assert decision.faults[0].code.startswith("audit.")
    assert [record.decision.id for record in memory.spooled] == [decision.id]


def test_a_recorder_that_cannot_even_spool_is_still_a_deny() -> None:
    class Full(Memory):
        def spool(self, record: Record) -> None:
            raise OSError("disk full")

    kernel, _, _ = built(recorder=Full(lambda record: (_ for _ in ()).throw(OSError("disk"))))
    assert not judged(kernel).decision.allowed


def test_no_packs_is_a_deny() -> None:
    host = PluginHost()
    given = GivenEvidence()
    host.register("given", given, builtin=True)
    kernel = Kernel(host, EvidenceGatherer(host, given), [], Memory(), clock=lambda: NOW)
    assert not judged(kernel).decision.allowed


def test_hanging_plugins_leave_no_thread_that_keeps_the_process_alive() -> None:
    kernel, _, _ = built(FaultyPlugin("source", FAULTS["hangs"]))
    judged(kernel)
    stuck = [thread for thread in threading.enumerate() if thread.name.startswith("stranger")]
    assert stuck
    assert all(thread.daemon for thread in stuck)


def test_a_decision_can_be_computed_again_from_its_record() -> None:
    loaded = asyncio.run(CedarEngine().load(pack()))
    for signed in (True, False):
        kernel, _, _ = built(evidence=GivenEvidence(signed=signed), packs=[Provider("engines", loaded, True)])
        record = Record.model_validate_json(judged(kernel).model_dump_json())
        from govkernel.recompute import recompute

        again = asyncio.run(recompute(record, [loaded]))
        assert (again.effect, again.reasons, again.obligations) == (
            record.decision.effect,
            record.decision.reasons,
            record.decision.obligations,
        )


def test_evidence_is_used_again_until_it_lapses_and_never_after_a_deny() -> None:
    evidence = GivenEvidence(valid_until=NOW + timedelta(seconds=5))
    kernel, _, _ = built(evidence=evidence)
    moments = iter([NOW, NOW + timedelta(seconds=4), NOW + timedelta(seconds=6)])
    kernel._clock = lambda: next(moments)
    judged(kernel)
    judged(kernel)
    assert evidence.resolved == 1
    judged(kernel)
    assert evidence.resolved == 2
    unsigned = GivenEvidence(signed=False)
    kernel, _, _ = built(evidence=unsigned)
    assert not judged(kernel).decision.allowed
    unsigned.signed = True
    assert judged(kernel).decision.allowed


def test_questions_and_answers_are_pure() -> None:
    kernel, _, _ = built()
    record = judged(kernel)
    first = questions(record.request, record.subjects, NOW)
    assert first == questions(record.request, record.subjects, NOW)
    assert combine(first, []).effect is Effect.DENY


def _bundle(content: bytes) -> Any:
    from govkernel.hookspecs import Bundle

    return Bundle(content=content, source="given")
