"""Laws of combination, for any verdicts of any packs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from govkernel.combine import NO_PERMIT, Answer, combine, fault_outcome
from govkernel.domain import (
    Effect,
    EntityRef,
    Obligation,
    PackManifest,
    PackMode,
    PolicyInput,
    Reason,
    Verdict,
)
from govkernel.errors import PluginError

QUESTIONS = tuple(
    PolicyInput(
        principal=EntityRef(type="User", id="a"),
        action="admit",
        resource=EntityRef(type="Model", id=str(number)),
        name=f"m{number}",
    )
    for number in range(3)
)
MODES = st.sampled_from(PackMode)


@st.composite
def answers(draw: st.DrawFn, modes: st.SearchStrategy[PackMode] = MODES) -> list[Answer]:
    """Every pack answers every question."""
    found: list[Answer] = []
    for number in range(draw(st.integers(0, 4))):
        manifest = PackManifest(id=f"p{number}", version="1.0.0", engine="cedar", owner="x", mode=draw(modes))
        for question in QUESTIONS:
            permits, forbids = draw(st.integers(0, 2)), draw(st.integers(0, 1))
            found.append(Answer(question, manifest, verdict(manifest.id, permits, forbids)))
    return found


def verdict(pack: str, permits: int, forbids: int) -> Verdict:
    yes = tuple(Reason(policy=f"{pack}/permit-{n}", effect=Effect.ALLOW) for n in range(permits))
    no = tuple(Reason(policy=f"{pack}/forbid-{n}", effect=Effect.DENY) for n in range(forbids))
    duties = tuple(Obligation(type="audit", policy=reason.policy) for reason in (*yes, *no))
    return Verdict(permits=yes, forbids=no, obligations=duties)


def enforced(given_answers: list[Answer]) -> list[Answer]:
    return [item for item in given_answers if item.pack.mode is PackMode.ENFORCE]


@given(answers())
def test_forbid_overrides_permit(given_answers: list[Answer]) -> None:
    outcome = combine(QUESTIONS, given_answers)
    if any(item.verdict.forbids for item in enforced(given_answers)):
        assert outcome.effect is Effect.DENY


@given(answers())
def test_a_question_nobody_permits_is_a_deny(given_answers: list[Answer]) -> None:
    outcome = combine(QUESTIONS, given_answers)
    permitted = {id(item.question) for item in enforced(given_answers) if item.verdict.permits}
    if enforced(given_answers) and len(permitted) < len(QUESTIONS):
        assert outcome.effect is Effect.DENY


@given(answers())
def test_allow_means_that_every_question_is_permitted_and_nothing_forbids(
    given_answers: list[Answer],
) -> None:
    outcome = combine(QUESTIONS, given_answers)
    if outcome.effect is Effect.ALLOW and enforced(given_answers):
        assert {id(item.question) for item in enforced(given_answers) if item.verdict.permits} == set(
            map(id, QUESTIONS)
        )
        assert not any(item.verdict.forbids for item in enforced(given_answers))


@given(answers(), st.sampled_from([PackMode.WARN, PackMode.AUDIT]), st.integers(0, 2), st.integers(0, 1))
def test_a_pack_that_does_not_enforce_changes_nothing(
    given_answers: list[Answer], mode: PackMode, permits: int, forbids: int
) -> None:
    if not enforced(given_answers):
        return
    manifest = PackManifest(id="quiet", version="1.0.0", engine="cedar", owner="x", mode=mode)
    more = [Answer(question, manifest, verdict("quiet", permits, forbids)) for question in QUESTIONS]
    before, after = combine(QUESTIONS, given_answers), combine(QUESTIONS, [*given_answers, *more])
    assert (after.effect, after.reasons, after.obligations) == (
        before.effect,
        before.reasons,
        before.obligations,
    )


@given(answers(), st.integers(0, 2))
def test_one_more_forbid_never_turns_a_deny_into_an_allow(given_answers: list[Answer], index: int) -> None:
    manifest = PackManifest(id="strict", version="1.0.0", engine="cedar", owner="x")
    more = Answer(QUESTIONS[index], manifest, verdict("strict", 0, 1))
    if combine(QUESTIONS, given_answers).effect is Effect.DENY:
        assert combine(QUESTIONS, [*given_answers, more]).effect is Effect.DENY


@given(answers(), st.randoms())
def test_the_order_of_answers_does_not_change_the_effect(given_answers: list[Answer], random: object) -> None:
    shuffled = list(given_answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert combine(QUESTIONS, shuffled).effect is combine(QUESTIONS, given_answers).effect


@given(answers())
def test_obligations_come_from_determining_policies_alone(given_answers: list[Answer]) -> None:
    outcome = combine(QUESTIONS, given_answers)
    assert {item.policy for item in outcome.obligations} <= {reason.policy for reason in outcome.reasons}
    assert len(set(outcome.obligations)) == len(outcome.obligations)


@given(answers())
def test_every_deny_says_why(given_answers: list[Answer]) -> None:
    outcome = combine(QUESTIONS, given_answers)
    if outcome.effect is Effect.DENY:
        assert outcome.reasons
        assert all(reason.effect is Effect.DENY for reason in outcome.reasons)


def test_no_packs_at_all_deny() -> None:
    outcome = combine(QUESTIONS, [])
    assert outcome.effect is Effect.DENY
    assert {reason.policy for reason in outcome.reasons} == {NO_PERMIT}


def test_a_fault_names_its_plugin_and_its_code() -> None:
    outcome = fault_outcome([PluginError("plugin.raised", "It raised.", plugin="bad", remedy="Mend it.")])
    assert (outcome.effect, outcome.faults[0].plugin) == (Effect.DENY, "bad")
    assert outcome.reasons[0].policy == "kernel/plugin.raised"
    assert outcome.reasons[0].remedy == "Mend it."
