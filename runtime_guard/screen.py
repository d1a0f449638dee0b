"""Ask every detector about a text: those of patterns as it is cut, models message by message or sentence by sentence;
fail closed when one cannot answer.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from govkernel.domain import Finding
from govkernel.domain.finding import UNSCREENED
from govkernel.errors import ConfigError, InputError
from govkernel.hookspecs import Detector
from runtime_guard.cache import Cache
from runtime_guard.cells import Window, blocks
from runtime_guard.foresight import follows, judges_sentences
from runtime_guard.options import Options
from runtime_guard.panel import Panel
from runtime_guard.readers.ask import Depth, Readers
from runtime_guard.readers.interface import Reader
from runtime_guard.rows.batch import screen_rows
from runtime_guard.segments.chain import Counting, Held, Reach, Segments, Sentence
from runtime_guard.spans import joined_over_cells, moved, place, with_read
from runtime_guard.views import HIDDEN_TEXT

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of one message."""

SentenceJudge = Callable[[str, str], Awaitable[Sequence[Finding]]]
"""What is said: the findings about the end of a text by a role. Only their labels count.

It is asked once for each sentence that is over, with the sentence behind some of what stands before it.
"""

_YIELD_EVERY: Final = 16


class Screen:
    """A set of detectors, asked together.

    Args:
        detectors: their names must differ; none are needed where disguises are undone, for hidden text is a finding
            too. Default: those that ship with the guard, by the options.
        tiers: shorthand for those of the options.
        options: how the detectors that ship with the guard work.
        entities: types of spans that :meth:`screen_many` reports; default all.
        shed: when a model has more to read than it can, let its first glance count instead of failing.

    Raises:
        ValueError: two detectors of the same name, or an unknown tier.
        ConfigError: a detector's model cannot be used, ``guard.bad-lookahead``, ``guard.no-detectors`` or
            ``guard.unknown-entity``.
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
            from runtime_guard.detectors.defaults import default_detectors  # noqa: PLC0415 - takes a second

            detectors = default_detectors(chosen)
        names = [detector.name for detector in detectors]
        if len(set(names)) != len(names):
            raise ValueError(f"detectors must be named differently: {names}")
        if not names and 0 not in chosen.wanted:
            raise _no_detectors()
        readers = [item for item in detectors if isinstance(item, Reader)]
        self._detectors = tuple(item for item in detectors if item not in readers)
        self._disguises = 0 in chosen.wanted
        self._panel = Panel(self._detectors, disguises=self._disguises)
        self._near, self._held, self._judging = self._panels()
        self._readers = Readers(readers, disguises=self._disguises, shed=shed)
        self._entities = None if entities is None else frozenset(entities)
        self._cache: Cache[tuple[Finding, ...]] = Cache()
        unknown = sorted((self._entities or frozenset()) - self.labels)
        if unknown:
            raise _unknown_entity(unknown[0], self.labels)

    @property
    def labels(self) -> frozenset[str]:
        """Every label that can be found."""
        known = (label for detector in self._detectors for label in detector.labels)
        return frozenset({*known, *self._readers.labels, HIDDEN_TEXT})

    def metrics(self) -> Iterator[str]:
        """How models came to their answers, in the Prometheus text format."""
        return self._readers.metrics()

    def screen_many(self, rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """Screen rows in order, a batch at a time; a bad row gets an ``error`` and the run goes on.

        Args:
            rows: mappings with ``id``, ``text`` and, if it is not a user's, ``role``
                (``user``, ``tool``, ``response`` or ``system``).

        Yields:
            What :func:`runtime_guard.rows.batch.screen_rows` says.
        """
        yield from screen_rows(rows, partial(self.findings, cut=blocks), self._readers, self._entities)

    def segments(
        self,
        role: str,
        *,
        judged: bool = False,
        reach: Reach | None = None,
        tenant: str = "",
        counting: Counting | None = None,
    ) -> Segments:
        """A chain that cuts a text by a role into segments and judges them, as it arrives.

        Args:
            role: one of :data:`runtime_guard.readers.interface.ROLES`.
            judged: sentences are given out too, for the caller to judge.
            reach: how far the text is held back.
            tenant: whose it is.
            counting: which findings count; by default all.
        """
        held = self._held_back(role, tenant, strict=judged and reach is not None and reach.strict)
        return Segments(self._near, role, held=held, judged=judged, reach=reach, counting=counting)

    def sentence_judge(self, tenant: str = "") -> SentenceJudge | None:
        """Asks about a sentence who only judges: models, and detectors that find nothing to mask; None without any.

        Args:
            tenant: whose it is; tenants share no cache, and are served in turn.
        """
        if self._judging is None and not self._readers:
            return None

        async def judge(text: str, role: str) -> Sequence[Finding]:
            said = await self._said(text, role)
            return [*said, *(await self._readers.ask(text, role, tenant, Depth.DOUBT)).whole]

        return judge

    async def message(
        self, text: str, role: str = "user", *, tenant: str = "", depth: Depth = Depth.DOUBT
    ) -> tuple[Finding, ...]:
        """Everything that is found about a whole message, sorted by place: by patterns, and by models.

        Args:
            text: at most :data:`MAX_TEXT` characters.
            role: who wrote it: one of :data:`runtime_guard.readers.interface.ROLES`.
            tenant: whose it is; tenants share no cache, and are served in turn.
            depth: how closely models look.

        Raises:
            InputError: ``guard.too-long``.
            GovkernelError: ``guard.detector-failed``, ``guard.too-many-findings``, ``guard.overloaded``.
        """
        found = await self.findings(text, role, blocks, tenant=tenant)
        reading = await self._readers.ask(text, role, tenant, depth)
        return tuple(sorted([*with_read(found, reading.findings), *reading.whole], key=place))

    async def findings(
        self,
        text: str,
        role: str = "user",
        cut: Callable[[str], Iterator[Window]] | None = None,
        *,
        tenant: str = "",
    ) -> tuple[Finding, ...]:
        """Findings of all but the models, sorted by place; by default the same as a stream of the text would give.

        Args:
            text: at most :data:`MAX_TEXT` characters.
            role: who wrote it: one of :data:`runtime_guard.readers.interface.ROLES`.
            cut: into cells that are judged one by one; :func:`runtime_guard.cells.blocks` is faster for texts that
                are full of findings.
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
        if cut is None:
            return await self._cached(text, role, tenant, self._segmented)
        found: set[Finding] = set()
        cells = CellScreen(self, role, tenant)
        for number, window in enumerate(cut(text)):
            found.update(await cells.findings(window))
            if number % _YIELD_EVERY == _YIELD_EVERY - 1:
                await asyncio.sleep(0)
        return tuple(joined_over_cells(found))

    async def window(self, window: Window, role: str, tenant: str = "") -> tuple[Finding, ...]:
        """Findings of all but the models in a window, in offsets of the whole text.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        found = await self._cached(window.text, role, tenant, self._as_one)
        return tuple(item if item.whole_message else moved(item, window.offset) for item in found)

    def _panels(self) -> tuple[Panel, Panel | None, Panel | None]:
        """Detectors that are asked about segments, those for which sentences are held, those that only judge them."""
        far = [item for item in self._detectors if judges_sentences(item)]
        judging = [item for item in far if follows(item)]
        groups = [[item for item in far if item not in judging], judging]
        near = Panel([item for item in self._detectors if item not in far], disguises=self._disguises)
        held, judges = (
            Panel(group, disguises=self._disguises, hidden=False) if group else None for group in groups
        )
        return near, held, judges

    def _held_back(self, role: str, tenant: str, *, strict: bool) -> Held | None:
        """Finds in sentences what is to be masked; models do where sentences are held back anyway."""
        panel, readers = self._held, self._readers if strict and self._readers else None
        if panel is None and readers is None:
            return None

        async def find(text: str) -> Sequence[Finding]:
            found = [] if panel is None else await panel.findings(panel.look(text, role))
            if readers is not None:
                found += (await readers.ask(text, role, tenant, Depth.DOUBT)).findings
            return found

        return find

    async def _said(self, text: str, role: str) -> Sequence[Finding]:
        """What those detectors say that only judge."""
        return [] if self._judging is None else await self._judging.findings(self._judging.look(text, role))

    async def _as_one(self, text: str, role: str) -> Iterable[Finding]:
        return await self._panel.findings(self._panel.look(text, role))

    async def _segmented(self, text: str, role: str) -> Iterable[Finding]:
        """Findings as a stream would have them, each once and whole."""
        whole: dict[tuple[str, str, int, bool], Finding] = {}
        async for item in self.segments(role, judged=self._judging is not None).finish(text):
            found: Iterable[Finding] = (
                item.own(await self._said(item.text, role)) if isinstance(item, Sentence) else item.findings
            )
            for one in found:
                key = (one.label, one.detector, one.start, one.whole_message)
                whole[key] = max(one, whole.get(key, one), key=lambda it: (it.end, it.score))
        return sorted(whole.values(), key=place)

    async def _cached(
        self, text: str, role: str, tenant: str, ask: Callable[[str, str], Awaitable[Iterable[Finding]]]
    ) -> tuple[Finding, ...]:
        key, found = self._cache.get(text, f"{role} {ask.__name__}", tenant)
        if found is None:
            found = tuple(await ask(text, role))
            if all(item.label != UNSCREENED for item in found):
                self._cache.put(key, found, tenant)
        return found


class CellScreen:
    """Screens the cells of one text in order, and remembers what reaches from one cell into the next.

    Args:
        screen: the detectors.
        role: who wrote the text.
        tenant: whose it is.
    """

    def __init__(self, screen: Screen, role: str, tenant: str = "") -> None:
        self._screen = screen
        self._role = role
        self._tenant = tenant
        self._reaching: tuple[Finding, ...] = ()

    async def findings(self, window: Window) -> tuple[Finding, ...]:
        """Findings that touch the window's cell, clipped to it, sorted by place."""
        found = await self._screen.window(window, self._role, self._tenant)
        touching = {clipped for item in (*self._reaching, *found) if (clipped := _clip(item, window))}
        self._reaching = tuple(item for item in (*self._reaching, *found) if _reaches(item, window))
        return tuple(sorted(touching, key=place))


def _no_detectors() -> ConfigError:
    return ConfigError(
        "guard.no-detectors",
        "There is nothing that looks at a text.",
        remedy="Choose tiers of screening ([guard] tiers), or install a plugin with detectors.",
    )


def _unknown_entity(name: str, known: Collection[str]) -> ConfigError:
    """The error for a type of spans that nothing finds, with the nearest that something does."""
    near = difflib.get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.4)
    spans = ", ".join(sorted(item for item in known if not item.islower()))
    return ConfigError(
        "guard.unknown-entity",
        f"Nothing finds {name[:100]!r}.",
        why=f"Known are {spans}." if spans else "",
        remedy=f"Did you mean {near[0]}?" if near else "Name types that are known.",
    )


def _clip(finding: Finding, window: Window) -> Finding | None:
    if finding.whole_message:
        return finding
    start, end = max(finding.start, window.start), min(finding.end, window.end)
    return finding.model_copy(update={"start": start, "end": end}) if start < end else None


def _reaches(finding: Finding, window: Window) -> bool:
    """Whether a finding of this cell goes on in the next."""
    return not finding.whole_message and finding.start < window.end < finding.end
