"""GitHub Actions workflow commands: annotations on the pull request, one line per problem.

Escaping follows the toolkit's ``core`` package: ``%``, CR and LF in the message; ``:`` and ``,`` too in properties.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from govkernel.domain import Report, ReportEntry
from govkernel.gate.formats.common import clean, problems

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}


class GithubFormat:
    """``--format github``."""

    name = "github"

    def render(self, report: Report) -> str:
        """One workflow command per problem; a plain line for what was allowed."""
        return "".join(f"{line}\n" for entry in report.entries for line in _entry(entry))


def _entry(entry: ReportEntry) -> Iterator[str]:
    path = _property(clean(entry.place))
    if entry.decision.allowed:
        yield f"govkernel: allowed {clean(entry.title)}"
    for problem in problems(entry):
        title = _property(f"govkernel {problem.rule}")
        place = f"file={path},line={problem.line}"
        yield f"::{_COMMANDS[problem.level]} {place},title={title}::{_data(problem.advice)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
