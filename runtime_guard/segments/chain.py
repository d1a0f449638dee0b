"""Cut a growing text into segments whose findings are certain, by content alone, as early as that can be known.

The cut is made by a *chain*. At each end of a word, what stands before the first place where something may have
begun is decided and becomes a segment; so does a quarter of what is held once as much is held as may be. Both
depend on the text and not on how it arrives. A segment is judged as soon as it is known, in a window that reaches
from some way before it to the place where it became known. Whole texts take the same chain, and leap
(:mod:`runtime_guard.segments.scout`) where there is nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from govkernel.domain import Finding
from runtime_guard.panel import Panel
from runtime_guard.segments.kept import BREAK, Kept
from runtime_guard.segments.scout import LEFT, Scout
from runtime_guard.segments.sentences import Sentences
from runtime_guard.spans import moved, place

Held = Callable[[str], Awaitable[Sequence[Finding]]]
"""Findings in a sentence, behind some of what stands before it; it is held back until they are known."""

Counting = Callable[[str, Sequence[Finding]], Sequence[Finding]]
"""Those of the findings in a text that count."""

BOUND: Final = 256
CONTEXT: Final = 400
"""Characters before a sentence that its judges see, about."""

MAX_SPAN: Final = 8192
"""Characters up to which a span is known as one; what goes on beyond is looked at anew."""

_MARGIN: Final = 8
_YIELD_EVERY: Final = 16


@dataclass(frozen=True)
class Reach:
    """How far a text is held back.

    Attributes:
        bound: characters that may be held back.
        strict: a sentence is held back until it is judged.
    """

    bound: int = BOUND
    strict: bool = False


@dataclass(frozen=True)
class Segment:
    """A stretch of a text that is decided.

    Attributes:
        start, end: offsets in the text.
        findings: those that touch it, sorted by place; they may reach beyond it.
    """

    start: int
    end: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Sentence:
    """A sentence that is over.

    Attributes:
        start, end: offsets in the text.
        text: the sentence, behind some of what stands before it.
    """

    start: int
    end: int
    text: str

    def own(self, found: Iterable[Finding]) -> list[Finding]:
        """Those of the findings in :attr:`text` that are about the sentence, in offsets of the whole text."""
        moved = (_moved(item, self.end - len(self.text)) for item in found)
        return [item for item in moved if item.whole_message or item.end > self.start]


class Segments:
    """The chain of one text.

    Args:
        near: detectors that are asked about segments.
        role: who writes the text.
        held: asked about sentences, which are held back until then.
        judged: whether the caller wants to know sentences.
        reach: how far the text is held back.
        counting: which findings count; by default all.
    """

    def __init__(
        self,
        near: Panel,
        role: str,
        *,
        held: Held | None = None,
        judged: bool = False,
        reach: Reach | None = None,
        counting: Counting | None = None,
    ) -> None:
        self._reach = reach or Reach()
        self._near = near
        self._role = role
        self._held = held
        self._counting = counting or _all
        self._judged = judged
        self._strict = judged and self._reach.strict
        self._waits = self._strict or held is not None
        self._text = Kept()
        self._sentences = Sentences(self._text, self._reach.bound) if judged or self._waits else None
        self._scout = Scout(near, role, self._text, self._reach.bound)
        self._start = 0
        self._seen = 0
        self._rough = -LEFT
        self._open: int | None = None
        self._told: list[Finding] = []

    @property
    def held(self) -> int:
        """Characters taken and not yet given out in a segment."""
        return self._text.end - self._start

    def slice(self, start: int, end: int) -> str:
        """A part of the text that the latest segment or one of its findings holds."""
        return self._text.slice(start, end)

    def feed(self, piece: str) -> AsyncIterator[Segment | Sentence]:
        """What ``piece`` decides.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        self._text.add(piece)
        return self._advance(final=False)

    def finish(self, piece: str = "") -> AsyncIterator[Segment | Sentence]:
        """What the last piece and the end of the text decide.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        self._text.add(piece)
        self._text.close()
        return self._advance(final=True)

    async def _advance(self, *, final: bool) -> AsyncIterator[Segment | Sentence]:
        steps = 0
        while True:
            self._forget()
            over = self._sentences.end() if self._sentences else None
            leap = await self._leap(over or self._text.end, final=final and over is None)
            time = self._next(over) if leap is None else over if over == self._seen else None
            if leap is not None:
                yield leap
            elif time is None:
                break
            for item in () if time is None else await self._step(time, over=time == over):
                yield item
            steps += 1
            if steps % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        if final:
            for item in await self._step(self._text.end, over=self._sentences is not None, final=True):
                yield item

    async def _leap(self, limit: int, *, final: bool) -> Segment | None:
        """A stretch without findings that need not be cut."""
        if self._waits or self._open is not None:
            return None
        if self._start < self._rough + LEFT:
            return None
        leap = await self._scout.leap(self._start, self._seen, limit, final=final)
        if leap is None:
            return None
        segment = Segment(self._start, leap.end)
        self._start, self._seen = leap
        return segment

    def _next(self, over: int | None) -> int | None:
        """The next place, already there, at which something may become certain."""
        known = self._text.end if over is None else over
        full = self._start + self._reach.bound
        found = None if self._waits else self._text.find(BREAK, self._seen, known)
        times = [time for time in (found, over, full if full <= known else None) if time is not None]
        return min(times, default=None)

    async def _step(self, time: int, *, over: bool, final: bool = False) -> list[Segment | Sentence]:
        """What is certain once the text up to ``time`` is there."""
        sentence = self._sentence(time) if over else None
        if sentence is not None and self._held is not None:
            told = self._counting(sentence.text, await self._held(sentence.text))
            self._told += sentence.own(told)
        segment = await self._decide(time, final=final)
        self._seen = time
        items: list[Segment | Sentence] = [] if segment is None else [segment]
        if sentence is not None and self._judged:
            items.insert(0 if self._strict else 1, sentence)
        return items

    def _forget(self) -> None:
        needed = [self._start]
        if self._open is not None:
            needed.append(self._open)
        if self._sentences is not None:
            needed.append(self._sentences.start)
        self._text.forget(min(needed) - max(LEFT, CONTEXT) - _MARGIN)

    def _sentence(self, end: int) -> Sentence | None:
        """The sentence that is over; None when it is empty."""
        sentences = self._sentences
        if sentences is None or sentences.start == end:
            return None
        start, sentences.start = sentences.start, end
        return Sentence(start, end, self._text.window(start, end, CONTEXT).text)

    async def _decide(self, time: int, *, final: bool) -> Segment | None:
        """The segment that is certain, with what is found in it."""
        if self._start == time:
            return None
        window = self._text.window(self._start if self._open is None else self._open, time, LEFT)
        look = self._near.look(window.text, self._role)
        decided = time
        if not final:
            decided = min(window.offset + await self._near.pending(look), self._cap(time))
        end = self._cut(decided, time)
        if end is None:
            return None
        since = self._start - window.offset
        there = self._counting(look.text, await self._near.findings(look, since))
        found = [_moved(item, window.offset) for item in there]
        self._open = None
        if end != decided:
            self._rough = time
            begun = [it for it in found if decided <= it.start < end and it.end > self._start]
            end = min((end, *(item.end for item in begun)))
            starts = (item.start for item in begun if item.end >= end)
            self._open = min((start for start in starts if time - start <= MAX_SPAN), default=None)
        segment = Segment(self._start, end, self._touching([*found, *self._told], end))
        self._told = [item for item in self._told if item.end > end]
        self._start = end
        return segment

    def _cap(self, time: int) -> int:
        """Up to where sentences are judged, if that is to be waited for."""
        return self._sentences.start if self._waits and self._sentences else time

    def _cut(self, decided: int, time: int) -> int | None:
        """Where the segment ends: with what is decided, or where it must."""
        if decided > self._start:
            return decided
        if time - self._start < self._reach.bound:
            return None
        return min(self._start + max(1, self._reach.bound // 4), self._cap(time))

    def _touching(self, found: Iterable[Finding], end: int) -> tuple[Finding, ...]:
        touching = {
            item for item in found if item.whole_message or (item.end > self._start and item.start < end)
        }
        return tuple(sorted(touching, key=place))


def _all(_text: str, found: Sequence[Finding]) -> Sequence[Finding]:
    return found


def _moved(finding: Finding, offset: int) -> Finding:
    return finding if finding.whole_message or not offset else moved(finding, offset)
