"""Cut a text that is all there into large cells, each with a window to be judged in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

AHEAD: Final = 256
"""Characters a window reaches back and ahead; spans longer than this may be found only in part."""

BLOCK: Final = 4096
"""Characters of a cell in a text that is all there."""


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
