"""A text made from another by rewriting some of its pieces, and where each of its characters came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Piece(NamedTuple):
    """A part of a text to be shown as something else.

    Attributes:
        start, end: the part; pieces are in order and do not overlap.
        shown: what it is shown as; empty to leave it out.
    """

    start: int
    end: int
    shown: str


@dataclass(frozen=True)
class View:
    """A text with the way back to the original.

    Attributes:
        name: how it was made, e.g. ``base64`` or ``percent/html``.
        text: the text.
        starts, ends: per character, the part of the original that it stands for.
        loose: made by a guess at what a reader would see; fit for words, not for numbers and addresses.
    """

    name: str
    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    loose: bool = False

    @classmethod
    def of(cls, text: str) -> View:
        """The text itself."""
        return cls("", text, range(len(text)), range(1, len(text) + 1))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the original that ``text[start:end]`` stands for; ``start < end``."""
        return self.starts[start], self.ends[end - 1]


def rewrite(view: View, pieces: Iterable[Piece], name: str, *, loose: bool = False) -> View | None:
    """The view with some pieces of its text rewritten; None when nothing changes.

    Each character shown for a piece stands for the whole piece.
    """
    pieces = list(pieces)
    if not pieces:
        return None
    if all(len(shown) == 1 and end - start == 1 for start, end, shown in pieces):
        return _replaced(view, pieces, name, loose=loose)
    text: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for piece in pieces:
        text.append(view.text[at : piece.start])
        starts += view.starts[at : piece.start]
        ends += view.ends[at : piece.start]
        if piece.shown:
            first, last = view.span(piece.start, piece.end)
            text.append(piece.shown)
            starts += [first] * len(piece.shown)
            ends += [last] * len(piece.shown)
        at = piece.end
    made = "".join([*text, view.text[at:]])
    if made == view.text:
        return None
    return View(
        f"{view.name}/{name}".lstrip("/"),
        made,
        (*starts, *view.starts[at:]),
        (*ends, *view.ends[at:]),
        view.loose or loose,
    )


def _replaced(view: View, pieces: Iterable[Piece], name: str, *, loose: bool) -> View | None:
    """The view with single characters in place of others."""
    chars = list(view.text)
    for start, _, shown in pieces:
        chars[start] = shown
    made = "".join(chars)
    if made == view.text:
        return None
    return View(f"{view.name}/{name}".lstrip("/"), made, view.starts, view.ends, view.loose or loose)
