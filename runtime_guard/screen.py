"""Ask every detector about a text: those of patterns window by window, models message by message; fail closed when
one cannot answer.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from govkernel.domain import Finding
from govkernel.errors import InputError
from govkernel.hookspecs import Detector
from runtime_guard.batch import screen_rows
from runtime_guard.cache import Cache
from runtime_guard.cells import Window, blocks, windows
from runtime_guard.failures import detector_failed
from runtime_guard.judge import Reader
from runtime_guard.options import Options
from runtime_guard.readers import Depth, Readers
from runtime_guard.spans import joined_over_cells, moved, overlap, place, with_read
from runtime_guard.views import HIDDEN_TEXT, View, hidden_text, views

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of one message."""

VIEWS: Final = "views"
MAX_FINDINGS: Final = 1_000
ROLES: Final = frozenset({"system", "user", "tool", "assistant"})

_YIELD_EVERY: Final = 16


class Looks(Protocol):
    """Looks at a window: a screen, or what stands before one."""

    async def window(self, window: Window, role: str, tenant: str = "") -> tuple[Finding, ...]:
        """Findings in a window, in offsets of the whole text; see :meth:`Screen.window`."""


class Screen:
    """A set of detectors, asked together.

    Args:
        detectors: at least one; their names must differ. Default: those that ship with the guard, by the options.
        tiers: shorthand for those of the options.
        options: how the detectors that ship with the guard work.
        entities: types of spans that :meth:`screen_many` reports; default all.
        shed: when a model has more to read than it can, let its first glance count instead of failing.

    Raises:
        ValueError: no detectors, two of the same name, or an unknown tier.
        ConfigError: a detector's model cannot be used.
    """

    def __init__(
        self,
        detectors: Sequence[Detector] | None = None,
        *,
        tiers: Collection[int] | None = None,
        options: Options | None = None,
        entities: Collection[str] | None = None,
        shed: bool = False,
    ) -> None:
        chosen = options or Options()
        chosen = chosen if tiers is None else replace(chosen, tiers=frozenset(tiers))
        if detectors is None:
            from runtime_guard.defaults import default_detectors  # noqa: PLC0415 - takes a second

            detectors = default_detectors(chosen)
        names = [detector.name for detector in detectors]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"detectors must be named, and differently: {names}")
        readers = [item for item in detectors if isinstance(item, Reader)]
        self._detectors = tuple(item for item in detectors if item not in readers)
        self._tiers = chosen.wanted
        self._entities = None if entities is None else frozenset(entities)
        self._cache: Cache[tuple[Finding, ...]] = Cache()
        self._readers = Readers(readers, disguises=0 in self._tiers, shed=shed)

    @property
    def labels(self) -> frozenset[str]:
        """Every label that can be found."""
        known = (label for detector in self._detectors for label in detector.labels)
        return frozenset({*known, *self._readers.labels, HIDDEN_TEXT})

    def screen_many(self, rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """Screen rows in order, a batch at a time; a bad row gets an ``error`` and the run goes on.

        Args:
            rows: mappings with ``id``, ``text`` and, if it is not a user's, ``role``
                (``user``, ``tool``, ``response`` or ``system``).

        Yields:
            What :func:`runtime_guard.batch.screen_rows` says.
        """
        yield from screen_rows(rows, self, self._readers, self._entities)

    async def message(
        self, text: str, role: str = "user", *, tenant: str = "", depth: Depth = Depth.DOUBT
    ) -> tuple[Finding, ...]:
        """Everything that is found about a whole message, sorted by place: :meth:`findings`, and what models say.

        Args:
            text: at most :data:`MAX_TEXT` characters.
            role: who wrote it: one of :data:`ROLES`.
            tenant: whose it is; tenants share no cache, and are served in turn.
            depth: how closely models look.

        Raises:
            InputError: ``guard.too-long``.
            GovkernelError: ``guard.detector-failed``, ``guard.overloaded``.
        """
        found = await self.findings(text, role, blocks, tenant=tenant)
        reading = await self._readers.ask(text, role, tenant, depth)
        return tuple(sorted([*with_read(found, reading.findings), *reading.whole], key=place))

    async def findings(
        self,
        text: str,
        role: str = "user",
        cut: Callable[[str], Iterator[Window]] = windows,
        *,
        tenant: str = "",
    ) -> tuple[Finding, ...]:
        """Findings of all but the models, sorted by place; by default the same as a stream of the text would give.

        Args:
            text: at most :data:`MAX_TEXT` characters.
            role: who wrote it: one of :data:`ROLES`.
            cut: into which cells; :func:`runtime_guard.cells.blocks` is faster for long texts.
            tenant: whose it is; tenants share no cache.

        Raises:
            InputError: ``guard.too-long``.
            GovkernelError: ``guard.detector-failed``.
        """
        if len(text) > MAX_TEXT:
            raise InputError(
                "guard.too-long",
                f"A text of {len(text)} characters is too long to be screened.",
                why=f"limit {MAX_TEXT}",
                remedy="Send less text at once.",
            )
        found: set[Finding] = set()
        cells = CellScreen(self, role, tenant)
        for number, window in enumerate(cut(text)):
            found.update(await cells.findings(window))
            if number % _YIELD_EVERY == _YIELD_EVERY - 1:
                await asyncio.sleep(0)
        return tuple(joined_over_cells(found))

    async def window(self, window: Window, role: str, tenant: str = "") -> tuple[Finding, ...]:
        """Findings in a window, in offsets of the whole text.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        key, found = self._cache.get(window.text, role, tenant)
        if found is None:
            found = await self._detect(window.text, role)
            self._cache.put(key, found, tenant)
        return tuple(item if item.whole_message else moved(item, window.offset) for item in found)

    async def _detect(self, text: str, role: str) -> tuple[Finding, ...]:
        """Findings in the text, and those that only its views show, where they stand in the text."""
        found = await self._ask(text, role)
        if 0 not in self._tiers:
            return tuple(found)
        for finding in await self._disguised(text, role):
            if not any(overlap(finding, item) for item in found if item.label == finding.label):
                found.append(finding)
        return tuple(found)

    async def _disguised(self, text: str, role: str) -> list[Finding]:
        found = [_hidden(*span) for span in hidden_text(text)]
        for view in views(text):
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
                raise detector_failed(detector.name, error) from error
        return found


class CellScreen:
    """Screens the cells of one text in order, and remembers what reaches from one cell into the next.

    Args:
        screen: the detectors.
        role: who wrote the text.
        tenant: whose it is.
    """

    def __init__(self, screen: Looks, role: str, tenant: str = "") -> None:
        self._screen = screen
        self._role = role
        self._tenant = tenant
        self._reaching: tuple[Finding, ...] = ()
        self.count = 0
        """Findings so far, each counted once."""

    async def findings(self, window: Window) -> tuple[Finding, ...]:
        """Findings that touch the window's cell, clipped to it, sorted by place."""
        found = await self._screen.window(window, self._role, self._tenant)
        self.count += sum(item.whole_message or window.start <= item.start < window.end for item in found)
        touching = {clipped for item in (*self._reaching, *found) if (clipped := _clip(item, window))}
        self._reaching = tuple(item for item in (*self._reaching, *found) if _reaches(item, window))
        return tuple(sorted(touching, key=place))


def _checked(answer: Iterable[Any], length: int) -> list[Finding]:
    found = list(answer)
    if len(found) > MAX_FINDINGS:
        raise ValueError(f"{len(found)} findings in {length} characters")
    for item in found:
        if not isinstance(item, Finding) or not 0 <= item.start <= item.end <= length:
            raise ValueError("a finding lies outside the text")
    return found


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


def _clip(finding: Finding, window: Window) -> Finding | None:
    if finding.whole_message:
        return finding
    start, end = max(finding.start, window.start), min(finding.end, window.end)
    return finding.model_copy(update={"start": start, "end": end}) if start < end else None


def _reaches(finding: Finding, window: Window) -> bool:
    """Whether a finding of this cell goes on in the next."""
    return not finding.whole_message and finding.start < window.end < finding.end
