"""Where personal data begins and ends: whole words, pieces of one name together, no full stop of the sentence."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

Span = tuple[int, int, str, float]

_ADDRESS: Final = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}|\b\w{1,20}://[^\s<>\"]{1,2000}")
"""An e-mail address (lengths of RFC 5321) or a URL: what is named in it is the address, not a person."""

_POINTED: Final = re.compile(
    r"(?:\b\w|\b(?:inc|corp|ltd|co|bros|llc|jr|sr|st|ave|blvd|rd|dept|univ|approx|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun))\.$",
    re.IGNORECASE,
)
"""Ends of spans whose full stop is their own."""

_OWNED: Final = re.compile(r"\s?['’]\s?s$", re.IGNORECASE)
_OWNERS: Final = frozenset({"PERSON", "LOCATION"})
_INITIAL: Final = re.compile(r"(?:^|[\s.])[A-Z]$")
_LAST: Final = 12
"""Characters at the end of a span that say whether its full stop is its own."""

_UNIT: Final = (
    r"(?:second|minute|hour|day|night|nite|morning|afternoon|evening|week|weekend|month|quarter|year|decade|"
    r"spring|summer|autumn|fall|winter)s?"
)
_COUNT: Final = (
    r"(?:\d{1,3}|an?|half an|one|two|three|four|five|six|seven|eight|nine|ten|several|many|"
    r"(?:a )?(?:few|couple of))"
)
_FROM_NOW: Final = re.compile(
    r"(?:(?:early|earlier|late|later) )?(?:"
    r"(?:today|tonight|tomorrow|yesterday|yday|tmrw|2nite)(?: (?:morning|afternoon|evening|night))?|"
    r"day (?:before yesterday|after tomorrow)|"
    rf"(?:this|last|past|next|previous|following|same|current|coming) {_UNIT}|"
    rf"{_COUNT} {_UNIT} (?:ago|later|earlier|from now))",
    re.IGNORECASE,
)
_LONGEST: Final = 40
"""Characters of a span that may tell its moment from now alone."""


def bounded(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans with the bounds a reader would give them, in their order, none over another.

    Words are whole; parts of one word, date or initialled name are one span; marks around a span, a possessive ``'s``
    of a person or place, and the full stop of a sentence are outside; what lies in an address, and a moment that is
    told from now alone, are left out.

    Args:
        text: the text.
        spans: start, end, entity and score, by start.
    """
    starts, ends = _addresses(text)
    found: list[Span] = []
    for span in spans:
        whole = _whole(text, span)
        address = bisect_right(starts, whole[0]) - 1
        if address >= 0 and whole[1] <= ends[address]:
            continue
        last = found[-1] if found else None
        if last and last[2] == whole[2] and _one(text, last, whole):
            found[-1] = (last[0], max(last[1], whole[1]), last[2], (last[3] + whole[3]) / 2)
        elif whole[0] < whole[1] and (last is None or last[1] <= whole[0]):
            found.append(whole)
    cut = (trimmed(text, span) for span in found)
    return [
        span
        for span in cut
        if span[0] < span[1] and not (span[2] == "DATE_TIME" and from_now(text[span[0] : span[1]]))
    ]


def from_now(words: str) -> bool:
    """Whether words tell a moment by how far it is from now, and by nothing else: ``today``, ``two weeks ago``.

    Chats are full of such words, which tell nobody anything about a person.
    """
    return len(words) <= _LONGEST and bool(_FROM_NOW.fullmatch(" ".join(words.split())))


def same_word(text: str, at: int) -> bool:
    """Whether the characters before and at a place belong to one word."""
    return 0 < at < len(text) and _of_word(text[at - 1]) and _of_word(text[at])


def _of_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) in ("Mn", "Mc", "Cf")


def _addresses(text: str) -> tuple[list[int], list[int]]:
    """Where addresses start, and where they end."""
    if "@" not in text and "://" not in text:
        return [], []
    found = [match.span() for match in _ADDRESS.finditer(text)]
    return [start for start, _ in found], [end for _, end in found]


def _whole(text: str, span: Span) -> Span:
    start, end, entity, score = span
    while same_word(text, start):
        start -= 1
    while same_word(text, end):
        end += 1
    return start, end, entity, score


def _one(text: str, left: Span, right: Span) -> bool:
    """Whether two neighbours of one entity are one: nothing, or a mark inside a name or date, is between them."""
    gap = text[left[1] : right[0]]
    if len(gap) > 2 or right[0] <= left[1]:
        return right[0] <= left[1]
    if gap in ("-", "'", "’"):
        return True
    if left[2] == "DATE_TIME":
        return gap in ("/", ":", ".", ", ")
    return gap in (".", ". ") and bool(_INITIAL.search(text[max(left[0], left[1] - 2) : left[1]]))


def trimmed(text: str, span: Span) -> Span:
    """A span without the marks, possessive and full stop of the sentence at its ends; empty when nothing is left."""
    start, end, entity, score = span
    while start < end and not _opens(text[start]):
        start += 1
    end -= len(text[start:end]) - len(text[start:end].rstrip())
    if entity in _OWNERS and (owned := _OWNED.search(text, max(start, end - 4), end)):
        end = owned.start()
    while end > start and not _closes(text, start, end):
        end -= 1
    if entity == "PERSON" and text[end : end + 1] == "." and _INITIAL.search(text[max(start, end - 2) : end]):
        end += 1
    return start, end, entity, score


def _opens(character: str) -> bool:
    return character.isalnum() or character == "("


def _closes(text: str, start: int, end: int) -> bool:
    last = text[end - 1]
    if last == ".":
        return bool(_POINTED.search(text[max(start, end - _LAST) : end]))
    if last == ")":
        return "(" in text[start:end]
    return last.isalnum() or unicodedata.category(last) in ("Mn", "Mc")


def words_of(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Rows at which a word begins; a piece that continues the word before it is not one.

    Args:
        text: the text.
        offsets: start and end per piece.
    """
    before = -1
    for row, (start, end) in enumerate(offsets):
        if start != before or not same_word(text, start):
            yield row
        before = end
