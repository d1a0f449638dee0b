"""Where the sentences of a growing text end, by what came before alone."""

from __future__ import annotations

import re
from typing import Final

from runtime_guard.segments.kept import BREAK, Kept

_STOP: Final = re.compile(r"[.!?\u2026][\"')\]\u201d\u2019]{0,4}\s|[\u3002\uff01\uff1f\u0964\u061f]|\n")


class Sentences:
    """Cuts a text into sentences.

    A sentence ends at a full stop, exclamation or question mark before white space, or at the end of a line. One that
    is too long ends with the first word that ends after three quarters of what is allowed.

    Args:
        text: the text.
        longest: characters of a sentence at most.
    """

    def __init__(self, text: Kept, longest: int) -> None:
        self._text = text
        self._longest = longest
        self._soft = longest * 3 // 4
        self.start = 0
        """Where the sentence begins that is not over."""

    def end(self) -> int | None:
        """Where that sentence ends; None as long as that is not known."""
        known, soft, hard = self._text.end, self.start + self._soft, self.start + self._longest
        stop = self._text.find(_STOP, self.start, min(soft, known))
        if stop is None and known > soft:
            stop = self._text.find(BREAK, soft, min(hard, known))
        return hard if stop is None and known >= hard else stop
