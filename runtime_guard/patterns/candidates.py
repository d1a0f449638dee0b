"""Where telephone numbers can stand: python-phonenumbers' own expression, tried only where a digit is."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

import regex
from phonenumbers import phonenumbermatcher, phonenumberutil

from runtime_guard.expressions.alphabet import DASH, SIGN, SPACE
from runtime_guard.expressions.automaton import Expression
from runtime_guard.expressions.prefix import Beginning, beginnings

LEAST: Final = 4
"""Digits of the shortest national number of any country."""

LONGEST: Final = 160
"""Characters of a number, with all signs and an extension; candidates that go on beyond are several numbers."""

_CANDIDATE: Final = phonenumbermatcher._PATTERN
_SECOND: Final = phonenumberutil._SECOND_NUMBER_START_PATTERN
_LEAD: Final = 10
"""Characters that a candidate has before its first digit, at most."""

_LEADS: Final = frozenset(filter(phonenumbermatcher._LEAD_PATTERN.match, map(chr, range(0x10000))))
"""Characters of which one begins every candidate that does not begin with a digit."""

DIGIT: Final = re.compile(r"\d")
_ASCII_DIGIT: Final = re.compile(r"[0-9]")

Found = tuple[int, str, bool]
"""A candidate: where it stands, what it says, and whether a second number cuts it off."""


def _expression() -> Expression:
    digit = b"[0-9\\x80]"
    between = b"[%b]" % b"".join(b"\\x%02x" % byte for byte in sorted({*b"-xX ().[]/~", SPACE, SIGN, DASH}))
    return Expression(b"%b(?:%b{0,4}%b){%d}" % (digit, between, digit, LEAST - 1), once=True)


PHONE: Final = _expression()
"""Found in every text that holds a telephone number."""


def phone_beginnings() -> list[Beginning]:
    """What a candidate looks like that has begun: python-phonenumbers' own expression, and a time of day behind it."""
    found = beginnings(_CANDIDATE.pattern, regex.IGNORECASE)
    return [replace(item, text=item.text + b"(?::[0-5]?)?") for item in found]


def next_candidate(text: str, index: int) -> Found | None:
    """The first candidate from ``index`` on."""
    digit = (_ASCII_DIGIT if text.isascii() else DIGIT).search(text, index)
    if digit is None:
        return None
    start, first = digit.start(), max(index, digit.start() - _LEAD)
    match: Any = _CANDIDATE.search(text, start if _LEADS.isdisjoint(text[first:start]) else first)
    said = match.group()
    second = _SECOND.search(said) if "x" in said else None
    return match.start(), said if second is None else said[: second.start()], second is not None
