"""Words for people: what kubectl prints when an object is denied, and when it is admitted with warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from govkernel.admission.ask import Answer, title_of
from govkernel.domain import Reason

MAX_MESSAGE: Final = 2048
MAX_WARNING: Final = 256
"""Characters that API servers keep of a warning."""
MAX_WARNINGS: Final = 10
MAX_ANNOTATION: Final = 1024


def message_of(answer: Answer) -> str:
    """Why an object was denied, and what to do: at most 2,048 characters, the decision's id last."""
    request, decision = answer.record.request, answer.record.decision
    head = f"{title_of(request.workload)} is denied by govkernel:"
    last = f"Look it up: govkernel audit query id:{decision.id}"
    lines = list(dict.fromkeys(_line(reason, places_of(answer)) for reason in answer.reasons)) or ["- denied"]
    kept: list[str] = []
    room = MAX_MESSAGE - len(head) - len(last) - 40
    for line in lines:
        cut = shorten(line, 600)
        if len(cut) + 1 > room:
            break
        kept.append(cut)
        room -= len(cut) + 1
    left = len(lines) - len(kept)
    return "\n".join([head, *kept, *([f"- and {left} more reasons"] if left else []), last])


def warnings_of(answer: Answer) -> tuple[str, ...]:
    """What policies in ``warn`` mode and ``warn`` obligations have to say: at most ten lines of 256 characters."""
    places = places_of(answer)
    decision = answer.record.decision
    said = [_line(reason, places).removeprefix("- ") for reason in decision.warnings]
    said += [
        f"{obligation.policy}: {text}"
        for obligation in decision.obliges("warn")
        for text in obligation.arguments
    ]
    lines = list(dict.fromkeys(shorten(text, MAX_WARNING) for text in said))
    if len(lines) > MAX_WARNINGS:
        lines = [*lines[: MAX_WARNINGS - 1], f"and {len(lines) - MAX_WARNINGS + 1} more warnings"]
    return tuple(lines)


def annotations_of(answer: Answer) -> Mapping[str, str]:
    """What goes into the API server's audit log; keys are valid annotation names."""
    decision = answer.record.decision
    policies = dict.fromkeys(reason.policy for reason in answer.reasons)
    notes = dict.fromkeys(reason.policy for reason in decision.notes)
    found = {
        "decision-id": decision.id,
        "effect": "allow" if answer.allowed else "deny",
        "policy-set": str(decision.policy_set),
        "evidence": str(decision.evidence),
        "policies": ",".join(policies),
        "notes": ",".join(notes),
        "faults": ",".join(fault.code for fault in (*answer.faults, *decision.faults)),
    }
    return {key: shorten(value, MAX_ANNOTATION) for key, value in found.items() if value}


def places_of(answer: Answer) -> Mapping[str, str]:
    """Where in the object each artifact was named."""
    refs: Sequence[tuple[str, str]] = [(ref.uri, ref.where) for ref in answer.record.request.artifacts]
    return dict(reversed(refs))


def shorten(text: str, limit: int) -> str:
    """One line of printable text with at most ``limit`` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _line(reason: Reason, places: Mapping[str, str]) -> str:
    where = places.get(reason.name, "")
    about = f" ({reason.name}{f' at {where}' if where else ''})" if reason.name in places else ""
    fix = f" — Fix: {reason.remedy}" if reason.remedy else ""
    return f"- {reason.policy}: {reason.message}{about}{fix}"
