"""Telephone numbers as Presidio's ``PhoneRecognizer`` and its kin find them, tried only where one can stand.

python-phonenumbers' ``PhoneNumberMatcher`` looks for candidates and judges each, and then parts of it, once for each
region. Here candidates and parts are made once, by that library's own expressions: see
:mod:`runtime_guard.patterns.candidates` and :mod:`runtime_guard.patterns.parts`. What other regions would find inside
a candidate that one region takes whole is a duplicate, and they go on behind it, so they are not asked.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cached_property
from typing import Any, Final

import phonenumbers
from presidio_analyzer.predefined_recognizers import PhoneRecognizer
from presidio_analyzer.predefined_recognizers.country_specific.south_africa import za_phone_number_recognizer

from runtime_guard.patterns.candidates import next_candidate
from runtime_guard.patterns.numbering import is_national
from runtime_guard.patterns.outlines import Outlines
from runtime_guard.patterns.parts import Candidate
from runtime_guard.patterns.results import Result
from runtime_guard.patterns.verdicts import source_digest

_OF_ONE_KIND: Final = za_phone_number_recognizer.ZaPhoneNumberRecognizer
"""Keeps the mobile numbers of one country, or the others."""

_AS_READ: Final = "e041ba72abbad817ec9292082536d78726674ee51939514add30cac75ff9b6bf"
"""Of the source of that class, whose ``analyze`` is done here in another way."""


class PhoneRule:
    """One of Presidio's ``PhoneRecognizer``, or of its kin for one kind of numbers.

    Args:
        recognizer: for which :func:`can_be_rule` holds.
    """

    def __init__(self, recognizer: Any) -> None:
        self._recognizer = recognizer
        self._chooses = type(recognizer).analyze is _OF_ONE_KIND.analyze
        self._entity = recognizer.supported_entities[0]
        self._score = recognizer.SCORE
        self._regions = tuple(recognizer.supported_regions)
        self._outlines = Outlines(self._regions)
        for region in self._regions:
            is_national("0000", region)

    def results(self, text: str, since: int = 0) -> list[Result]:
        """What the recognizer finds, with duplicates, but for those in what another region took whole.

        Args:
            text: the whole text.
            since: candidates that end before are not looked at.
        """
        search = _Search(text, self._outlines, since)
        asked = {region for _, candidate in search.live for region in candidate.regions}
        return [
            Result(self._entity, start, end, self._score)
            for region in self._regions
            if region in asked
            for start, end in search.numbers(region)
            if not self._chooses or self._is_chosen(text[start:end], region)
        ]

    def _is_chosen(self, said: str, region: str) -> bool:
        """Whether a number is of the recognizer's country and kind."""
        number = phonenumbers.parse(said, region)
        kind = self._recognizer._classify(number)
        wanted = self._recognizer.target_classification
        return phonenumbers.region_code_for_number(number) == region and kind == wanted


def can_be_rule(recognizer: Any) -> bool:
    """Whether a recognizer asks for valid numbers of regions that are known, all of them or those of one kind."""
    analyze = type(recognizer).analyze
    if analyze not in (PhoneRecognizer.analyze, _OF_ONE_KIND.analyze):
        return False
    regions = recognizer.supported_regions
    if analyze is _OF_ONE_KIND.analyze and (
        source_digest(_OF_ONE_KIND) != _AS_READ or tuple(regions) != (recognizer.REGION,)
    ):
        return False
    known = phonenumbers.SUPPORTED_REGIONS
    return recognizer.leniency == phonenumbers.Leniency.VALID and known.issuperset(regions)


class _Search:
    """Candidates of one text, and the numbers that regions find in them.

    Args:
        text: the whole text.
        outlines: of the regions that will ask.
        since: candidates that end up to there are of no interest.

    Attributes:
        live: candidates that may be numbers, as all regions meet them that take what they take as a whole; with the
            place from which each was looked for.
    """

    def __init__(self, text: str, outlines: Outlines, since: int) -> None:
        self.live: list[tuple[int, Candidate]] = []
        self._text = text
        self._outlines = outlines
        self._since = since
        self._known: dict[int, _Step | None] = {}
        self._whole: set[int] = set()
        self._ends = [0]
        while (step := self._next(self._ends[-1])) is not None:
            end, candidate = step
            if candidate is not None:
                self.live.append((self._ends[-1], candidate))
            self._ends.append(end)

    def numbers(self, region: str) -> Iterator[tuple[int, int]]:
        """What ``PhoneNumberMatcher`` iterates over, without what lies in something another region took whole.

        Args:
            region: whose numbers need no international prefix.
        """
        index: int | None = 0
        for begun, candidate in self.live:
            if index is None:
                return
            if begun < index or region not in candidate.regions:
                continue
            span = self._taken(region, candidate)
            if span is not None:
                yield span
                if span[1] < candidate.end:
                    index = yield from self._astray(region, span[1])

    def _astray(self, region: str, index: int) -> Generator[tuple[int, int], None, int | None]:
        """Numbers from inside a candidate on, until the search is where all regions' searches come along."""
        while index not in self._known_to_all:
            if index not in self._known:
                self._known[index] = self._next(index)
            step = self._known[index]
            if step is None:
                return None
            index, candidate = step
            span = None if candidate is None else self._taken(region, candidate)
            if span is not None:
                yield span
                index = span[1]
        return index

    @cached_property
    def _known_to_all(self) -> frozenset[int]:
        """Where every search comes along that takes nothing in part."""
        return frozenset(self._ends)

    def _taken(self, region: str, candidate: Candidate) -> tuple[int, int] | None:
        if candidate.start in self._whole:
            return None
        span = candidate.taken(region)
        if span == (candidate.start, candidate.end) and candidate.is_closed(self._text):
            self._whole.add(candidate.start)
        return span

    def _next(self, index: int) -> _Step | None:
        """Where the first candidate from ``index`` on ends, and that candidate, if it may be a number."""
        found = next_candidate(self._text, index)
        if found is None:
            return None
        end = found[0] + len(found[1])
        return end, Candidate.read(found, self._text, self._outlines) if end > self._since else None


_Step = tuple[int, Candidate | None]
