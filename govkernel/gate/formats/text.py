"""Text for people: in ten seconds, what was denied, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from govkernel.domain import Report, ReportEntry
from govkernel.gate.formats.common import clean, problems

_MARKS: Final = {"error": "✗", "warning": "!", "note": "·"}


class TextFormat:
    """``--format text``."""

    name = "text"

    def render(self, report: Report) -> str:
        """A headline, then each entry with its problems."""
        return (
            "\n".join([_headline(report), *(line for entry in report.entries for line in _entry(entry))])
            + "\n"
        )


def _headline(report: Report) -> str:
    denied = sum(not entry.decision.allowed for entry in report.entries)
    total = len(report.entries)
    packs = ", ".join(report.packs)
    if denied:
        return f"DENIED  {denied} of {total}  ({packs})"
    return f"ALLOWED  {total} of {total}  ({packs})"


def _entry(entry: ReportEntry) -> Iterator[str]:
    mark = "✓" if entry.decision.allowed else "✗"
    yield f"\n{mark} {clean(entry.title)}"
    for artifact in entry.artifacts:
        digest = str(artifact.digest) if artifact.digest else "no digest: the name leads to nothing"
        name = "" if clean(artifact.name).endswith(clean(entry.path)) else f"{clean(artifact.name)}  "
        yield f"    {name}{digest}"
    for problem in problems(entry):
        about = f" — {problem.subject}" if problem.subject and len(entry.artifacts) > 1 else ""
        yield f"  {_MARKS[problem.level]} {problem.rule}: {problem.message}{about}"
        if problem.remedy:
            yield f"      fix: {problem.remedy}"
    if not entry.decision.allowed:
        yield f"    decision {entry.decision.id}"
