"""Learn from what an encoder finds which capitals are no names, and which words in lower case are part of none."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from runtime_guard.encoder.plain import BEGINS, Plain, has_capital, keys, written_plainly
from runtime_guard.training.tagged import Place

LEAST: Final = 4
"""Times that a word with a capital inside a sentence is met before it counts as harmless."""

MET: Final = 2
"""Times that a word is met in lower case, or a number of its form, before it counts as ordinary."""

LEAST_BEGINNING: Final = 10
"""Times that a word is met in lower case before a sentence may begin with it."""

SHARES: Final = {"inside": 0.01, "lower": 0.02, "named": 0.1}
"""Of how many of its places a harmless word may be personal data: with a capital inside a sentence, in lower case, and
with a capital anywhere against those in lower case."""

COVERS: Final = 0.4
"""Spans that a telling word covers, for each clean text in which it stands."""

NAMED: Final = 5
"""Times that a word is part of a name for each time that it stands in lower case."""


@dataclass(frozen=True)
class Seen:
    """A text and the personal data that an encoder, or its maker, sees in it."""

    source: str
    text: str
    spans: Sequence[Place]


@dataclass
class _Counts:
    """Of keys: times inside and outside of spans, in texts that are written plainly, and clean texts that have them."""

    inside: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    clean: Counter[str] = field(default_factory=Counter)
    low: list[frozenset[str]] = field(default_factory=list)
    """Spans without a capital."""

    def add(self, plain: str, spans: Sequence[Place]) -> None:
        """Count a text."""
        parts: dict[int, set[str]] = {}
        outside = []
        for key, start, end in keys(plain):
            place = next((n for n, span in enumerate(spans) if span[0] < end and start < span[1]), None)
            if place is None:
                outside.append(key)
            else:
                self.inside[key] += 1
                parts.setdefault(place, set()).add(key)
        self.outside.update(outside)
        if not parts:
            self.clean.update(set(outside))
        self.low += [frozenset(part) for part in parts.values() if not any(map(has_capital, part))]


def learned(texts: Iterable[Seen], vocabulary: Iterable[str] = ()) -> Plain:
    """What is harmless in plain texts.

    Args:
        texts: what is learned from.
        vocabulary: words of the language, in lower case, with or without others: ordinary unless they are names.
    """
    counts = _Counts()
    named: Counter[str] = Counter()
    for item in texts:
        if (plain := written_plainly(item.text)) is not None:
            counts.add(plain, item.spans)
            named.update(_named(plain, item.spans))
    names = {word for word, times in named.items() if times > NAMED * counts.outside[word]}
    met = {key for key, times in counts.outside.items() if times >= MET and not has_capital(key)}
    known = {word for word in vocabulary if word.isascii() and word.isalpha() and word.islower()}
    return Plain(frozenset(_harmless(counts)), frozenset((met | known) - names - {*_telling(counts)}))


def _named(plain: str, spans: Sequence[Place]) -> Iterator[str]:
    """Words with a capital inside spans, in lower case."""
    for start, end, *_ in spans:
        for key, _, _ in keys(plain[start:end]):
            if has_capital(key):
                yield key.lstrip(BEGINS).partition("'")[0].lower()


def _harmless(counts: _Counts) -> Iterator[str]:
    """Keys with a capital that are hardly ever part of a name where they stand."""
    for key, times in counts.outside.items():
        if key.startswith(BEGINS):
            if _may_begin(counts, key[len(BEGINS) :]):
                yield key
        elif has_capital(key) and times >= LEAST and counts.inside[key] <= SHARES["inside"] * times:
            yield key


def _may_begin(counts: _Counts, word: str) -> bool:
    """Whether a word is so common in lower case, and so rarely a name, that a sentence may begin with it."""
    inside, low = counts.inside, counts.outside[word.lower()]
    return (
        low >= LEAST_BEGINNING
        and inside[word.lower()] <= SHARES["lower"] * low
        and inside[word] + inside[BEGINS + word] <= SHARES["named"] * low
    )


def _telling(counts: _Counts) -> Iterator[str]:
    """Keys one of which nearly every span without a capital has, and few clean texts have: a greedy cover."""
    spans_of: dict[str, set[int]] = {}
    for number, span in enumerate(counts.low):
        for key in span:
            spans_of.setdefault(key, set()).add(number)
    left = set(range(len(counts.low)))
    heap = [(-len(spans) / (counts.clean[key] + 1), key) for key, spans in spans_of.items()]
    heapq.heapify(heap)
    while heap and heap[0][0] <= -COVERS:
        _, key = heapq.heappop(heap)
        now = -len(spans_of[key] & left) / (counts.clean[key] + 1)
        if heap and now > heap[0][0]:
            heapq.heappush(heap, (now, key))
        elif now <= -COVERS:
            yield key
            left -= spans_of[key]
