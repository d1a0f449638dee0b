"""Every view of a text: one rewriting after the other, what that shows rewritten again, up to a depth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Final

from runtime_guard.expressions.sieve import Sieve
from runtime_guard.views import encodings
from runtime_guard.views.characters import CONTROL, plain_characters
from runtime_guard.views.view import Piece, View, rewrite

MAX_DEPTH: Final = 2
"""Encodings inside encodings."""

MAX_VIEWS: Final = 12
"""Views of one text; the first ones are the likely ones."""

_Rewriting = tuple[str, Callable[[str], Iterable[Piece]], bool]

_STRICT: Final[tuple[_Rewriting, ...]] = (
    ("characters", plain_characters, False),
    ("markup", encodings.strip_markup, False),
    ("html", encodings.unescape_html, False),
    ("percent", encodings.unescape_percent, False),
    ("escapes", encodings.unescape_backslashes, False),
    ("base64", encodings.decode_base64, False),
    ("base32", encodings.decode_base32, False),
    ("hex", encodings.decode_hex, False),
)
_LOOSE: Final[tuple[_Rewriting, ...]] = (
    ("letters", encodings.join_letters, True),
    ("syllables", encodings.join_syllables, True),
    ("words", encodings.part_words, True),
    ("leet", encodings.read_leet, True),
    ("rot13", encodings.turn_rot13, True),
)


def views(text: str, depth: int = MAX_DEPTH, *, loose: bool = True) -> Iterator[View]:
    """The views of a text that differ from it.

    Args:
        text: the text.
        depth: how many encodings inside each other are undone.
        loose: make those that guess, too.

    Yields:
        At most :data:`MAX_VIEWS`; loose ones are made from the text and from its strict views.
    """
    if text.isascii() and not _wanted(text):
        return
    seen = {text}
    layer = [View.of(text)]
    count = 0
    for level in range(depth):
        found: list[View] = []
        for view in layer:
            rewritings = (*_STRICT, *_LOOSE) if loose and not view.loose else _STRICT
            for made in _rewritten(view, rewritings, _wanted(view.text)):
                if made.text in seen or count == MAX_VIEWS:
                    continue
                seen.add(made.text)
                count += 1
                yield made
                if level + 1 < depth:
                    found.append(made)
        layer = found


_NONE: Final[frozenset[Callable[[str], Iterable[Piece]]]] = frozenset()
_CANDIDATES: Final = ((plain_characters, CONTROL), *encodings.CANDIDATES)
_ALL: Final = frozenset(function for _, function, _ in (*_STRICT, *_LOOSE))


def _wanted(text: str) -> frozenset[Callable[[str], Iterable[Piece]]]:
    """The rewritings that may change a text."""
    passing = _sieve().passing(text)
    if not passing and text.isascii():
        return _NONE
    found = frozenset(_CANDIDATES[number][0] for number in passing)
    return found if text.isascii() else found | {plain_characters}


@cache
def _sieve() -> Sieve:
    return Sieve([pattern for _, pattern in _CANDIDATES])


def _rewritten(
    view: View, rewritings: Iterable[_Rewriting], wanted: frozenset[Callable[[str], Iterable[Piece]]]
) -> Iterator[View]:
    for name, pieces, loose in rewritings if wanted else ():
        made = rewrite(view, pieces(view.text), name, loose=loose) if pieces in wanted else None
        if made is not None:
            yield made
