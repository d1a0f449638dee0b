"""A text without its disguises, and where each of its characters came from.

NFKC (UAX #15), lower case, no format or tag characters, white space collapsed. Used by detectors that match words;
their findings are reported in offsets of the original.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class NormalForm:
    """The normal form of a text.

    Attributes:
        text: the normalised text.
        origin: for each of its characters, the offset of the original character it came from.
        length: length of the original.
    """

    text: str
    origin: tuple[int, ...]
    length: int

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original span of a normalised one; ``start < end``."""
        return self.origin[start], min(self.length, self.origin[end - 1] + 1)


def normal_form(text: str) -> NormalForm:
    """Normalise ``text``; plain lower-case ASCII with single spaces is its own normal form."""
    characters: list[str] = []
    origin: list[int] = []
    for offset, original in enumerate(text):
        for char in unicodedata.normalize("NFKC", original).lower():
            category = unicodedata.category(char)
            if category in ("Cf", "Mn", "Cs"):
                continue
            shown = " " if char.isspace() or category == "Cc" else char
            if shown == " " and characters and characters[-1] == " ":
                continue
            characters.append(shown)
            origin.append(offset)
    return NormalForm("".join(characters), tuple(origin), len(text))
