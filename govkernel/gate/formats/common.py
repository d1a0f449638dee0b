"""What every format needs: harmless text, and the problems of an entry in one shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from govkernel.domain import Reason, ReportEntry

MAX_TEXT: Final = 2000


@dataclass(frozen=True)
class Problem:
    """One thing to tell about an entry.

    Attributes:
        rule: policy id, or the code of a refused bundle.
        level: ``error`` for what denied, ``warning``, or ``note`` for refused bundles.
        message: what is wrong.
        remedy: what to do.
        subject: the artifact it is about, if not the entry as a whole.
    """

    rule: str
    level: str
    message: str
    remedy: str = ""
    subject: str = ""


def problems(entry: ReportEntry) -> Iterator[Problem]:
    """What denied the entry, then warnings, then why bundles were refused (only where it was denied)."""
    if not entry.decision.allowed:
        yield from (_problem(reason, "error") for reason in entry.decision.reasons)
    yield from (_problem(reason, "warning") for reason in entry.decision.warnings)
    if entry.decision.allowed:
        return
    for artifact, evidence in zip(entry.artifacts, entry.evidence, strict=False):
        for refused in evidence.rejected:
            message = f"{refused.why} (bundle {refused.source})" if refused.source else refused.why
            yield Problem(refused.code, "note", clean(message), clean(refused.remedy), clean(artifact.name))


def clean(text: str) -> str:
    """Text from strangers on one line: no control characters, at most :data:`MAX_TEXT` characters."""
    line = "".join(char if char.isprintable() else " " for char in text[: MAX_TEXT * 2])
    line = " ".join(line.split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


def _problem(reason: Reason, level: str) -> Problem:
    message = clean(reason.message) or f"Denied by {reason.policy}."
    return Problem(clean(reason.policy), level, message, clean(reason.remedy), clean(reason.name))
