"""How the labelled sources annotate personal data, brought to one convention; what they leave out is doubtful.

The convention stands in docs/reference/guard-models.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from runtime_guard.encoder.boundaries import trimmed
from runtime_guard.encoder.tags import ENTITIES
from runtime_guard.training.lists import read, towns
from runtime_guard.training.tagged import Place

ALL: Final = frozenset(ENTITIES)

_NAMES: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
ANNOTATED: Final[Mapping[str, frozenset[str]]] = {
    "WNUT17": _NAMES,
    "SEC-filings": _NAMES,
    "presidio-research": _NAMES,
    "PII-synthetic_dataset": frozenset({"PERSON"}),
    "pii-anon-eval-data": _NAMES | {"DATE_TIME"},
}
"""What a source annotates throughout; of other types it marks some, or none."""

_INCOMPLETE: Final = frozenset({"pii-anon-eval-data"})
"""Sources that mark what their templates filled in, and not what the templates themselves name."""

_TITLE: Final = re.compile(
    r"(?:mr|mrs|ms|miss|dr|prof|professor|sir|president|senator|judge|queen|king|captain|rev|sen)\b\s?\.?\s*(?=\w|$)",
    re.IGNORECASE,
)
_ARTICLE: Final = re.compile(r"the\s+(?=\w)")
_ROLE: Final = re.compile(r"(?:bank|company|llc|inc|national association)\W*", re.IGNORECASE)
"""Roles of the parties of a contract, and rests of names, marked as organisations."""

_UNREADABLE: Final = re.compile(r"[A-Za-z0-9+/]*\d[A-Za-z0-9+/]*=*|[A-Za-z0-9+/]{6,}=+|.*\*.*", re.DOTALL)
_LEGAL: Final = re.compile(r"\s?,?\s?(?:Inc|Corp|Ltd|LLC|L\.?P|N\.?A)\b\s?\.?")

_YEAR: Final = r"(?:19|20)\d\d"
MOMENT: Final = re.compile(
    rf"\b(?:\d{{4}}-\d\d-\d\d\S*|(?:in|since|until|by|from|after|before) {_YEAR}|{_YEAR} ?[-–] ?(?:{_YEAR}|present)|"
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december),? \d{1,4}|"
    r"(?:\d+|one|two|three|four|five|six|few|several|couple of)[- ](?:minute|hour|day|week|month|year)s?\b"
    r"(?:[- ]old| ago)?|(?:mon|tues|wednes|thurs|fri|satur|sun)day|to(?:day|night|morrow)|yesterday|"
    r"\d{1,2}(?:[:.]\d\d)? ?[ap]m|"
    r"(?:last|next|this|past) (?:night|morning|week|weekend|month|year|summer|winter|spring|fall))\b",
    re.IGNORECASE,
)
"""What is probably a date, a time or a period."""

_CAPITALS: Final = re.compile(r"\b[A-Z][\w'’.-]*(?:(?: of| the| at| and)* [A-Z][\w'’-]*)*")
_HOUSES: Final = re.compile(
    r"\b(?:Hospital|Clinic|Medical Center|Health Center|Institute|University|College|Court|Pharmacy|Department of|"
    r"District of|County of|State of|Rite Aid|Walgreens|Harvard|Stanford|Yale|Plaza|Square|Street)\b"
)


def conventional(
    text: str, spans: Iterable[Place], source: str
) -> tuple[tuple[Place, ...], tuple[tuple[int, int], ...]]:
    """Spans as the convention wants them, and what is doubtful.

    Args:
        text: the text.
        spans: as the source annotates, of any type.
        source: its name.
    """
    kept: list[Place] = []
    doubtful: list[tuple[int, int]] = []
    for start, end, entity in spans:
        if entity not in ALL:
            continue
        first, last, _, _ = trimmed(text, (start + _before(text[start:end], entity), end, entity, 1.0))
        if first >= last or _is_doubtful(text, (first, last, entity)):
            doubtful.append((start, end))
            continue
        kept.append((first, last, entity))
        if entity == "ORGANIZATION" and (rest := _LEGAL.match(text, last)):
            doubtful.append(rest.span())
    if source in _INCOMPLETE:
        marked = [(start, end) for start, end, _ in spans]
        doubtful += [place for place in _unmarked(text, kept) if not _over(place, marked)]
    return tuple(kept), tuple(doubtful)


def _before(value: str, entity: str) -> int:
    """Characters of titles and articles that a value begins with."""
    if entity == "PERSON" and (title := _TITLE.match(value)):
        return title.end()
    article = _ARTICLE.match(value) if entity in _NAMES else None
    return article.end() if article else 0


def _is_doubtful(text: str, place: Place) -> bool:
    start, end, entity = place
    value = text[start:end]
    if text[:start].endswith(("@", "@ ") if entity == "PERSON" else "@"):
        return True
    if entity == "PERSON":
        return bool(_UNREADABLE.fullmatch(value))
    return entity == "ORGANIZATION" and bool(_ROLE.fullmatch(value))


def _unmarked(text: str, spans: Sequence[Place]) -> Iterator[tuple[int, int]]:
    """What may be personal data and is not marked: moments, known places and houses, parts of marked names."""
    yield from (match.span() for match in MOMENT.finditer(text))
    parts = {
        part
        for start, end, entity in spans
        if entity == "PERSON"
        for part in re.findall(r"[^\W\d_]{3,}", text[start:end])
    }
    for part in parts:
        yield from (match.span() for match in re.finditer(rf"\b{re.escape(part)}\b(?![@.\w])", text))
    for match in _CAPITALS.finditer(text):
        if _HOUSES.search(match.group()) or any(word in _places() for word in _runs(match.group())):
            yield match.span()


def _runs(capitals: str) -> Iterator[str]:
    """Every run of up to three words."""
    words = capitals.split(" ")
    for first in range(len(words)):
        for last in range(first + 1, min(first + 3, len(words)) + 1):
            yield " ".join(words[first:last])


@cache
def _places() -> frozenset[str]:
    listed = read("places")
    named = [
        value
        for rule in ("country", "region", "area", "nature")
        for value in listed[rule]
        if "<" not in value
    ]
    return frozenset(
        [*(value.removeprefix("the ") for value in named), *(name for town in towns() for name in town)]
    )


def _over(place: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start < place[1] and place[0] < end for start, end in others)
