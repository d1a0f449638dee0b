"""A record computes to its own decision again, and a record somebody changed computes to another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Digest, PolicyPack, Record
from govkernel.engines.cedar import CedarEngine
from govkernel.errors import PolicyError
from govkernel.gather import EvidenceGatherer
from govkernel.hookspecs import LoadedPack
from govkernel.kernel import Kernel
from govkernel.plugins import PluginHost, Provider
from govkernel.recompute import recompute
from tests.simulators.kernel_parts import NOW, GivenEvidence, Memory, pack, promote

TIMED = """
@id("timed/permit") permit (principal, action, resource);
@id("timed/late") @reason("Too late.") forbid (principal, action, resource)
when { context has time && context.time >= 1780315205 };
"""


def loaded(*packs: PolicyPack) -> list[LoadedPack]:
    engine = CedarEngine()
    return [asyncio.run(engine.load(item)) for item in packs]


def timed(mode: str, digest: str) -> PolicyPack:
    return pack(TIMED, name="timed", mode=mode).model_copy(update={"digest": Digest.sha256(digest * 32)})


STRICT, WARNING, NOTING = loaded(pack(), timed("warn", "cd"), timed("audit", "ef"))
SETS = st.sampled_from([[STRICT], [STRICT, WARNING], [NOTING, STRICT], [WARNING], [NOTING, WARNING, STRICT]])


def recorded(packs: Sequence[LoadedPack], *, signed: bool = True, seconds: int = 0) -> Record:
    """What the kernel records, as it is read back from the log."""
    evidence = GivenEvidence(signed=signed)
    host = PluginHost()
    host.register("given", evidence, builtin=True)
    kernel = Kernel(
        host,
        EvidenceGatherer(host, evidence),
        [Provider("engines", item, True) for item in packs],
        Memory(),
        clock=lambda: NOW + timedelta(seconds=seconds),
    )
    record = asyncio.run(kernel.judge(promote()))
    return Record.model_validate_json(record.model_dump_json())


def again(record: Record, packs: Sequence[LoadedPack]) -> tuple[Any, ...]:
    found = asyncio.run(recompute(record, packs))
    return tuple(getattr(found, name) for name in PARTS)


PARTS = ("effect", "reasons", "warnings", "notes", "obligations", "faults")


def decided(record: Record) -> tuple[Any, ...]:
    return tuple(getattr(record.decision, name) for name in PARTS)


def changed(record: Record, change: Callable[[dict[str, Any]], Any]) -> Record:
    """The record after somebody edited its document."""
    document = json.loads(record.model_dump_json())
    change(document)
    return Record.model_validate(document)


@given(SETS, st.booleans(), st.integers(0, 10))
@settings(deadline=None)
def test_a_record_computes_to_its_own_decision(packs: list[LoadedPack], signed: bool, seconds: int) -> None:
    record = recorded(packs, signed=signed, seconds=seconds)
    assert not record.decision.faults
    assert again(record, packs) == decided(record)


def test_warnings_and_notes_are_computed_again_too() -> None:
    for packs, name in (([STRICT, WARNING], "warnings"), ([NOTING, STRICT], "notes")):
        record = recorded(packs, seconds=10)
        assert [item.policy for item in getattr(record.decision, name)] == ["timed/late"]
        assert again(record, packs) == decided(record)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["decision"].update(effect="allow", reasons=[]),
        lambda it: it["decision"].update(effect="allow"),
        lambda it: it["decision"].update(reasons=[]),
        lambda it: it["decision"]["reasons"][0].update(message="Fine."),
        lambda it: it["decision"]["reasons"][0].update(name="another"),
        lambda it: it["decision"].update(obligations=[]),
        lambda it: it["request"].update(action="deploy"),
        lambda it: it.update(subjects=[]),
    ],
)
def test_a_denial_that_was_edited_computes_to_another_decision(change: Callable[..., Any]) -> None:
    record = changed(recorded([STRICT], signed=False), change)
    assert again(record, [STRICT]) != decided(record)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["subjects"][0]["evidence"].update(accepted=[]),
        lambda it: it["subjects"][0]["artifact"].update(digest="sha256:" + "00" * 32),
        lambda it: it["subjects"].append(
            {"artifact": {"kind": "model", "name": "x"}, "evidence": {"accepted": []}}
        ),
        lambda it: it["decision"].update(effect="deny"),
    ],
)
def test_an_allow_that_was_edited_computes_to_another_decision(change: Callable[..., Any]) -> None:
    record = changed(recorded([STRICT]), change)
    assert again(record, [STRICT]) != decided(record)


def test_the_time_is_that_of_the_record() -> None:
    record = recorded([STRICT, WARNING], seconds=0)
    late = changed(record, lambda it: it["decision"].update(decided_at="2026-06-01T12:00:05Z"))
    assert again(record, [STRICT, WARNING]) == decided(record)
    assert again(late, [STRICT, WARNING]) != decided(late)


@pytest.mark.parametrize("packs", [[], [WARNING], [STRICT, STRICT], [WARNING, STRICT]])
def test_other_packs_are_refused_and_not_asked(packs: list[LoadedPack]) -> None:
    record = recorded([STRICT, WARNING])
    with pytest.raises(PolicyError) as caught:
        asyncio.run(recompute(record, packs))
    assert caught.value.code == "policy.other-set"
    assert str(record.decision.policy_set) in caught.value.why
