"""No lie of a server becomes a permit, and none is waited for longer than the deadline."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Verdict
from govkernel.engines.opa import OpaEngine, OpaSettings
from govkernel.engines.opa.answer import verdict_of
from govkernel.errors import PolicyError
from tests.engines.opa_packs import DECISION, FORBID, PERMIT, pack_of, question
from tests.simulators.lying_opa import LIES, LyingOpa

PACK = pack_of(DECISION + PERMIT + FORBID)


async def asked(opa: LyingOpa, times: int = 1, **options: Any) -> list[Verdict | PolicyError]:
    engine = OpaEngine(OpaSettings(url=opa.url, **{"deadline": 0.5, **options}))
    answers: list[Verdict | PolicyError] = []
    try:
        loaded = await engine.load(PACK)
        for _ in range(times):
            try:
                answers.append(await loaded.evaluate(question()))
            except PolicyError as error:
                answers.append(error)
    finally:
        await engine.close()
    return answers


def ask(manner: Any, times: int = 1, **options: Any) -> tuple[LyingOpa, list[Verdict | PolicyError]]:
    async def run() -> tuple[LyingOpa, list[Verdict | PolicyError]]:
        async with LyingOpa(manner).running() as opa:
            return opa, await asked(opa, times, **options)

    return asyncio.run(run())


def test_the_simulator_can_tell_the_truth() -> None:
    _, [verdict] = ask("permit")
    assert isinstance(verdict, Verdict)
    assert [reason.policy for reason in verdict.permits] == ["lies/a"]


@pytest.mark.parametrize("manner", LIES)
def test_a_lie_is_an_error(manner: str) -> None:
    _, [answer] = ask(manner)
    assert isinstance(answer, PolicyError)
    expected = {"hang": "opa.deadline", "close": "opa.unavailable", "half": "opa.unavailable"}
    expected["error 401"] = "opa.unavailable"
    assert answer.code == expected.get(manner, "opa.bad-answer")
    assert answer.remedy


def test_only_connection_errors_are_tried_again() -> None:
    opa, _ = ask("close", retries=2)
    assert sum("/data/" in line for line in opa.seen) == 3
    opa, _ = ask("error 500", retries=2)
    assert sum("/data/" in line for line in opa.seen) == 1


def test_a_dead_server_is_not_asked_for_ever() -> None:
    opa, answers = ask("close", times=40, retries=5)
    assert all(isinstance(answer, PolicyError) and answer.code == "opa.unavailable" for answer in answers)
    assert sum("/data/" in line for line in opa.seen) < 40


def test_the_whole_question_is_sent_with_the_parameters() -> None:
    heard: list[Any] = []

    def listen(document: Any) -> Any:
        heard.append(document)
        return {"result": {"permit": [], "forbid": []}}

    ask(listen)
    assert heard[0]["input"]["action"] == "read"
    assert heard[0]["input"]["context"]["parameters"] == {}


def test_nobody_listens() -> None:
    async def run() -> PolicyError:
        engine = OpaEngine(OpaSettings(url="http://127.0.0.1:9"))
        try:
            with pytest.raises(PolicyError) as caught:
                await engine.load(PACK)
            return caught.value
        finally:
            await engine.close()

    assert asyncio.run(run()).code == "opa.unavailable"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["lies/a", "redact"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["permit", "forbid", "id", "reason", "obligations", "type", "arguments", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(json_values)
def test_any_document_is_a_well_formed_verdict_or_an_error(document: Any) -> None:
    try:
        verdict = verdict_of(document, "lies")
    except PolicyError as error:
        assert error.code == "opa.bad-answer"
        return
    assert set(document) == {"permit", "forbid"}
    assert len(verdict.permits) == len(document["permit"])
    assert len(verdict.forbids) == len(document["forbid"])
    assert all(reason.policy.startswith("lies/") for reason in (*verdict.permits, *verdict.forbids))
