"""How texts are written carelessly, copied badly or laid out: marks on values stay where the values are.

Every function is a function of text and spans, and keeps the spans on what they were on.
"""

from __future__ import annotations

import html
import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from runtime_guard.training.tagged import Place

Text = tuple[str, tuple[Place, ...]]
Edit = tuple[int, int, str]
"""Start, end and what stands there instead."""

_CUTS: Final = re.compile(
    r"(?<=\S)(?=[,;:!?()\"“”])(?!(?<=\d)[,:]\d)|(?<=[,;:!?()\"“”])(?=\S)(?!(?<=\d[,:])\d)|(?<=\w)(?=['’]s\b)|"
    r"(?<=[a-z0-9)\"”]{2})(?=\.(?:\s+[A-Z\"“]|\s*$))"
)
"""Places at which a tokenizer would cut."""

_MARKS: Final = re.compile(r"(?<=[\w\"'”)])[,;:.!?]+(?=[\s\"”]|$)|['\"“”]")
_SHAPES: Final = (
    ("rn", "m"), ("m", "rn"), ("l", "1"), ("O", "0"), ("o", "0"), ("e", "c"), ("h", "b"), ("i", "j"), ("S", "5"),
    ("cl", "d"), ("I", "l"), ("g", "q"), ("B", "8"),
)  # fmt: skip
"""What a scanner takes for what."""


def roughened(text: str, spans: Sequence[Place], rng: random.Random) -> Text:
    """A text as it may be met: mostly as it was written, else with small or large letters, slips, no marks, cut into
    tokens, wrapped, scanned or in markup.
    """
    made = (text, tuple(spans))
    for chance, noise in _NOISES:
        if rng.random() < chance:
            made = noise(*made, rng)
    return made


def edited(text: str, spans: Sequence[Place], edits: Iterable[Edit]) -> Text:
    """A text with edits made, and its spans moved along.

    What is inserted at the edge of a span is outside of it. Edits over an edge, or over one another, are left out.

    Args:
        text: the text.
        spans: where its values stand.
        edits: in any order.
    """
    edges = [edge for start, end, _ in spans for edge in (start, end)]
    made, at, done = "", 0, list[Edit]()
    for start, end, new in sorted(edits):
        if start < at or any(start < edge < end for edge in edges):
            continue
        done.append((start, end, new))
        made += text[at:start] + new
        at = end

    def moved(edge: int, *, opens: bool) -> int:
        before = [edit for edit in done if edit[1] < edge or (edit[1] == edge and (opens or edit[0] < edge))]
        return edge + sum(len(new) - (end - start) for start, end, new in before)

    places = tuple(
        (moved(start, opens=True), moved(end, opens=False), entity) for start, end, entity in spans
    )
    return made + text[at:], places


def mapped(text: str, spans: Sequence[Place], change: Callable[[str], str]) -> Text:
    """A text whose parts, values and what is between them, are changed one by one."""
    made, moved, at = "", [], 0
    for start, end, entity in sorted(spans):
        made += change(text[at:start])
        value = change(text[start:end])
        moved.append((len(made), len(made) + len(value), entity))
        made, at = made + value, end
    return made + change(text[at:]), tuple(moved)


def lowered(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """All small letters."""
    return mapped(text, spans, str.lower)


def raised(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """All capitals."""
    return mapped(text, spans, str.upper)


def titled(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """A Capital At Every Word, As In Headlines."""
    return edited(
        text,
        spans,
        [(at.start(), at.end(), at.group().upper()) for at in re.finditer(r"(?<![\w'’])[a-zß-ÿ]", text)],
    )


def slipped(text: str, spans: Sequence[Place], rng: random.Random) -> Text:
    """Up to three slips of the finger: letters swapped, doubled, left out."""
    words = [at for at in range(1, len(text) - 1) if text[at].isalpha() and text[at + 1].isalpha()]
    chosen = rng.sample(words, min(len(words), rng.randrange(1, 4)))
    slips = [
        (at, at + 2, rng.choice((text[at + 1] + text[at], text[at] * 2 + text[at + 1], text[at + 1])))
        for at in chosen
    ]
    return edited(text, spans, slips)


def scanned(text: str, spans: Sequence[Place], rng: random.Random) -> Text:
    """Letters taken for others, as scanners do."""
    seen, other = rng.choice(_SHAPES)
    found = [at.start() for at in re.finditer(re.escape(seen), text)]
    chosen = [at for at in found if rng.random() < 0.4]
    return edited(text, spans, [(at, at + len(seen), other) for at in chosen])


def bare(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """No marks at the ends of words, no quotes; those of values stay."""
    inside = [(start, end) for start, end, _ in spans]
    found = [at.span() for at in _MARKS.finditer(text)]
    return edited(text, spans, [(a, b, "") for a, b in found if not any(s < b and a < e for s, e in inside)])


def cut(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """Blanks around every mark, as tokenizers leave them; initials and abbreviations stay whole."""
    return edited(text, spans, [(at.start(), at.start(), " ") for at in _CUTS.finditer(text)])


def wrapped(text: str, spans: Sequence[Place], rng: random.Random) -> Text:
    """Lines of a width, values broken as well."""
    width = rng.randrange(30, 76)
    edits, start, last = list[Edit](), 0, 0
    for at in (match.start() for match in re.finditer(r"[ \n]", text)):
        if at - start > width and last > start:
            edits.append((last, last + 1, "\n"))
            start = last + 1
        start, last = (at + 1, at + 1) if text[at] == "\n" else (start, at)
    return edited(text, spans, edits)


def unaccented(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """Latin letters without their accents."""

    def plain(part: str) -> str:
        apart = unicodedata.normalize("NFKD", part)
        return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")

    return mapped(text, spans, plain)


def curled(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """Typographic quotes and apostrophes."""
    return re.sub(r'"(?=\w)', "“", text.replace("'", "’")).replace('"', "”"), tuple(spans)


def escaped(text: str, spans: Sequence[Place], _: random.Random) -> Text:
    """As in HTML."""
    made, moved = mapped(text, spans, lambda part: html.escape(part, quote=False))
    return edited(made, moved, [(0, 0, "<p>"), (len(made), len(made), "</p>")])


def stressed(text: str, spans: Sequence[Place], rng: random.Random) -> Text:
    """Markdown around some values and some words."""
    mark = rng.choice(("**", "*", "_", "`", "__"))
    words = [(at.start(), at.end()) for at in re.finditer(r"(?<![\w*])[A-Za-z]{4,}(?![\w*])", text)]
    free = [(a, b) for a, b in words if not any(s < b and a < e for s, e, _ in spans)]
    places = [*((s, e) for s, e, _ in spans), *rng.sample(free, min(len(free), 2))]
    chosen = [place for place in places if rng.random() < 0.5]
    return edited(text, spans, [edit for s, e in chosen for edit in ((s, s, mark), (e, e, mark))])


def quoted(text: str, spans: Sequence[Place], rng: random.Random) -> Text:
    """A mark before every line."""
    mark = rng.choice(("> ", "- ", "* ", "• ", "# ", "// ", "| ", "    "))
    starts = [0, *(at.end() for at in re.finditer(r"\n", text))]
    return edited(text, spans, [(at, at, mark) for at in starts])


_NOISES: Final[tuple[tuple[float, Callable[[str, Sequence[Place], random.Random], Text]], ...]] = (
    (0.015, titled), (0.05, unaccented), (0.08, slipped), (0.02, scanned), (0.05, bare), (0.05, curled),
    (0.02, stressed), (0.09, cut), (0.04, wrapped), (0.02, escaped), (0.02, quoted), (0.18, lowered), (0.06, raised),
)  # fmt: skip
