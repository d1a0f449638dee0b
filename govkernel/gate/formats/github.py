"""GitHub Actions workflow commands: annotations on the pull request.

Escaping follows the toolkit's ``core`` package: %, CR, LF in the message; also : and , in properties.
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
        return "\n".join(line for entry in report.entries for line in _entry(entry)) + "\n"


def _entry(entry: ReportEntry) -> Iterator[str]:
    if entry.decision.allowed:
        yield f"govkernel allowed {clean(entry.title)}".replace("::", ": :")
    for problem in problems(entry):
        message = f"{problem.message} Fix: {problem.remedy}" if problem.remedy else problem.message
        title = _property(f"govkernel {problem.rule}")
        yield f"::{_COMMANDS[problem.level]} file={_property(clean(entry.path))},title={title}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
