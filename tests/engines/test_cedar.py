"""The Cedar engine: strict at load, sliced without changing an answer, erring closed."""

from __future__ import annotations

import asyncio

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Judged, PolicyFile, PolicyPack, Verdict, predicates
from govkernel.domain.artifact import Artifact
from govkernel.domain.evidence import AcceptedStatement, Evidence, Signer, Statement, Subject
from govkernel.engines.cedar import CedarEngine
from govkernel.engines.cedar_schema import decimal, parameter_values, project
from govkernel.errors import PolicyError
from govkernel.inputs import questions
from tests.simulators.kernel_parts import DIGEST, NOW, pack, promote

ADMIT_MODEL = '@id("test/x") permit (principal, action == Action::"admit", resource is Model)'
PERMIT = '@id("test/permit") permit (principal, action, resource);'


def evaluated(given_pack: PolicyPack, evidence: Evidence | None = None) -> Verdict:
    async def run() -> Verdict:
        loaded = await CedarEngine().load(given_pack)
        return await loaded.evaluate(question(evidence or Evidence()))

    return asyncio.run(run())


def question(evidence: Evidence):
    artifact = Artifact(kind="model", name="m", digest=DIGEST)
    (asked,) = questions(promote(), [Judged(artifact=artifact, evidence=evidence)], NOW)
    return asked


def scored(score: float) -> Evidence:
    said = {"suite": {"name": "s"}, "score": score, "passed": True, "finishedOn": "2026-01-01T00:00:00Z"}
    statement = Statement(
        subjects=(Subject(digests=(DIGEST,)),),
        predicate_type=predicates.EVALUATION_RESULT,
        predicate=said,
        digest=DIGEST,
    )
    return Evidence(
        subject=DIGEST, accepted=(AcceptedStatement(statement=statement, signers=(Signer(name="k"),)),)
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("permit (principal, action resource);", "policy.syntax"),
        ("permit (principal, action, resource);", "policy.annotation"),
        ('@id("other/x") permit (principal, action, resource);', "policy.annotation"),
        (PERMIT + PERMIT, "policy.duplicate-id"),
        ('@id("test/x") @redakt("EMAIL") permit (principal, action, resource);', "policy.annotation"),
        ('@id("test/x") permit (principal == ?principal, action, resource);', "policy.template"),
        (
            '@id("test/x") permit (principal, action, resource) when { context.evidense.signed };',
            "policy.invalid",
        ),
        ('@id("test/x") permit (principal, action == Action::"destroy", resource);', "policy.invalid"),
        (
            f"{ADMIT_MODEL} when {{ context.evidence.evaluation.passed }};",
            "policy.invalid",
        ),
        (
            f"{ADMIT_MODEL} when {{ context.artifact.name == 1 }};",
            "policy.invalid",
        ),
    ],
)
def test_what_does_not_load(text: str, code: str) -> None:
    with pytest.raises(PolicyError) as refused:
        asyncio.run(CedarEngine().load(pack(text)))
    assert refused.value.code == code
    assert refused.value.remedy


def test_annotations_become_reasons_and_obligations() -> None:
    text = (
        '@id("test/x") @reason("Why, exactly.") @remedy("Do this.") @controls("A-1, B-2") '
        '@redact("EMAIL_ADDRESS, PHONE_NUMBER") @warn("Mind, this.") permit (principal, action, resource);'
    )
    verdict = evaluated(pack(text))
    (reason,) = verdict.permits
    assert (reason.message, reason.remedy, reason.controls) == ("Why, exactly.", "Do this.", ("A-1", "B-2"))
    assert {item.type: item.arguments for item in verdict.obligations} == {
        "redact": ("EMAIL_ADDRESS", "PHONE_NUMBER"),
        "warn": ("Mind, this.",),
    }


def test_an_error_in_a_policy_is_an_error_of_the_engine_and_not_a_policy_that_does_not_fire() -> None:
    overflow = (
        '@id("test/x") forbid (principal, action, resource) when { context.time * 9223372036854775807 > 0 };'
    )
    with pytest.raises(PolicyError) as refused:
        evaluated(pack(PERMIT + overflow))
    assert refused.value.code == "policy.evaluation"


def test_a_warning_pack_tells_permits_and_forbids() -> None:
    verdict = evaluated(pack(PERMIT + '@id("test/no") forbid (principal, action, resource);', mode="warn"))
    assert len(verdict.permits) == len(verdict.forbids) == 1


@pytest.mark.parametrize(
    ("score", "passes"), [(0.8, True), (0.79999, False), (0.8001, True), (0.0, False), (1.0, True)]
)
def test_scores_are_never_rounded_over_a_threshold(score: float, passes: bool) -> None:
    text = PERMIT + (
        '@id("test/score") forbid (principal, action == Action::"promote", resource is Model) unless '
        '{ context.evidence has evaluation && context.evidence.evaluation.score.greaterThanOrEqual(decimal("0.8")) };'
    )
    assert (not evaluated(pack(text), scored(score)).forbids) is passes


@given(st.floats(0, 1))
def test_decimals_are_rounded_down(value: float) -> None:
    written = decimal(value)["__extn"]["arg"]
    assert float(written) <= value
    assert value - float(written) < 0.0001 + 1e-12


ACTIONS = st.sampled_from(["admit", "deploy", "promote"])
SCOPES = st.sampled_from(
    ["resource", "resource is Model", "resource is Dataset", f'resource == Model::"{DIGEST}"']
)
CONDITIONS = st.sampled_from(["", "when { context.evidence.signed }", "unless { context.artifact.pinned }"])


@st.composite
def policy_sets(draw: st.DrawFn) -> str:
    """Policies that may or may not be about promoting a model."""
    written = []
    for number in range(draw(st.integers(1, 12))):
        effect = draw(st.sampled_from(["permit", "forbid"]))
        actions = ", ".join(f'Action::"{action}"' for action in draw(st.sets(ACTIONS, min_size=1)))
        scope, condition = draw(SCOPES), draw(CONDITIONS)
        written.append(
            f'@id("test/p{number}") {effect} (principal, action in [{actions}], {scope}) {condition};'
        )
    return "\n".join(written)


@settings(deadline=None, max_examples=60)
@given(policy_sets(), st.booleans())
def test_a_slice_answers_like_the_whole_set(text: str, signed: bool) -> None:
    given_pack = pack(text)
    evidence = scored(0.9) if signed else Evidence()
    verdict = evaluated(given_pack, evidence)
    asked = question(evidence)
    whole = cedarpy.is_authorized(
        {
            "principal": {"type": "Pipeline", "id": "ci"},
            "action": {"type": "Action", "id": "promote"},
            "resource": {"type": "Model", "id": str(DIGEST)},
            "context": {
                **project(asked.context),
                "parameters": parameter_values(given_pack.manifest.parameters, {}),
            },
        },
        text,
        "[]",
    )
    allowed = bool(verdict.permits) and not verdict.forbids
    assert allowed is (whole.decision is cedarpy.Decision.Allow)
    named = {reason.policy for reason in (verdict.forbids or verdict.permits)}
    expected = {f"test/p{int(item.removeprefix('policy'))}" for item in whole.diagnostics.reasons}
    assert named == expected


def test_reasons_stand_in_the_order_of_the_pack() -> None:
    text = "".join(f'@id("test/{name}") forbid (principal, action, resource);' for name in "zyxwvutsrqpo")
    assert [reason.policy[-1] for reason in evaluated(pack(text)).forbids] == list("zyxwvutsrqpo")


def test_files_of_a_pack_are_one_set() -> None:
    two = pack(PERMIT).model_copy(
        update={"policies": (PolicyFile(path="a", text=PERMIT), PolicyFile(path="b", text=PERMIT))}
    )
    with pytest.raises(PolicyError) as refused:
        asyncio.run(CedarEngine().load(two))
    assert refused.value.code == "policy.duplicate-id"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'{PERMIT}\n// a; b\n\n@id("test/x")\npermit (principal, action resource);\n{PERMIT}', "line 4: "),
        (f'{PERMIT}\n@id("test/x") permit (principal, action, resource)\n{PERMIT}', "line 2: "),
        (f'@reason("a; \\"b\\";") {PERMIT}\n@id("test/x") permit (principal, action, resource)', "line 2: "),
        (f'{PERMIT}\n@id("test/x") permit (principal, action, resource) when {{ context.nix }};', "test/x"),
        ("// nothing yet", "no policy"),
    ],
)
def test_the_policy_at_fault_is_named(text: str, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        evaluated(pack(text))
    assert why in caught.value.why
    assert "policy0" not in caught.value.why
