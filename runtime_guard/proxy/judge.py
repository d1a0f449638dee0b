"""Ask policy about one direction of one exchange; each set of labels is asked about once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from govkernel.domain import Action, Decision, Door, EntityRef, Request, Screening
from govkernel.errors import GovkernelError
from runtime_guard.redact import blocks

Decider = Callable[[Request], Awaitable[Decision]]
"""The kernel, as the proxy sees it: ``Kernel.decide``."""


class Refused(Exception):
    """Policy, or the model server, does not let the exchange go on.

    Attributes:
        status: HTTP status.
        error: what to tell the client.
        decision: id of the decision; empty where policy was not asked.
    """

    def __init__(self, status: int, error: GovkernelError, decision: str) -> None:
        super().__init__(status, error, decision)
        self.status = status
        self.error = error
        self.decision = decision


@dataclass(frozen=True)
class Exchange:
    """Who talks to which model.

    Attributes:
        tenant: who.
        model: the model's name.
        environment: where.
        conversation: what the client calls the conversation; empty if it does not say.
    """

    tenant: str
    model: str
    environment: str
    conversation: str = field(default="", repr=False)


class Judge:
    """Decisions for one direction of an exchange.

    Args:
        decide: the kernel.
        exchange: who talks to which model.
        direction: ``request`` or ``response``.
        deadline: seconds for one decision.
    """

    def __init__(self, decide: Decider, exchange: Exchange, direction: str, deadline: float) -> None:
        self._decide = decide
        self._exchange = exchange
        self._direction = direction
        self._deadline = deadline
        self._known: dict[frozenset[str], Decision] = {}

    @property
    def outcome(self) -> str:
        """``ok``, or the code with which it refused something."""
        try:
            for decision in self._known.values():
                refuse_blocked(decision)
        except Refused as refused:
            return refused.error.code
        return "ok"

    async def __call__(self, labels: frozenset[str], findings: int) -> Decision:
        """The decision for these labels.

        Raises:
            GovkernelError: ``guard.decision-failed``; the caller must release nothing.
        """
        known = self._known.get(labels)
        if known is not None:
            return known
        request = Request(
            principal=EntityRef(type="App", id=self._exchange.tenant),
            action=Action.INFER,
            resource=EntityRef(type="Endpoint", id=self._exchange.model),
            door=Door.GUARD,
            screening=Screening(direction=self._direction, labels=tuple(sorted(labels)), findings=findings),
            environment=self._exchange.environment,
        )
        try:
            async with asyncio.timeout(self._deadline):
                decision = await self._decide(request)
        except Exception as error:
            raise GovkernelError(
                "guard.decision-failed",
                "No decision could be had, so nothing was passed on.",
                why=type(error).__name__,
                remedy="Try again; if it lasts, tell the operator of the guard.",
            ) from error
        self._known[labels] = decision
        return decision


def refuse_blocked(decision: Decision) -> None:
    """Raise when a decision blocks.

    Raises:
        Refused: 400 for a block by policy, 403 for a deny, 503 when the decision is a fault.
    """
    if not blocks(decision):
        return
    reason = next(iter(decision.reasons), None)
    what = reason.message if reason and reason.message else "Policy does not allow this."
    remedy = reason.remedy if reason else ""
    policy = f"Policy {reason.policy}." if reason else ""
    status, code = (503, "guard.unavailable") if decision.faults else (403, "guard.denied")
    if not decision.faults and decision.obliges("block"):
        status, code = 400, "guard.blocked"
    raise Refused(status, GovkernelError(code, what, why=policy, remedy=remedy), decision.id)
