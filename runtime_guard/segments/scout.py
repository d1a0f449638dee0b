"""Find how much of a text needs no cutting, because nothing is in it wherever it is cut."""

from __future__ import annotations

from typing import Final, NamedTuple

from runtime_guard.panel import Panel
from runtime_guard.segments.kept import BREAK, Kept
from runtime_guard.views import MAX_VIEWS, View

LEFT: Final = 256
"""Characters before a segment that its judges see, about: words, and what must stand before a value."""

BLOCK: Final = 4096
"""Characters that are looked at together."""

_NEAR: Final = 24
_TRIES: Final = 4


class Leap(NamedTuple):
    """Where a chain is after a leap.

    Attributes:
        end: up to where the text is cut.
        seen: up to where the chain has looked for cuts.
    """

    end: int
    seen: int


class Scout:
    """Looks ahead of the chain that cuts a text (:mod:`runtime_guard.segments.chain`).

    At the end of a word the chain cuts before the first place that is pending, which depends on the text there alone.
    So the chain can be met again at any of them, if it was not forced to cut before: that is, if there is always less
    than the bound between the pending place of one and the next. When a stretch as a whole shows nothing, all that the
    chain would find out in it is nothing.

    Args:
        near: detectors.
        role: who writes the text.
        text: the text.
        bound: characters after which a chain is forced to cut.
    """

    def __init__(self, near: Panel, role: str, text: Kept, bound: int) -> None:
        self._near = near
        self._role = role
        self._text = text
        self._bound = bound
        self._looked = 0
        self._flags: list[tuple[int, int]] = []
        self._disguised = False
        self._walk_to = 0

    async def leap(self, start: int, seen: int, limit: int, *, final: bool) -> Leap | None:
        """How far nothing is found from ``start`` on; None when the chain has to walk.

        Args:
            start: up to where the text is cut.
            seen: up to where the chain has looked for cuts.
            limit: up to where it may look.
            final: the text ends there.

        Raises:
            GovkernelError: ``guard.detector-failed``.
        """
        if start < self._walk_to or not self._worth(seen, limit, final=final):
            return None
        end = min(limit, start + BLOCK)
        await self._look(start, end)
        flag = min((flag for flag in self._flags if flag[1] > start), default=(end, end))
        found = await self._far(Leap(start, seen), min(end, flag[0]))
        stuck = min(end, flag[0]) - found.end >= self._bound
        if final and not stuck and flag[0] == end == limit:
            return Leap(end, end)
        if stuck:
            self._walk_to = found.end + self._bound
        elif flag[0] < end:
            self._walk_to = flag[1]
        elif found.end == start:
            self._walk_to = start + 1
        return found if found.end > start else None

    def _worth(self, seen: int, limit: int, *, final: bool) -> bool:
        """Whether there is more than one word to leap over."""
        if final:
            return limit > seen
        first = self._text.find(BREAK, seen, limit)
        return first is not None and self._text.find(BREAK, first, limit) is not None

    async def _look(self, start: int, end: int) -> None:
        """Note where something is in a stretch."""
        if self._looked >= end:
            return
        window = self._text.window(start, end, LEFT)
        look = self._near.look(window.text, self._role)
        found = await self._near.findings(look, start - window.offset)
        self._flags = [
            (start, end) if item.whole_message else (item.start + window.offset, item.end + window.offset)
            for item in found
        ]
        if len(look.views) >= MAX_VIEWS or any(_cuttable(view) for view in look.views):
            self._flags.append((start, end))
        self._disguised = bool(look.views)
        self._looked = end

    async def _far(self, leap: Leap, end: int) -> Leap:
        """As far as a chain gets without being forced to cut, from one word to another before it is."""
        while True:
            top = min(end, leap.end + self._bound - 1)
            for place in self._candidates(max(leap), top):
                pending = await self._pending(leap.end, place)
                if pending == place or (pending > leap.end and not self._disguised):
                    leap = Leap(pending, place)
                    break
            else:
                return leap

    def _candidates(self, low: int, high: int) -> list[int]:
        found = self._text.breaks(max(low, high - _NEAR), high) or self._text.breaks(low, high)
        return found[: -_TRIES - 1 : -1]

    async def _pending(self, start: int, place: int) -> int:
        window = self._text.window(start, place, LEFT)
        return window.offset + await self._near.pending(self._near.look(window.text, self._role))


def _cuttable(view: View) -> bool:
    """Whether a piece of what a view rewrites may be cut between two words."""
    return any(name in view.name for name in ("hex", "letters", "markup"))
