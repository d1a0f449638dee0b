"""Ask every detector about a text, window by window; fail closed when one cannot answer.

Findings about a window are kept in a bounded cache under a keyed hash, since a chat sends its whole history again
with every turn; neither the text nor anything from which it could be read is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final

from govkernel.domain import Finding
from govkernel.errors import InputError
from govkernel.hookspecs import Detector
from runtime_guard.batch import Team, screen_rows
from runtime_guard.cells import Window
from runtime_guard.foresight import follows, judges_sentences
from runtime_guard.judge import BatchDetector, Judge
from runtime_guard.kept import joined
from runtime_guard.panel import HIDDEN_TEXT, Panel
from runtime_guard.segments import Reach, Segments, Sentence

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of one message."""

TIERS: Final = frozenset({0, 1, 2})
"""0: views of a text; 1: patterns, rules and the gate; 2: the encoder."""

CACHE_SIZE: Final = 20_000

_YIELD_EVERY: Final = 16


class Screen:
    """A set of detectors, asked together.

    Args:
        detectors: at least one; their names must differ. Default: those that ship with the guard, of the tiers.
        tiers: of :data:`TIERS`.
        entities: types of spans that :meth:`screen_many` reports; default all.

    Raises:
        ValueError: no detectors, two of the same name, or an unknown tier.
        ConfigError: a detector's model cannot be used.
    """

    def __init__(
        self,
        detectors: Sequence[Detector] | None = None,
        *,
        tiers: Collection[int] = TIERS,
        entities: Collection[str] | None = None,
    ) -> None:
        if not set(tiers) <= TIERS:
            raise ValueError(f"unknown tiers: {sorted(set(tiers) - TIERS)}")
        if detectors is None:
            from runtime_guard.defaults import default_detectors  # noqa: PLC0415 - takes a second

            detectors = default_detectors(tiers)
        names = [detector.name for detector in detectors]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"detectors must be named, and differently: {names}")
        self._detectors = tuple(detectors)
        self._tiers = frozenset(tiers)
        self._panel = Panel(self._detectors, disguises=0 in tiers)
        self._near, self._held, self._judging = self._panels()
        self._entities = None if entities is None else frozenset(entities)
        self._key = os.urandom(32)
        self._cache: OrderedDict[bytes, tuple[Finding, ...]] = OrderedDict()

    @property
    def labels(self) -> frozenset[str]:
        """Every label that can be found."""
        return frozenset(label for detector in self._detectors for label in detector.labels) | {HIDDEN_TEXT}

    def screen_many(self, rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """Screen rows in order, a batch at a time; a bad row gets an ``error`` and the run goes on.

        Args:
            rows: mappings with ``id``, ``text`` and, if it is not a user's, ``role``
                (``user``, ``tool``, ``response`` or ``system``).

        Yields:
            What :func:`runtime_guard.batch.screen_rows` says.
        """
        yield from screen_rows(rows, self._team)

    @cached_property
    def _team(self) -> Team:
        """The same detectors, those that look at many texts at once apart."""
        taggers = [item for item in self._detectors if isinstance(item, BatchDetector)]
        judges = [item for item in self._detectors if isinstance(item, Judge)]
        others = [item for item in self._detectors if item not in (*taggers, *judges)]
        patterns = Screen(others or [_Nothing()], tiers=self._tiers)
        return Team(patterns, taggers, judges, 0 in self._tiers, self._entities)

    def segments(self, role: str, *, judged: bool = False, reach: Reach | None = None) -> Segments:
        """A chain that cuts a text by a role into segments and judges them, as it arrives.

        Args:
            role: one of :data:`runtime_guard.judge.ROLES`.
            judged: sentences are given out too, for the caller to judge.
            reach: how far the text is held back.
        """
        return Segments(self._near, role, held=self._held, judged=judged, reach=reach)

    @property
    def sentence_judge(self) -> Callable[[str, str], Awaitable[list[Finding]]] | None:
        """Asks those detectors about a text that judge sentences and find nothing to mask; None without any."""
        judging = self._judging
        return None if judging is None else lambda text, role: judging.findings(judging.look(text, role))

    def _panels(self) -> tuple[Panel, Panel | None, Panel | None]:
        """Detectors that are asked about segments, those for which sentences are held, those that only judge them."""
        far = [item for item in self._detectors if judges_sentences(item)]
        judging = [item for item in far if follows(item)]
        groups = [[item for item in far if item not in judging], judging]
        near = Panel([item for item in self._detectors if item not in far], disguises=0 in self._tiers)
        held, judges = (
            Panel(group, disguises=0 in self._tiers, hidden=False) if group else None for group in groups
        )
        return near, held, judges

    async def findings(
        self, text: str, role: str = "user", cut: Callable[[str], Iterator[Window]] | None = None
    ) -> tuple[Finding, ...]:
        """Findings about a whole text, sorted by place; by default the same as a stream of it would give.

        Args:
            text: at most :data:`MAX_TEXT` characters.
            role: who wrote it: one of :data:`runtime_guard.judge.ROLES`.
            cut: into cells that are judged one by one; :func:`runtime_guard.cells.blocks` is faster for texts that
                are full of findings.

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
        if cut is None:
            return await self._cached(text, role, self._segmented)
        found: set[Finding] = set()
        cells = CellScreen(self, role)
        for number, window in enumerate(cut(text)):
            found.update(await cells.findings(window))
            if number % _YIELD_EVERY == _YIELD_EVERY - 1:
                await asyncio.sleep(0)
        return tuple(_joined_over_cells(found))

    async def window(self, window: Window, role: str) -> tuple[Finding, ...]:
        """Findings in a window, in offsets of the whole text.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        found = await self._cached(window.text, role, self._as_one)
        return tuple(item if item.whole_message else _moved(item, window.offset) for item in found)

    async def _as_one(self, text: str, role: str) -> Iterable[Finding]:
        return await self._panel.findings(self._panel.look(text, role))

    async def _segmented(self, text: str, role: str) -> Iterable[Finding]:
        """Findings as a stream would have them, each once and whole."""
        judge = self.sentence_judge
        whole: dict[tuple[str, str, int, bool], Finding] = {}
        async for item in self.segments(role, judged=judge is not None).finish(text):
            found: Iterable[Finding] = ()
            if not isinstance(item, Sentence):
                found = item.findings
            elif judge is not None:
                found = item.own(await judge(item.text, role))
            for one in found:
                key = (one.label, one.detector, one.start, one.whole_message)
                whole[key] = max(one, whole.get(key, one), key=lambda it: (it.end, it.score))
        return sorted(whole.values(), key=_place)

    async def _cached(
        self, text: str, role: str, ask: Callable[[str, str], Awaitable[Iterable[Finding]]]
    ) -> tuple[Finding, ...]:
        name = f"{ask.__name__}\0{role}\0{joined(text)}"
        key = hashlib.blake2b(name.encode(), key=self._key, digest_size=16).digest()
        hit = self._cache.get(key)
        if hit is None:
            hit = self._cache[key] = tuple(await ask(text, role))
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(key)
        return hit


class _Nothing:
    """Finds nothing: what is left where only models were asked for."""

    name = "nothing"
    labels: frozenset[str] = frozenset()

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """No findings."""
        return ()


class CellScreen:
    """Screens the cells of one text in order, and remembers what reaches from one cell into the next.

    Args:
        screen: the detectors.
        role: who wrote the text.
    """

    def __init__(self, screen: Screen, role: str) -> None:
        self._screen = screen
        self._role = role
        self._reaching: tuple[Finding, ...] = ()
        self.count = 0
        """Findings so far, each counted once."""

    async def findings(self, window: Window) -> tuple[Finding, ...]:
        """Findings that touch the window's cell, clipped to it, sorted by place."""
        found = await self._screen.window(window, self._role)
        self.count += sum(item.whole_message or window.start <= item.start < window.end for item in found)
        touching = {clipped for item in (*self._reaching, *found) if (clipped := _clip(item, window))}
        self._reaching = tuple(item for item in (*self._reaching, *found) if _reaches(item, window))
        return tuple(sorted(touching, key=_place))


def _moved(finding: Finding, offset: int) -> Finding:
    return finding.model_copy(update={"start": finding.start + offset, "end": finding.end + offset})


def _clip(finding: Finding, window: Window) -> Finding | None:
    if finding.whole_message:
        return finding
    start, end = max(finding.start, window.start), min(finding.end, window.end)
    return finding.model_copy(update={"start": start, "end": end}) if start < end else None


def _reaches(finding: Finding, window: Window) -> bool:
    """Whether a finding of this cell goes on in the next."""
    return not finding.whole_message and finding.start < window.end < finding.end


def _joined_over_cells(found: Iterable[Finding]) -> list[Finding]:
    """Parts of one finding in neighbouring cells as the one finding they are."""
    whole: dict[tuple[str, str], Finding] = {}
    done: list[Finding] = []
    for item in sorted(found, key=_place):
        key = (item.label, item.detector)
        last = whole.get(key)
        if last is not None and not item.whole_message and item.start <= last.end:
            score = max(last.score, item.score)
            whole[key] = last.model_copy(update={"end": max(last.end, item.end), "score": score})
            continue
        if last is not None:
            done.append(last)
        whole[key] = item
    return sorted([*done, *whole.values()], key=_place)


def _place(finding: Finding) -> tuple[int, int, str, str]:
    return (finding.start, -finding.end, finding.label, finding.detector)
