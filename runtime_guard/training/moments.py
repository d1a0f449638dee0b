"""Dates, times, periods and ages in the ways they are written."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from typing import Final

from runtime_guard.training.lists import drawn

FORMS: Final = (
    "date", "date", "date", "monthday", "monthyear", "year", "weekday", "relative", "clock", "iso", "short", "stamp",
    "duration", "vague", "quarter", "decade", "holiday",
)  # fmt: skip
"""Forms of a date of which a text says nothing more."""

AGES: Final = ("number", "number", "yearold", "years", "yo")

_DIRECTIVE: Final = re.compile(r"%([A-Za-z])")
_FIRST: Final = datetime(1930, 1, 1)
_DAYS: Final = 36_000


def moment(form: str, rng: random.Random) -> str:
    """A date, time or period in a form of the grammars; lately more often than long ago."""
    days = int(_DAYS * rng.random() ** 0.5)
    when = _FIRST + timedelta(days=days, seconds=rng.randrange(86_400))
    return _DIRECTIVE.sub(lambda match: _written(match.group(1), when), drawn("moments", form, rng))


def age(form: str, rng: random.Random) -> str:
    """An age in a form of the grammars."""
    return drawn("moments", form, rng)


def _written(letter: str, when: datetime) -> str:
    """A directive of strftime, or one of ours: numbers without zeros, ordinals, the day after."""
    own = {
        "D": str(when.day),
        "E": str((when + timedelta(days=1)).day),
        "N": str(when.month),
        "J": str(when.hour % 12 or 12),
        "O": _ordinal(when.day),
        "P": when.strftime("%p").lower(),
    }
    return own[letter] if letter in own else when.strftime(f"%{letter}")


def _ordinal(number: int) -> str:
    tail = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"
