"""Text for people: in ten seconds, what was denied, why, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from govkernel.domain import Artifact, Report, ReportEntry
from govkernel.gate.formats.common import Problem, clean, problems

_MARKS: Final = {"error": "✗", "warning": "!", "note": "·"}
_COLOURS: Final = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
_OF_LEVEL: Final = {"error": "red", "warning": "yellow", "note": "dim"}


class TextFormat:
    """``--format text``.

    Args:
        colour: whether to use ANSI colours, for a terminal.
    """

    name = "text"

    def __init__(self, *, colour: bool = False) -> None:
        self._colour = colour

    def render(self, report: Report) -> str:
        """A headline, then each entry with its problems."""
        lines = [self._headline(report)]
        for entry in report.entries:
            lines.extend(self._entry(entry))
        return "\n".join(lines) + "\n"

    def _headline(self, report: Report) -> str:
        total = len(report.entries)
        denied = sum(not entry.decision.allowed for entry in report.entries)
        things = "artifact" if report.command == "gate" else "object"
        counted = f"{denied or total} of {total} {things}{'' if total == 1 else 's'}"
        verdict = self._paint("ALLOWED", "green") if report.allowed else self._paint("DENIED", "red")
        return f"{verdict}  {counted}  ({clean(', '.join(report.packs)) or 'no pack'})"

    def _entry(self, entry: ReportEntry) -> Iterator[str]:
        mark = self._paint("✓", "green") if entry.decision.allowed else self._paint("✗", "red")
        yield f"\n{mark} {self._paint(clean(entry.title), 'bold')}"
        for artifact in entry.artifacts:
            yield self._paint(f"    {_identity(artifact, entry)}", "dim")
        found = tuple(problems(entry))
        alike = Counter(problem.rule for problem in found if problem.level == "note")
        for problem in found:
            if problem.level != "note":
                yield from self._problem(problem, several=len(entry.artifacts) > 1)
            elif count := alike.pop(problem.rule, 0):
                yield from self._problem(problem, several=len(entry.artifacts) > 1)
                yield from self._more(count - 1)
        if not entry.decision.allowed:
            yield self._paint(f"    decision {clean(entry.decision.id)}", "dim")

    def _problem(self, problem: Problem, *, several: bool) -> Iterator[str]:
        mark = self._paint(_MARKS[problem.level], _OF_LEVEL[problem.level])
        about = f" [{problem.subject}]" if problem.subject and several else ""
        yield f"  {mark} {problem.rule}: {problem.message}{about}"
        if problem.remedy:
            yield f"      fix: {problem.remedy}"

    def _more(self, count: int) -> Iterator[str]:
        if count:
            yield self._paint(f"      and {count} more of this kind (--format json lists all)", "dim")

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour else text


def _identity(artifact: Artifact, entry: ReportEntry) -> str:
    digest = str(artifact.digest) if artifact.digest else "no digest: the name leads to nothing"
    name = clean(artifact.name)
    return digest if name.endswith(clean(entry.path)) else f"{name}  {digest}"
