"""The report formats as a plugin: the same hook that strangers get."""

from __future__ import annotations

from govkernel.gate.formats.github import GithubFormat
from govkernel.gate.formats.json import JsonFormat
from govkernel.gate.formats.junit import JunitFormat
from govkernel.gate.formats.sarif import SarifFormat
from govkernel.gate.formats.text import TextFormat
from govkernel.hookspecs import ReportFormat, hookimpl


class ReportsPlugin:
    """Text, JSON, JUnit, SARIF and GitHub annotations.

    Args:
        colour: whether the text format uses ANSI colours.
    """

    def __init__(self, *, colour: bool = False) -> None:
        self._formats: list[ReportFormat] = [
            TextFormat(colour=colour),
            JsonFormat(),
            JunitFormat(),
            SarifFormat(),
            GithubFormat(),
        ]

    @hookimpl
    def govkernel_report_formats(self) -> list[ReportFormat]:
        """The formats that ship with govkernel."""
        return self._formats
