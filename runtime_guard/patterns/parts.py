"""What candidates for telephone numbers say, and in which regions they, or parts of them, are numbers.

What is written in digits and punctuation is judged by :mod:`runtime_guard.patterns.numbering`; the rest by
python-phonenumbers, in a piece of the text that holds all that matters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import phonenumbers
from phonenumbers import phonenumbermatcher, phonenumberutil

from runtime_guard.patterns.candidates import DIGIT, LEAST, Found
from runtime_guard.patterns.numbering import is_international, is_national
from runtime_guard.patterns.outlines import Outlines

_AROUND: Final = 4
"""Characters behind a candidate that matter to the verdict: the minutes of a time of day."""

_LONGEST: Final = phonenumberutil._MAX_INPUT_STRING_LENGTH
_SIGNS: Final = re.sub("[x~\uff5e]", "", phonenumberutil._VALID_PUNCTUATION)
_ABROAD: Final = re.compile(rf"[{_SIGNS}]*[+\uff0b]+[0-9{_SIGNS}]+")
_DROPPED: Final = {ord(sign): None for sign in map(chr, range(0x10000)) if re.match(f"[{_SIGNS}]", sign)}
"""Punctuation that says nothing; what is left of it and digits says what the digits say."""

_EXTENDED: Final = re.compile(r"(?P<number>.*[0-9])[xX](?P<extension>[0-9]{1,9})", re.DOTALL)
"""A number and its extension, as short as python-phonenumbers takes one behind a bare x."""

_CUT: Final = re.compile(r"[/.\s\u2012-\u2015\uff0d]|(?<!\A)\(")
"""Stands in every candidate that python-phonenumbers takes for a date or cuts into parts."""

_SHORT_FIELDS: Final = re.compile(rf"(?:\d{{1,{LEAST - 1}}}(?:\.|$))+|(?:[\d+-]{{1,{LEAST - 1}}}(?: |$))+")
"""Fields between points, or between spaces, none of which is long enough for a number."""

_GOES_ON: Final = re.compile(
    rf"[{phonenumberutil._VALID_PUNCTUATION}]{{0,4}}\d|{phonenumberutil._EXTN_PATTERNS_FOR_MATCHING}",
    phonenumberutil._REGEX_FLAGS,
)
_MOST_CLOSED: Final = 17
"""Digits up to which a candidate ends because the number ends, not because a limit is reached."""


class Part:
    """What is judged: a candidate, or a part of one.

    Args:
        text: what it says.
        offset: where it stands in ``around``.
        around: the text around it, as far as it matters.
        regions: those in which it may be a number.
        digits: what it says, where that is digits and punctuation alone.
        extension: digits of the extension behind them.
        is_abroad: it is a number, written with its calling code.
    """

    __slots__ = (
        "_around", "_digits", "_extension", "_free", "_is_abroad", "_offset", "_text", "end", "regions", "start",
    )  # fmt: skip

    def __init__(
        self,
        text: str,
        offset: int,
        around: str,
        regions: tuple[str, ...],
        *,
        digits: str | None = None,
        extension: str = "",
        is_abroad: bool = False,
    ) -> None:
        self._text = text
        self._offset = offset
        self._around = around
        self._free: bool | None = None
        self.start = offset
        self.end = offset + len(text)
        self.regions = regions
        self._digits = digits
        self._extension = extension
        self._is_abroad = is_abroad

    @classmethod
    def read(cls, text: str, offset: int, around: str, outlines: Outlines) -> Part:
        """Tell digits, and what stands behind or before them, from what only the library can read."""
        if len(text) > _LONGEST:
            return cls(text, offset, around, outlines.regions)
        extended = _EXTENDED.fullmatch(text) if "x" in text or "X" in text else None
        number, extension = extended.groups() if extended else (text, "")
        digits = _plain_digits(number)
        if digits is not None:
            regions = outlines.around(digits, extended=extension != "")
            return cls(text, offset, around, regions, digits=digits, extension=extension)
        abroad = is_international("".join(DIGIT.findall(number))) if _ABROAD.fullmatch(number) else None
        regions = () if abroad is False else outlines.regions
        return cls(text, offset, around, regions, is_abroad=abroad is True)

    def is_number(self, region: str) -> bool:
        """What python-phonenumbers says about it in a region."""
        if region not in self.regions:
            return False
        if self._digits is not None:
            return is_national(self._digits, region, self._extension) and self._stands_free()
        if self._is_abroad:
            return self._stands_free()
        matcher = phonenumbers.PhoneNumberMatcher(self._around, region)
        return matcher._parse_and_verify(self._text, self._offset) is not None

    def _stands_free(self) -> bool:
        """Whether its brackets match, it is no range of pages, and no letter or currency stands beside it."""
        if self._free is None:
            self._free = self._is_free()
        return self._free

    def _is_free(self) -> bool:
        text, around = self._text, self._around
        if not phonenumbermatcher._MATCHING_BRACKETS.fullmatch(text) or phonenumbermatcher._PUB_PAGES.search(
            text
        ):
            return False
        if (
            self.start > 0
            and not phonenumbermatcher._LEAD_PATTERN.match(text)
            and _clings(around[self.start - 1])
        ):
            return False
        return self.end >= len(around) or not _clings(around[self.end])


class Candidate:
    """What may be a number, or hold one.

    Args:
        found: where it stands, what it says, and whether it is cut off.
        parts: of it, or all of it, which may be numbers; in order.

    Attributes:
        regions: those in which it may hold a number.
    """

    __slots__ = ("_begin", "_is_cut", "_parts", "_said", "end", "regions", "start")

    def __init__(self, found: Found, parts: Sequence[Part]) -> None:
        self.start, self._said, self._is_cut = found
        self.end = self.start + len(self._said)
        self._begin = max(0, self.start - 1)
        self._parts = parts
        self.regions = (
            parts[0].regions if len(parts) == 1 else {item for part in parts for item in part.regions}
        )

    @classmethod
    def read(cls, found: Found, text: str, outlines: Outlines) -> Candidate | None:
        """Find the parts that may be numbers; None when there are none."""
        start, said, _ = found
        digits = _plain_digits(said)
        if len(DIGIT.findall(said) if digits is None else digits) < LEAST:
            return None
        is_whole = not _CUT.search(said) or _SHORT_FIELDS.fullmatch(said)
        regions = outlines.around(digits) if is_whole and digits is not None else outlines.regions
        if not regions:
            return None
        begin = max(0, start - 1)
        around = text[begin : start + len(said) + _AROUND]
        if not is_whole:
            parts = _Recorder(around, outlines).parts_of(said, start - begin)
        elif digits is None:
            parts = [Part.read(said, start - begin, around, outlines)]
        else:
            parts = [Part(said, start - begin, around, regions, digits=digits)]
        parts = [part for part in parts if part.regions]
        return cls(found, parts) if parts else None

    def taken(self, region: str) -> tuple[int, int] | None:
        """The number that a region finds in it."""
        for part in self._parts:
            if part.is_number(region):
                return self._begin + part.start, self._begin + part.end
        return None

    def is_closed(self, text: str) -> bool:
        """Whether nothing that begins inside it can end behind it."""
        few = len(DIGIT.findall(self._said)) <= _MOST_CLOSED
        return few and not self._is_cut and not _GOES_ON.match(text, self.end)


class _Recorder(phonenumbers.PhoneNumberMatcher):
    """Notes what python-phonenumbers would judge, in order."""

    def __init__(self, around: str, outlines: Outlines) -> None:
        super().__init__(around, None)
        self._outlines = outlines
        self._parts: list[Part] = []

    def parts_of(self, candidate: str, offset: int) -> list[Part]:
        """Those of a candidate, and the whole of it, as they would be judged."""
        self._extract_match(candidate, offset)
        return self._parts

    def _parse_and_verify(self, candidate: str, offset: int) -> None:
        if len(DIGIT.findall(candidate)) >= LEAST:
            self._parts.append(Part.read(candidate, offset, self.text, self._outlines))


def _plain_digits(text: str) -> str | None:
    """The digits of what is written in ASCII digits and punctuation; None for anything else."""
    digits = text if text.isdecimal() else text.translate(_DROPPED)
    return digits if digits.isascii() and digits.isdecimal() and len(text) <= _LONGEST else None


def _clings(char: str) -> bool:
    """Whether a character beside digits says that they are no telephone number."""
    if char.isascii():
        return char.isalpha() or char in "%$"
    matcher = phonenumbers.PhoneNumberMatcher
    return bool(matcher._is_invalid_punctuation_symbol(char) or matcher._is_latin_letter(char))
