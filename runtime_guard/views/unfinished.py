"""Where in a text that is not over yet a disguise may have begun that is not complete."""

from __future__ import annotations

from functools import cache
from typing import Final

from runtime_guard.expressions.alphabet import encoded
from runtime_guard.expressions.pending import Pending
from runtime_guard.expressions.prefix import beginnings
from runtime_guard.expressions.sieve import SHARED
from runtime_guard.views import encodings
from runtime_guard.views.hidden import unfinished_hidden

_STRICT: Final = (
    encodings.MARKUP,
    encodings.HTML,
    encodings.PERCENT,
    encodings.ESCAPES,
    encodings.BASE64,
    encodings.BASE32,
    encodings.HEX,
)
_LOOSE: Final = (encodings.SPACED, encodings.SYLLABLES, encodings.TOGETHER, encodings.LEET_WORD)


def unfinished(text: str, *, loose: bool = True) -> int:
    """The first place from which on what follows may change how the text is read; its length when there is none.

    Args:
        text: the text so far.
        loose: consider guesses too; see :func:`runtime_guard.views.views`.
    """
    place = _pieces(loose=loose).start(encoded(text)[:-1])
    return place if text.isascii() else min(place, unfinished_hidden(text))


@cache
def _pieces(*, loose: bool) -> Pending:
    patterns = (*_STRICT, *_LOOSE) if loose else _STRICT
    return Pending(
        item for pattern in patterns for item in beginnings(pattern.pattern, pattern.flags & SHARED)
    )
