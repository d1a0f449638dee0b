"""Cut a text into cells and give each a window to be judged in, by content alone.

Where a cell ends and how far its window reaches depends on the text and never on how it arrived, so whatever is
decided window by window is the same for every chunking. A cell ends after white space; its window starts at a word
somewhat before it, and reaches a few words beyond it, so that a value is seen whole from every cell it touches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MIN_CELL: Final = 96
"""Characters after which a cell ends at the next white space."""

MAX_CELL: Final = 256
"""Characters after which a cell ends anyway: text without white space."""

BEHIND: Final = 96
"""Characters a window reaches back at most."""

AHEAD: Final = 256
"""Characters a window reaches ahead at most; spans longer than this may be found only in part."""

BLOCK: Final = 4096
"""Characters of a cell in a text that is all there."""

AHEAD_WORDS: Final = 8
"""Words a window reaches ahead at most."""


@dataclass(frozen=True)
class Window:
    """A cell in its window.

    Attributes:
        text: the window's text.
        offset: offset of the window in the whole text.
        start, end: the cell, as offsets in the whole text.
    """

    text: str
    offset: int
    start: int
    end: int


class CellCutter:
    """Takes a text piece by piece, gives windows as soon as they are certain."""

    def __init__(self) -> None:
        self._kept = ""
        self._offset = 0
        self._start = 0
        self._pending = ""

    def feed(self, piece: str) -> Iterator[Window]:
        """The windows that ``piece`` completes.

        Half of a surrogate pair at the end waits for its other half; one that has none becomes U+FFFD.
        """
        piece = self._pending + piece
        self._pending = ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._pending = piece[:-1], piece[-1]
        self._kept += joined(piece)
        yield from self._cut(final=False)

    def finish(self) -> Iterator[Window]:
        """The windows of the rest."""
        self._kept += joined(self._pending)
        self._pending = ""
        yield from self._cut(final=True)

    @property
    def held(self) -> int:
        """Characters taken and not yet given out as part of a cell."""
        return self._offset + len(self._kept) - self._start

    def _cut(self, *, final: bool) -> Iterator[Window]:
        while True:
            begin = self._start - self._offset
            end = _cell_end(self._kept, begin, final=final)
            if end is None or end == begin:
                return
            reach = _reach(self._kept, end, final=final)
            if reach is None:
                return
            back = _back(self._kept, begin)
            yield Window(self._kept[back:reach], self._offset + back, self._start, self._offset + end)
            self._start = self._offset + end
            drop = max(0, end - 2 * BEHIND)
            self._kept, self._offset = self._kept[drop:], self._offset + drop


def windows(text: str) -> Iterator[Window]:
    """The windows of a whole text."""
    cutter = CellCutter()
    yield from cutter.feed(text)
    yield from cutter.finish()


def blocks(text: str) -> Iterator[Window]:
    """Large cells of a whole text, for screening what does not arrive in pieces; one where the text is short."""
    start = 0
    while start < len(text):
        end = start + BLOCK
        if end < len(text):
            space = text.rfind(" ", start + BLOCK // 2, end)
            end = space + 1 if space >= 0 else end
        end = min(end, len(text))
        first = max(0, start - AHEAD)
        yield Window(text[first : end + AHEAD], first, start, end)
        start = end


def joined(text: str) -> str:
    """Surrogate pairs as the characters they stand for, lone surrogates as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _cell_end(text: str, begin: int, *, final: bool) -> int | None:
    limit = begin + MAX_CELL
    for position in range(begin + MIN_CELL - 1, min(limit, len(text))):
        if text[position].isspace():
            return position + 1
    if len(text) >= limit:
        return limit
    return len(text) if final else None


def _reach(text: str, end: int, *, final: bool) -> int | None:
    limit = end + AHEAD
    words = 0
    inside = False
    for position in range(end, min(limit, len(text))):
        space = text[position].isspace()
        if space and inside:
            words += 1
            if words == AHEAD_WORDS:
                return position
        inside = not space
    if len(text) >= limit:
        return limit
    return len(text) if final else None


def _back(text: str, begin: int) -> int:
    lowest = max(0, begin - BEHIND)
    if lowest == 0:
        return 0
    for position in range(lowest, begin):
        if text[position - 1].isspace():
            return position
    return lowest
