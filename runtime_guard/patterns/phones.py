"""Telephone numbers as Presidio's ``PhoneRecognizer`` finds them, tried only where one can stand.

The search and the verdict are python-phonenumbers' own: its ``PhoneNumberMatcher`` looks for candidates and judges
each, and then parts of it, once for each region. Here candidates and parts are made once, each is judged in a piece
of the text that holds all that matters to the verdict, and a region is not asked when its answer is known:

- no number has fewer than :data:`LEAST` digits;
- a number written in digits and punctuation is, in a region, what its digits say: an international prefix and more,
  or the calling code, the national prefix, both or none before what one of the patterns of the calling code matches;
  one that begins with a plus is the same in every region;
- what other regions find inside a candidate that one region takes whole is a duplicate, and they go on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import phonenumbers
from phonenumbers import phonenumbermatcher, phonenumberutil
from phonenumbers.phonemetadata import PhoneMetadata

from runtime_guard.patterns.alphabet import BEYOND, DIGITS
from runtime_guard.patterns.automaton import Expression
from runtime_guard.patterns.results import Result

LEAST: Final = 4
"""Digits of the shortest national number of any country."""

_CANDIDATE: Final = phonenumbermatcher._PATTERN
_SECOND: Final = phonenumberutil._SECOND_NUMBER_START_PATTERN
_LEAD: Final = 10
"""Characters that a candidate has before its first digit, at most."""

_AROUND: Final = 4
"""Characters behind a candidate that matter to the verdict: the minutes of a time of day."""

_DIGIT: Final = re.compile(r"\d")
_SIGNS: Final = re.sub("[x~\uff5e]", "", phonenumberutil._VALID_PUNCTUATION)
_PLAIN: Final = re.compile(rf"[{_SIGNS}]*(?P<plus>[+\uff0b]*)[0-9{_SIGNS}]+")
"""Digits and punctuation that say what the digits say: no extension, no letters, no digits beyond ASCII."""

_REWRITTEN: Final = r"(\d{10,11})"
"""Captured behind Brazil's carrier codes, and kept."""

_GOES_ON: Final = re.compile(
    rf"[{phonenumberutil._VALID_PUNCTUATION}]{{0,4}}\d|{phonenumberutil._EXTN_PATTERNS_FOR_MATCHING}",
    phonenumberutil._REGEX_FLAGS,
)
_MOST_CLOSED: Final = 17
"""Digits up to which a candidate ends because the number ends, not because a limit is reached."""

_KINDS: Final = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail", "fixed_line",
    "mobile",
)  # fmt: skip


def _expression() -> Expression:
    digit = b"[0-9\\x80]"
    between = b"[%b]" % b"".join(b"\\x%02x" % byte for byte in sorted({*b"-xX ().[]/~", *(BEYOND - DIGITS)}))
    return Expression(b"%b(?:%b{0,4}%b){%d}" % (digit, between, digit, LEAST - 1), once=True)


PHONE: Final = _expression()
"""Found in every text that holds a telephone number."""


@dataclass(frozen=True)
class _Part:
    """What is judged: a candidate, or a part of one.

    Attributes:
        text: what it says.
        offset: where it stands in its surroundings.
        digits: its digits, if it is plain and has no plus.
        may_be: it can be a number in some region.
    """

    text: str
    offset: int
    digits: str | None
    may_be: bool


@dataclass(frozen=True)
class _Candidate:
    """What may be a number.

    Attributes:
        start, end: where it stands.
        parts: what is judged, in order; the first that is a number counts.
        around: the text around it, as far as it matters.
        begin: where that stands.
        is_closed: nothing that begins inside it can end behind it.
    """

    start: int
    end: int
    parts: tuple[_Part, ...]
    around: str
    begin: int
    is_closed: bool


class PhoneRule:
    """One of Presidio's ``PhoneRecognizer``.

    Args:
        recognizer: for which :func:`can_be_rule` holds.
    """

    def __init__(self, recognizer: Any) -> None:
        self._entity = recognizer.supported_entities[0]
        self._score = recognizer.SCORE
        self._leniency = recognizer.leniency
        self._regions = tuple(recognizer.supported_regions)

    def results(self, text: str) -> list[Result]:
        """What the recognizer finds, with duplicates."""
        found: list[Result] = []
        candidates: dict[int, _Candidate | None] = {}
        whole: set[int] = set()
        for region in self._regions:
            matcher = _Matcher(region, self._leniency)
            for start, end in _numbers(text, matcher, candidates, whole):
                found.append(Result(self._entity, start, end, self._score))
        return found


def can_be_rule(recognizer: Any) -> bool:
    """Whether a recognizer asks for valid numbers of regions whose numbers are not rewritten."""
    if recognizer.leniency < phonenumbers.Leniency.VALID:
        return False
    return all(
        (metadata := _metadata(region)) is not None
        and _is_kept(metadata)
        and _is_kept(_metadata(phonenumbers.region_code_for_country_code(metadata.country_code)))
        for region in recognizer.supported_regions
    )


def _is_kept(metadata: Any) -> bool:
    """Whether a region's national numbers are some of the digits written, in a row."""
    rule = metadata.national_prefix_transform_rule
    return not rule or (rule == r"\2" and metadata.national_prefix_for_parsing.endswith(_REWRITTEN + ")?"))


class _Recorder(phonenumbers.PhoneNumberMatcher):
    """Notes what python-phonenumbers would judge, in order."""

    def __init__(self, around: str) -> None:
        super().__init__(around, None)
        self.parts: list[_Part] = []

    def _parse_and_verify(self, candidate: str, offset: int) -> None:
        part = _part(candidate, offset)
        if part.may_be:
            self.parts.append(part)


class _Matcher(phonenumbers.PhoneNumberMatcher):
    """python-phonenumbers' verdict, without asking it what is known.

    Args:
        region: whose numbers need no international prefix.
        leniency: as python-phonenumbers defines it.
    """

    def __init__(self, region: str, leniency: int) -> None:
        super().__init__("", region, leniency)
        self._plan = _plan(region)

    def within(self, candidate: _Candidate) -> tuple[int, int] | None:
        """The number in a candidate, if there is one."""
        for part in candidate.parts:
            if part.digits is None or self._plan.may_be(part.digits):
                self.text = candidate.around
                match = self._parse_and_verify(part.text, part.offset)
                if match is not None:
                    return candidate.begin + match.start, candidate.begin + match.end
        return None


def _numbers(
    text: str, matcher: _Matcher, candidates: dict[int, _Candidate | None], whole: set[int]
) -> Iterator[tuple[int, int]]:
    """What ``PhoneNumberMatcher`` iterates over.

    Args:
        text: the whole text.
        matcher: of a region.
        candidates: those known already, by where the search began.
        whole: starts of closed candidates that another region took whole.
    """
    index = 0
    while True:
        if index not in candidates:
            candidates[index] = _next(text, index)
        candidate = candidates[index]
        if candidate is None:
            return
        index = candidate.end
        if not candidate.parts or candidate.start in whole:
            continue
        span = matcher.within(candidate)
        if span is None:
            continue
        yield span
        index = span[1]
        if candidate.is_closed and span == (candidate.start, candidate.end):
            whole.add(candidate.start)


def _next(text: str, index: int) -> _Candidate | None:
    """The first candidate from ``index`` on."""
    digit = _DIGIT.search(text, index)
    if digit is None:
        return None
    match = _CANDIDATE.search(text, max(index, digit.start() - _LEAD))
    start, said = match.start(), match.group()
    if (second := _SECOND.search(said)) is not None:
        said = said[: second.start()]
    end, begin = start + len(said), max(0, start - 1)
    around = text[begin : end + _AROUND]
    count = len(_DIGIT.findall(said))
    closed = second is None and count <= _MOST_CLOSED and not _GOES_ON.match(text, end)
    parts = _parts(said, start - begin, around) if count >= LEAST else ()
    return _Candidate(start, end, parts, around, begin, closed)


def _parts(said: str, offset: int, around: str) -> tuple[_Part, ...]:
    recorder = _Recorder(around)
    recorder._extract_match(said, offset)
    return tuple(recorder.parts)


def _part(said: str, offset: int) -> _Part:
    digits = "".join(_DIGIT.findall(said))
    if len(digits) < LEAST:
        return _Part(said, offset, None, may_be=False)
    plain = _PLAIN.fullmatch(said)
    if plain is None:
        return _Part(said, offset, None, may_be=True)
    if plain["plus"]:
        return _Part(said, offset, None, may_be=_may_be_abroad(digits))
    return _Part(said, offset, digits, may_be=True)


def _may_be_abroad(digits: str) -> bool:
    """Whether digits after a plus can be a number; so, too, when their calling code is unknown."""
    for length in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:length]))
        if regions is not None and digits[0] != "0":
            return not _is_kept(_metadata(regions[0])) or _plan(regions[0]).may_be(digits[length:], abroad=True)
    return True


@dataclass(frozen=True)
class _Plan:
    """A region's numbers.

    Attributes:
        number: matches what may be a number, with whatever may stand before it.
        before: matches what may stand before it.
        formats: matches national numbers; the group says whether their prefix must be written.
    """

    number: re.Pattern[str]
    before: re.Pattern[str]
    formats: re.Pattern[str]

    def may_be(self, digits: str, *, abroad: bool = False) -> bool:
        """Whether digits may be a number.

        Args:
            digits: all of them.
            abroad: they stand behind a plus and a calling code.
        """
        if self.number.fullmatch(digits) is None:
            return False
        if abroad or self.before.match(digits):
            return True
        known = self.formats.fullmatch(digits)
        return known is None or not str(known.lastgroup).startswith(_NEEDS)


_NEEDS: Final = "needs"


@cache
def _plan(region: str) -> _Plan:
    metadata = _metadata(region)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[metadata.country_code]
    others = [_metadata(other) for other in regions]
    kinds = [getattr(other, kind) for other in others for kind in _KINDS]
    number = _any_of({kind.national_number_pattern for kind in kinds if kind is not None})
    prefix = _any_of({_stripped(metadata), _stripped(others[0])})
    abroad = _any_of({metadata.international_prefix})
    return _Plan(
        re.compile(rf"(?:{metadata.country_code})?(?:{prefix}){{0,2}}(?:{number})|(?:{abroad})\d+"),
        re.compile(rf"{metadata.country_code}|{prefix}|{abroad}"),
        re.compile("|".join(map(_format, range(99), others[0].number_format)) or "(?!)"),
    )


def _format(place: int, written: Any) -> str:
    """A format of national numbers as a named group."""
    rule = written.national_prefix_formatting_rule
    free = not rule or written.national_prefix_optional_when_formatting
    name = "free" if free or phonenumberutil._formatting_rule_has_first_group_only(rule) else _NEEDS
    leading = written.leading_digits_pattern
    return rf"(?P<{name}{place}>(?={leading[-1] if leading else ''})(?:{written.pattern}))"


def _metadata(region: str) -> Any:
    return PhoneMetadata.metadata_for_region(region, None)


def _stripped(metadata: Any) -> str | None:
    """What may stand before national numbers and is no part of them."""
    prefix: str | None = metadata.national_prefix_for_parsing
    return prefix if prefix is None else prefix.replace(_REWRITTEN, "")


def _any_of(patterns: set[str | None]) -> str:
    """A pattern that matches what any of some does; nothing, where there are none."""
    return "|".join(f"(?:{pattern})" for pattern in sorted(filter(None, patterns))) or "(?!)"
