"""Questions to the packs: one about the resource, one about each artifact, complete and in a fixed form."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import (
    AcceptedStatement,
    Action,
    Artifact,
    ArtifactKind,
    ArtifactRef,
    Digest,
    Door,
    EntityRef,
    Evidence,
    Judged,
    PolicyInput,
    Request,
    Screening,
    Signer,
    Statement,
    Subject,
    Workload,
)
from govkernel.domain.predicates import SIGNATURE
from govkernel.engines.cedar import CedarEngine
from govkernel.inputs import ARTIFACT_ACTIONS, SCREENED_ACTIONS, entity_of, questions
from tests.simulators.kernel_parts import pack

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
COMMON = {"door", "environment", "risk", "labels", "time", "attributes"}
ABOUT_ARTIFACTS = {"artifact", "evidence", "statements", "workload"}
ACTIONS = st.sampled_from(Action)
LABELS = st.lists(st.sampled_from(["a=1", "b=2", "c=3"]), max_size=4)


def digest(number: int) -> Digest:
    return Digest.sha256(f"{number:064x}")


def accepted(number: int) -> AcceptedStatement:
    statement = Statement(
        subjects=(Subject(digests=(digest(0),)),),
        predicate_type=(SIGNATURE, "https://example.com/1")[number % 2],
        predicate={"number": number, "kind": "model"},
        digest=digest(number),
    )
    return AcceptedStatement(statement=statement, signers=(Signer(name=f"s{number % 3}"),))


@st.composite
def judged(draw: st.DrawFn) -> Judged:
    number = draw(st.integers(0, 9))
    found = digest(number) if draw(st.booleans()) else None
    artifact = Artifact(
        kind=draw(st.sampled_from(ArtifactKind)),
        name=f"mlflow://models/m{number}/1",
        digest=found,
        formats=tuple(draw(st.lists(st.sampled_from(["gguf", "pickle"])))),
    )
    statements = draw(st.lists(st.integers(0, 5).map(accepted), max_size=4)) if found else []
    return Judged(artifact=artifact, evidence=Evidence(subject=found, accepted=tuple(statements)))


@st.composite
def requests(draw: st.DrawFn, actions: st.SearchStrategy[Action] = ACTIONS) -> Request:
    return Request(
        principal=EntityRef(type="Pipeline", id="ci"),
        action=draw(actions),
        resource=EntityRef(type=draw(st.sampled_from(["Model", "Workload"])), id="x"),
        door=draw(st.sampled_from(Door)),
        labels=tuple(draw(LABELS)),
        workload=Workload(labels=tuple(draw(LABELS))),
        screening=draw(
            st.none() | st.builds(Screening, direction=st.just("response"), labels=LABELS.map(tuple))
        ),
    )


def ask(request: Request, *subjects: Judged, now: datetime = NOW) -> tuple[PolicyInput, ...]:
    return questions(request, subjects, now)


@given(requests(), st.lists(judged(), max_size=3), st.randoms())
def test_questions_do_not_depend_on_the_order_things_were_found_in(
    request: Request, subjects: list[Judged], random: Any
) -> None:
    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(random.sample(items, len(items)))

    def mixed(item: Judged) -> Judged:
        evidence = item.evidence.model_copy(update={"accepted": shuffled(item.evidence.accepted)})
        artifact = item.artifact.model_copy(update={"formats": shuffled(item.artifact.formats)})
        return Judged(artifact=artifact, evidence=evidence)

    workload = request.workload.model_copy(update={"labels": shuffled(request.workload.labels)})
    other = request.model_copy(update={"labels": shuffled(request.labels), "workload": workload})
    assert ask(other, *map(mixed, subjects)) == ask(request, *subjects)


@given(requests(), st.lists(judged(), max_size=3))
def test_each_artifact_is_asked_about_and_none_gets_the_facts_of_another(
    request: Request, subjects: list[Judged]
) -> None:
    asked = ask(request, *subjects)
    about_artifacts = asked[len(asked) - len(subjects) :]
    assert len(asked) - len(subjects) in (0, 1)
    for question, subject in zip(about_artifacts, subjects, strict=True):
        assert question.resource == entity_of(subject.artifact)
        assert question.name == subject.artifact.name
        if request.action in ARTIFACT_ACTIONS:
            assert question.context["artifact"]["digest"] == str(subject.artifact.digest or "")
            assert question.context["evidence"]["signed"] is (
                subject.artifact.kind == "model" and bool(subject.evidence.of_type(SIGNATURE))
            )
            assert len(question.context["statements"]) == len(subject.evidence.accepted)
    for question in asked:
        assert (question.principal, question.action) == (request.principal, request.action.value)


@given(requests(), st.lists(judged(), max_size=2))
def test_a_context_has_exactly_what_its_action_has(request: Request, subjects: list[Judged]) -> None:
    more: set[str] = set()
    if request.action in ARTIFACT_ACTIONS:
        more = ABOUT_ARTIFACTS
    elif request.action in SCREENED_ACTIONS:
        more = {"screening"}
    for question in ask(request, *subjects):
        assert question.context.keys() == COMMON | more


@given(requests(), st.lists(judged(), min_size=2, max_size=3))
def test_the_resource_of_several_artifacts_is_asked_about_itself(
    request: Request, subjects: list[Judged]
) -> None:
    first = ask(request, *subjects)[0]
    assert (first.resource, first.name) == (request.resource, request.resource.id)
    if request.action in ARTIFACT_ACTIONS:
        assert not first.context["evidence"]["signed"]
        assert not any(first.context["artifact"].values())
        assert first.context["statements"] == ()


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_the_resource_is_the_artifact_only_for_a_model_that_is_to_be_let_in(
    action: Action, kind: str
) -> None:
    request = Request(
        principal=EntityRef(type="User", id="u"),
        action=action,
        resource=EntityRef(type="Model", id="mlflow://models/m/1"),
        door=Door.CI,
        artifacts=(ArtifactRef(uri="mlflow://models/m/1", kind=kind),),
    )
    subject = Judged(
        artifact=Artifact(kind=kind, name="mlflow://models/m/1", digest=digest(1)),
        evidence=Evidence(subject=digest(1)),
    )
    same = action in ARTIFACT_ACTIONS and kind == "model"
    asked = [str(item.resource) for item in ask(request, subject)]
    about_artifact = f'{kind.capitalize()}::"{digest(1)}"'
    assert asked == ([about_artifact] if same else ['Model::"mlflow://models/m/1"', about_artifact])
    assert [str(item.resource) for item in ask(request)] == ['Model::"mlflow://models/m/1"']


@pytest.mark.parametrize(
    ("resource", "same"),
    [
        ("file:m", True),  # as it was asked for
        ("mlflow://models/m/1", True),  # as it is called
        (str(digest(1)), True),
        ("mlflow://models/other/1", False),
    ],
)
def test_a_model_is_not_taken_for_another(resource: str, same: bool) -> None:
    request = Request(
        principal=EntityRef(type="User", id="u"),
        action=Action.PROMOTE,
        resource=EntityRef(type="Model", id=resource),
        door=Door.CI,
        artifacts=(ArtifactRef(uri="file:m", kind="model"),),
    )
    artifact = Artifact(kind="model", name="mlflow://models/m/1", digest=digest(1))
    asked = ask(request, Judged(artifact=artifact, evidence=Evidence(subject=digest(1))))
    assert len(asked) == (1 if same else 2)


def test_what_has_no_digest_is_known_by_its_name() -> None:
    assert str(entity_of(Artifact(kind="prompt", name="prompt://t/n"))) == 'Prompt::"prompt://t/n"'


@pytest.mark.parametrize("action", sorted(SCREENED_ACTIONS))
def test_a_message_nobody_screened_was_not_screened_completely(action: Action) -> None:
    request = Request(
        principal=EntityRef(type="User", id="u"),
        action=action,
        resource=EntityRef(type="Model", id="m"),
        door=Door.GUARD,
    )
    assert ask(request)[0].context["screening"]["complete"] is False
    screened = request.model_copy(
        update={"screening": Screening(direction="response", labels=("B", "A", "B"), findings=3)}
    )
    assert ask(screened)[0].context["screening"] == {
        "direction": "response",
        "labels": ("A", "B"),
        "findings": 3,
        "complete": True,
    }


@given(st.timedeltas(timedelta(0), timedelta(days=400)))
def test_the_time_is_that_of_the_decision_in_whole_seconds(passed: timedelta) -> None:
    (question,) = ask(_request(), now=NOW + passed)
    assert question.context["time"] == int((NOW + passed).timestamp())


def _request() -> Request:
    return Request(
        principal=EntityRef(type="User", id="u"),
        action=Action.PROMOTE,
        resource=EntityRef(type="Workload", id="w"),
        door=Door.CI,
    )


@given(requests(), st.lists(judged(), max_size=2))
def test_a_question_cannot_be_changed_afterwards(request: Request, subjects: list[Judged]) -> None:
    for question in ask(request, *subjects):
        with pytest.raises(TypeError):
            question.context["risk"] = "minimal"
        for part in question.context.values():
            if isinstance(part, dict):
                with pytest.raises(TypeError):
                    part["signed"] = True


@given(requests(st.sampled_from(sorted(ARTIFACT_ACTIONS))), st.lists(judged(), max_size=2))
def test_cedar_understands_every_question_about_artifacts(request: Request, subjects: list[Judged]) -> None:
    async def run() -> None:
        loaded = await CedarEngine().load(pack())
        for question in ask(request, *subjects):
            verdict = await loaded.evaluate(question)
            unsigned = question.resource.type == "Model" and not question.context["evidence"]["signed"]
            assert bool(verdict.forbids) is (unsigned and request.action is Action.PROMOTE)
            assert verdict.permits or verdict.forbids

    asyncio.run(run())
