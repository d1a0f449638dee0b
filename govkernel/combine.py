"""From the verdicts of all packs to the one Decision. Pure, and short enough to check by reading.

The rules, in order: any fault is a deny; a forbid of an enforcing pack overrides every permit; a question that
no enforcing pack permits is a deny. Packs in ``warn`` or ``audit`` mode never change the effect: their forbids
become warnings or notes. Where only such packs are loaded there is nothing to enforce, and the answer is
allow with those warnings; where none is loaded at all, deny.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from govkernel.domain import (
    Effect,
    EntityRef,
    Fault,
    Obligation,
    PackManifest,
    PackMode,
    PolicyInput,
    Reason,
    Verdict,
)
from govkernel.errors import GovkernelError, PluginError

NO_PERMIT: Final = "kernel/no-permit"


@dataclass(frozen=True)
class Answer:
    """What one pack said to one question."""

    question: PolicyInput
    pack: PackManifest
    verdict: Verdict


@dataclass(frozen=True)
class Outcome:
    """Effect, reasons and obligations, before they are stamped with id, time and digests."""

    effect: Effect
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    faults: tuple[Fault, ...] = ()


def combine(questions: Sequence[PolicyInput], answers: Sequence[Answer]) -> Outcome:
    """The outcome of complete answers: every pack answered every question."""
    enforced = [item for item in answers if item.pack.mode is PackMode.ENFORCE]
    forbids = tuple(_reasons(enforced, Effect.DENY))
    if answers and not enforced:
        missing: tuple[Reason, ...] = ()
    else:
        permitted = {id(item.question) for item in enforced if item.verdict.permits}
        missing = tuple(_no_permit(item) for item in questions if id(item) not in permitted)
    denied = bool(forbids or missing or not answers)
    return Outcome(
        effect=Effect.DENY if denied else Effect.ALLOW,
        reasons=forbids + _unexplained(missing, forbids)
        if denied
        else tuple(_reasons(enforced, Effect.ALLOW)),
        warnings=_of_mode(answers, PackMode.WARN),
        notes=_of_mode(answers, PackMode.AUDIT),
        obligations=_obligations(enforced, forbids if denied else tuple(_reasons(enforced, Effect.ALLOW))),
    )


def fault_outcome(errors: Iterable[GovkernelError]) -> Outcome:
    """The deny that faults amount to."""
    faults = tuple(fault_of(error) for error in errors)
    reasons = tuple(
        Reason(
            policy=f"kernel/{fault.code}",
            effect=Effect.DENY,
            message=f"{fault.what} {fault.why}".strip(),
            remedy=fault.remedy,
        )
        for fault in faults
    )
    return Outcome(effect=Effect.DENY, reasons=reasons, faults=faults)


def fault_of(error: GovkernelError) -> Fault:
    """A typed error as data."""
    plugin = error.plugin if isinstance(error, PluginError) else ""
    return Fault(code=error.code, what=error.what, why=error.why, remedy=error.remedy, plugin=plugin)


def _reasons(answers: Iterable[Answer], effect: Effect) -> Iterable[Reason]:
    for item in answers:
        found = item.verdict.forbids if effect is Effect.DENY else item.verdict.permits
        for reason in found:
            yield reason.model_copy(
                update={
                    "effect": effect,
                    "mode": item.pack.mode,
                    "about": item.question.resource,
                    "name": item.question.name,
                }
            )


def _of_mode(answers: Iterable[Answer], mode: PackMode) -> tuple[Reason, ...]:
    return tuple(_reasons((item for item in answers if item.pack.mode is mode), Effect.DENY))


def _no_permit(question: PolicyInput) -> Reason:
    return Reason(
        policy=NO_PERMIT,
        effect=Effect.DENY,
        message=f"No policy permits {question.action} of {question.name or question.resource}.",
        remedy="Satisfy the pack's requirements, or add a permit policy for this case.",
        about=question.resource,
        name=question.name,
    )


def _unexplained(missing: tuple[Reason, ...], forbids: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """A missing permit is only worth telling where no forbid already explains the same entity."""
    explained: set[EntityRef | None] = {reason.about for reason in forbids}
    return tuple(reason for reason in missing if reason.about not in explained)


def _obligations(answers: Iterable[Answer], determining: tuple[Reason, ...]) -> tuple[Obligation, ...]:
    policies = {reason.policy for reason in determining}
    found = (item for answer in answers for item in answer.verdict.obligations if item.policy in policies)
    return tuple(dict.fromkeys(found))
