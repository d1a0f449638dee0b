"""Detectors asked together about one text and its views; fails closed when one cannot answer."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from govkernel.domain import Finding
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Detector
from runtime_guard.views import View, hidden_text, views

VIEWS: Final = "views"
HIDDEN_TEXT: Final = "hidden_text"
"""Label of text that a person does not see."""

MAX_FINDINGS: Final = 1_000


@dataclass(frozen=True)
class Look:
    """A text as those see it who are asked about it.

    Attributes:
        text: the text itself.
        views: what it says without its disguises.
        hidden: spans that a person does not see.
    """

    text: str
    views: Sequence[View] = ()
    hidden: Sequence[tuple[int, int]] = ()


class Panel:
    """Detectors that are asked together.

    Args:
        detectors: any number.
        disguises: whether views of a text are looked at too.
    """

    def __init__(self, detectors: Sequence[Detector], *, disguises: bool) -> None:
        self._detectors = tuple(detectors)
        self._disguises = disguises

    def look(self, text: str) -> Look:
        """A text, ready to be asked about."""
        if not self._disguises:
            return Look(text)
        return Look(text, tuple(views(text)), tuple(hidden_text(text)))

    async def findings(self, look: Look, role: str) -> list[Finding]:
        """Findings in the text, and those that only its views show, where they stand in the text.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        found = await self._ask(look.text, role)
        for finding in await self._disguised(look, role):
            if not any(_overlap(finding, item) for item in found if item.label == finding.label):
                found.append(finding)
        return found

    async def _disguised(self, look: Look, role: str) -> list[Finding]:
        found = [_hidden(*span) for span in look.hidden]
        for view in look.views:
            shown = await self._ask(view.text, role)
            found += [_as_seen(item, view) for item in shown if item.label.islower() or not view.loose]
        return found

    async def _ask(self, text: str, role: str) -> list[Finding]:
        found: list[Finding] = []
        for detector in self._detectors:
            try:
                answer: Any = detector.detect(text, role)
                if inspect.isawaitable(answer):
                    answer = await answer
                found.extend(_checked(answer, len(text)))
            except Exception as error:
                raise _failed(detector.name, error) from error
        return found


def _checked(answer: Iterable[Any], length: int) -> list[Finding]:
    found = list(answer)
    if len(found) > MAX_FINDINGS:
        raise ValueError(f"{len(found)} findings in {length} characters")
    for item in found:
        if not isinstance(item, Finding) or not 0 <= item.start <= item.end <= length:
            raise ValueError("a finding lies outside the text")
    return found


def _overlap(one: Finding, other: Finding) -> bool:
    return (one.start < other.end and other.start < one.end) or (one.whole_message and other.whole_message)


def _hidden(start: int, end: int) -> Finding:
    return Finding(label=HIDDEN_TEXT, start=start, end=end, score=0.9, detector=VIEWS)


def _as_seen(finding: Finding, view: View) -> Finding:
    """A finding in a view, as one in the text; it tells which disguise hid it."""
    if finding.whole_message or finding.start == finding.end:
        start, end = finding.start, finding.end
    else:
        start, end = view.span(finding.start, finding.end)
    return finding.model_copy(
        update={"start": start, "end": end, "detector": f"{finding.detector}, {VIEWS} {view.name}"}
    )


def _failed(name: str, error: Exception) -> GovkernelError:
    return GovkernelError(
        "guard.detector-failed",
        f"The detector {name!r} could not answer.",
        why=error.what if isinstance(error, GovkernelError) else type(error).__name__,
        remedy="Nothing unscreened is released. Fix or disable the detector; `govkernel plugins` lists faults.",
    )
