"""Detectors asked together about one text and its views; fails closed when one cannot answer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from govkernel.domain import Finding
from govkernel.hookspecs import Detector
from runtime_guard.failures import detector_failed, too_many
from runtime_guard.foresight import pending_of
from runtime_guard.readers.interface import ROLES, Resuming
from runtime_guard.views import HIDDEN_TEXT, View, hidden_text, unfinished, unfinished_hidden, unseen, views

VIEWS: Final = "views"
_FEW: Final = 1_000
"""Findings that a text of any length may have."""


@dataclass(frozen=True)
class Look:
    """A text as those see it who are asked about it.

    Attributes:
        text: the text itself.
        role: who wrote it.
        views: what it says without its disguises.
        hidden: spans that a person does not see.
    """

    text: str
    role: str
    views: Sequence[View] = ()
    hidden: Sequence[tuple[int, int]] = ()


class Panel:
    """Detectors that are asked together.

    Args:
        detectors: any number.
        disguises: whether views of a text are looked at too.
        hidden: whether hidden text is a finding.
    """

    def __init__(self, detectors: Sequence[Detector], *, disguises: bool, hidden: bool = True) -> None:
        self._by_role = {role: _Asked(detectors, role) for role in ROLES}
        self._disguises = disguises
        self._hidden = disguises and hidden

    def look(self, text: str, role: str) -> Look:
        """A text, ready to be asked about."""
        asked = self._by_role[role]
        return Look(
            text,
            role,
            tuple(views(text, loose=asked.judges)) if self._disguises and asked.detectors else (),
            tuple(hidden_text(text)) if self._hidden else (),
        )

    async def findings(self, look: Look, since: int = 0) -> list[Finding]:
        """Findings in the text, and those that only its views show, where they stand in the text.

        Args:
            look: the text.
            since: findings that end up to there may be missing.

        Raises:
            GovkernelError: ``guard.detector-failed``, ``guard.too-many-findings``.
        """
        found = await self._by_role[look.role].findings(look.text, since)
        for finding in await self._disguised(look, since) if look.views or look.hidden else ():
            if not any(_shows(item, finding) for item in found if item.label == finding.label):
                found.append(finding)
        return [*found, *self._behind_markup(look, found)] if self._hidden else found

    async def pending(self, look: Look) -> int:
        """The first place from which on findings may change with what follows the text; its length when none may.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        place = len(look.text)
        while True:
            place = min(place, await self._undecided(look))
            begun = self._unfinished(look)
            if begun >= len(look.text):
                return place
            # What a disguise turns out to say may continue what stands before it.
            look = self.look(look.text[:begun], look.role)

    async def _undecided(self, look: Look) -> int:
        """As :meth:`pending`, if no disguise goes on behind the end."""
        asked = self._by_role[look.role]
        place = await asked.pending(look.text, loose=False)
        for view in look.views:
            start = await asked.pending(view.text, loose=view.loose)
            if start < len(view.text):
                place = min(place, view.starts[start])
        return place

    def _unfinished(self, look: Look) -> int:
        """Where a disguise begins that may go on behind the end."""
        asked = self._by_role[look.role]
        if not self._disguises or not asked.detectors:
            return unfinished_hidden(look.text) if self._hidden else len(look.text)
        loose = asked.judges
        place = unfinished(look.text, loose=loose)
        for view in look.views:
            start = unfinished(view.text, loose=loose)
            if start < len(view.text):
                place = min(place, view.starts[start])
        return place

    def _behind_markup(self, look: Look, found: Sequence[Finding]) -> list[Finding]:
        """What is said where a person does not see it; a comment that says nothing is none."""
        said = {(it.start, it.end) for it in found if it.label.islower() and it.label != HIDDEN_TEXT}
        return [
            _hidden(*span, f"{VIEWS} markup")
            for span in sorted(said)
            if span[0] < span[1] and unseen(look.text, span[0])
        ]

    async def _disguised(self, look: Look, since: int) -> list[Finding]:
        asked = self._by_role[look.role]
        found = [_hidden(*span) for span in look.hidden]
        for view in look.views:
            shown = await asked.findings(view.text, bisect_right(view.ends, since))
            found += [_as_seen(item, view) for item in shown if item.label.islower() or not view.loose]
        return found


class _Asked:
    """Those of some detectors that look at what one role writes.

    Attributes:
        detectors: those.
        judges: some of them look for what a message does, not only for what stands in it.
    """

    def __init__(self, detectors: Sequence[Detector], role: str) -> None:
        self._role = role
        self.detectors = tuple(item for item in detectors if role in getattr(item, "roles", ROLES))
        judging = [item for item in self.detectors if any(map(str.islower, item.labels))]
        self.judges = bool(judging)
        self._detect = [(item.name, _detect_since(item)) for item in self.detectors]
        self._pending = {
            loose: [(item.name, pending_of(item)) for item in (judging if loose else self.detectors)]
            for loose in (False, True)
        }

    async def findings(self, text: str, since: int) -> list[Finding]:
        """Findings of all; those that end up to ``since`` may be missing."""
        found: list[Finding] = []
        most = most_findings(len(text))
        for name, detect in self._detect:
            try:
                answer: Any = detect(text, self._role, since)
                if hasattr(answer, "__await__"):
                    answer = await answer
                own = _checked(islice(answer, most + 1), len(text))
            except Exception as error:
                raise detector_failed(name, error) from error
            if len(own) > most:
                raise too_many(name, most, len(text))
            found += own
        return found

    async def pending(self, text: str, *, loose: bool) -> int:
        """The first place that is not decided for all; in a loose view, for those that judge."""
        place = len(text)
        for name, pending in self._pending[loose]:
            try:
                answer: Any = pending(text, self._role)
                if hasattr(answer, "__await__"):
                    answer = await answer
                place = min(place, _place(answer))
            except Exception as error:
                raise detector_failed(name, error) from error
        return place


def most_findings(length: int) -> int:
    """Findings that a detector may have in a text of some length: more than one of two characters are no findings."""
    return max(_FEW, length // 2)


def _checked(answer: Iterable[Any], length: int) -> list[Finding]:
    found = list(answer)
    for item in found:
        if not isinstance(item, Finding) or not 0 <= item.start <= item.end <= length:
            raise ValueError("a finding lies outside the text")
    return found


def _detect_since(detector: Detector) -> Callable[[str, str, int], Any]:
    if isinstance(detector, Resuming):
        return detector.detect_since
    return lambda text, role, _: detector.detect(text, role)


def _place(answer: Any) -> int:
    if not isinstance(answer, int) or answer < 0:
        raise ValueError("no place in the text")
    return answer


def _shows(one: Finding, other: Finding) -> bool:
    """Whether a finding covers all that another of its label does."""
    return one.start <= other.start and other.end <= one.end and one.whole_message == other.whole_message


def _hidden(start: int, end: int, by: str = VIEWS) -> Finding:
    return Finding(label=HIDDEN_TEXT, start=start, end=end, score=0.9, detector=by)


def _as_seen(finding: Finding, view: View) -> Finding:
    """A finding in a view, as one in the text; it tells which disguise hid it."""
    if finding.whole_message or finding.start == finding.end:
        start, end = finding.start, finding.end
    else:
        start, end = view.span(finding.start, finding.end)
    return finding.model_copy(
        update={"start": start, "end": end, "detector": f"{finding.detector}, {VIEWS} {view.name}"}
    )
