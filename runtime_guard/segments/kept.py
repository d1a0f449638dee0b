"""The part of a growing text that is still needed, by offsets in the whole text."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from runtime_guard.halves import joined

BREAK: Final = re.compile(r"(?<=\S)\s|[\u3001\u3002\uff0c\uff01\uff1f\uff1b\u0964\u060c\u061f\u061b]")
"""The end of a word: the first white space behind it, or a sign that is written without any."""

_ENOUGH: Final = 2048


class Window(NamedTuple):
    """A part of a text, and where it stands in it."""

    text: str
    offset: int


class Kept:
    """A text that grows at its end and is forgotten from its beginning."""

    def __init__(self) -> None:
        self._text = ""
        self._offset = 0
        self._half = ""

    @property
    def end(self) -> int:
        """Length of the text so far."""
        return self._offset + len(self._text)

    def add(self, piece: str) -> None:
        """Let the text go on.

        Half of a surrogate pair at the end waits for its other half; one that has none becomes U+FFFD.
        """
        piece = self._half + piece
        self._half = ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        self._text += joined(piece)

    def close(self) -> None:
        """No more comes."""
        self._text += joined(self._half)
        self._half = ""

    def slice(self, start: int, end: int) -> str:
        """A part that is still there."""
        return self._text[start - self._offset : end - self._offset]

    def window(self, start: int, end: int, left: int) -> Window:
        """A part with about ``left`` characters before it, from the end of a word on where one is near."""
        begin = max(0, start - left)
        if begin:
            begin = self.find(BREAK, begin, begin + left // 4) or begin
        return Window(self.slice(begin, end), begin)

    def find(self, pattern: re.Pattern[str], start: int, end: int) -> int | None:
        """Where the first match between two places ends; None when there is none."""
        match = pattern.search(self._text, start - self._offset, end - self._offset)
        return None if match is None else match.end() + self._offset

    def breaks(self, start: int, end: int) -> list[int]:
        """The ends of words behind ``start`` and up to ``end``."""
        found = BREAK.finditer(self._text, start - self._offset, end - self._offset)
        return [match.end() + self._offset for match in found]

    def forget(self, before: int) -> None:
        """What stands before a place is not needed any more; it goes when it is worth the while."""
        drop = before - self._offset
        if drop > max(_ENOUGH, len(self._text) // 2):
            self._text = self._text[drop:]
            self._offset = before
