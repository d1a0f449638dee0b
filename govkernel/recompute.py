"""Compute a decision again from its record: nothing but the request, the evidence, the time and the packs enters it."""

from __future__ import annotations

from collections.abc import Sequence

from govkernel.combine import Answer, Outcome, combine
from govkernel.domain import Record
from govkernel.errors import PolicyError
from govkernel.hookspecs import LoadedPack
from govkernel.inputs import questions
from govkernel.kernel import policy_set_digest


async def recompute(record: Record, packs: Sequence[LoadedPack]) -> Outcome:
    """The outcome that ``packs`` give for what a record stood on.

    Args:
        record: as it is in the audit log; must not be one of a fault, which no pack decided.
        packs: the packs of the time, in their order.

    Raises:
        PolicyError: ``policy.other-set`` when these are not the packs of the record, or an engine's own.
    """
    decision = record.decision
    if policy_set_digest(packs) != decision.policy_set:
        raise PolicyError(
            "policy.other-set",
            "These are not the packs the decision was made with.",
            why=f"The record names {decision.policy_set}.",
            remedy="Load the packs, parameters and modes of that time.",
        )
    asked = questions(record.request, record.subjects, decision.decided_at)
    answers = [
        Answer(question, pack.pack.manifest, await pack.evaluate(question))
        for pack in packs
        for question in asked
    ]
    return combine(asked, answers)
