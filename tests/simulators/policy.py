"""A policy as a function, in the kernel's stead, and the decisions that it answers with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from govkernel.domain import Decision, Digest, Effect, Fault, Obligation, Reason, Request

ZERO = Digest.sha256("0" * 64)


@dataclass
class Policy:
    """A stand-in for the kernel: redacts everything, blocks injections in requests; remembers what it was asked."""

    asked: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Decision] | None = None

    async def decide(self, request: Request) -> Decision:
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        labels = request.screening.labels if request.screening else ()
        if "prompt_injection" in labels and request.screening.direction == "request":
            return decision(Effect.DENY, "block")
        return decision(Effect.ALLOW, "redact")


def decision(effect: Effect, *obligations: str, faulty: bool = False) -> Decision:
    """A decision with the named obligations."""
    return Decision(
        id="01a2-decision",
        effect=effect,
        reasons=(Reason(policy="test/policy", effect=effect, message="Said so.", remedy="Ask nicely."),),
        obligations=tuple(Obligation(type=item, policy="test/policy") for item in obligations),
        faults=(Fault(code="audit.locked", what="locked"),) if faulty else (),
        policy_set=ZERO,
        evidence=ZERO,
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def block_mail(request: Request) -> Decision:
    """An answer of :class:`Policy`: what holds an address is blocked."""
    blocked = request.screening is not None and "EMAIL_ADDRESS" in request.screening.labels
    return decision(Effect.DENY, "block") if blocked else decision(Effect.ALLOW)
