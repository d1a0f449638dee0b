"""In which of some regions digits may be a telephone number, told by one look: most may be one in none of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from runtime_guard.patterns.numbering import Plan, plan_of, plans_of


class Outlines:
    """What numbers look like in some regions, and in those regions with an extension behind them.

    Args:
        regions: some of the library's.
    """

    def __init__(self, regions: Sequence[str]) -> None:
        self.regions = tuple(regions)
        self._plain = _Alike({region: _outline(region) for region in regions})
        self._extended = _Alike({region: _extended(region) for region in regions})

    def around(self, digits: str, *, extended: bool = False) -> tuple[str, ...]:
        """The regions in which digits may be a number; in all others they are none.

        Args:
            digits: of the number, ASCII.
            extended: an extension stands behind it.
        """
        alike = self._extended if extended else self._plain
        found: tuple[str, ...] = ()
        for is_like, regions in alike.begun(digits[:_FIRST], len(digits)):
            if is_like(digits):
                found += regions
        return found


class _Alike:
    """Regions by their outlines.

    Attributes:
        begun: outlines, with their regions, that so many digits with such a beginning may have; what comes of a
            beginning is remembered, which says little about any number.
    """

    def __init__(self, outlines: Mapping[str, str]) -> None:
        alike: dict[str, list[str]] = {}
        for region, outline in outlines.items():
            alike.setdefault(_CATCHING.sub("(?:", outline), []).append(region)
        self._alike = [
            (_whole(outline), _whole(outline.replace(_OPEN, "")), tuple(regions))
            for outline, regions in alike.items()
        ]
        self.begun = lru_cache(_BEGINNINGS)(self._begun)

    def _begun(self, first: str, length: int) -> list[tuple[_Look, tuple[str, ...]]]:
        shown = first + _OPEN * (length - len(first))
        return [(exactly, regions) for openly, exactly, regions in self._alike if openly(shown)]


def _extended(region: str) -> str:
    """An expression for a number with an extension, in which a national prefix may seem to go on."""
    if _is_rewritten(region):
        return _ANY
    plan, prefix, number = plan_of(region), _prefix(region), _number(region)
    return rf"(?:{_open(plan.code)})?(?:{prefix}){{0,2}}(?:{number}){_abroad(plan)}"


def _outline(region: str) -> str:
    """An expression for a number without one: behind a prefix, without prefix where that may be, or abroad."""
    if _is_rewritten(region):
        return _ANY
    plan, plans = plan_of(region), plans_of(plan_of(region).code)
    prefix, number = _prefix(region), _number(region)
    begun = rf"(?:{_open(plan.code)}|(?={prefix}))(?:{prefix}){{0,2}}(?:{number})"
    bare = rf"(?={_lengths(plans)})(?=(?:{number})\Z){_free(plans[0])}{_ANY}"
    return f"{begun}|{bare}{_abroad(plan)}"


def _is_rewritten(region: str) -> bool:
    """Whether prefixes are rewritten, so that any digits may be a number."""
    plan = plan_of(region)
    rules = [item.metadata.national_prefix_transform_rule for item in (plan, plans_of(plan.code)[0])]
    return any(rule not in (None, "", _KEPT) for rule in rules)


def _prefix(region: str) -> str:
    """National prefixes, also those of the main region of the calling code."""
    plan = plan_of(region)
    found = {item.prefix.pattern: None for item in (plan, plans_of(plan.code)[0]) if item.prefix is not None}
    return _open("|".join(f"(?:{pattern.replace(_CAUGHT, '')})" for pattern in found) or _NOTHING)


def _number(region: str) -> str:
    """The numbers of some type in any region of the calling code."""
    kinds = {kind for item in plans_of(plan_of(region).code) for kind in item.kinds}
    return _open("|".join(sorted(kinds)) or _NOTHING)


def _abroad(plan: Plan) -> str:
    """An alternative for digits behind an international prefix."""
    return rf"|(?:{_open(plan.abroad.pattern)}){_ANY}" if plan.abroad is not None else ""


def _lengths(plans: Sequence[Plan]) -> str:
    """As many digits as numbers of some regions have."""
    lengths = [item.metadata.general_desc.possible_length for item in plans]
    if not all(lengths):
        return _ANY
    every = enumerate(sorted({length for some in lengths for length in some}))
    runs = [[length for _, length in run] for _, run in groupby(every, lambda item: item[1] - item[0])]
    return "|".join(rf"{_ONE}{{{run[0]},{run[-1]}}}\Z" for run in runs)


def _free(plan: Plan) -> str:
    """Stands before numbers that are written without national prefix too: :meth:`Plan.needs_prefix` as expression."""
    free = ""
    for pattern, needs in reversed(plan.formats):
        if needs:
            free = f"(?!{_DIGITS.sub(_surely, pattern.pattern)}){free}"
        else:
            free = f"(?:(?={_open(pattern.pattern)})|{free})"
    return free


def _open(pattern: str) -> str:
    """A pattern that takes an open digit for any that it wants."""
    return _DIGITS.sub(_perhaps, pattern)


def _perhaps(match: re.Match[str]) -> str:
    return match["other"] or f"[{match['some'] or match['one']}{_OPEN}]"


def _surely(match: re.Match[str]) -> str:
    """An open digit is taken only where any digit is."""
    return _ONE if match["one"] == r"\d" else match.group()


def _whole(outline: str) -> _Look:
    return re.compile(outline, re.ASCII).fullmatch


_Look = Callable[[str], Any]

_OPEN: Final = "#"
"""Stands for a digit that is not known yet."""

_ONE: Final = rf"[\d{_OPEN}]"
_ANY: Final = f"{_ONE}*"
_NOTHING: Final = "(?!)"

_DIGITS: Final = re.compile(r"(?P<other>\{[^}]*\})|\[(?P<some>[^]^]+)\]|(?P<one>\\d|\d)")
"""What takes a digit in the library's patterns, and numbers that are none of it."""

_FIRST: Final = 3
"""Digits that are a beginning."""

_BEGINNINGS: Final = 4096
"""Beginnings that are remembered."""

_CATCHING: Final = re.compile(r"(?<!\\)\((?!\?)")
"""Begins a group that catches what it matches."""

_KEPT: Final = r"\2"
_CAUGHT: Final = r"(\d{10,11})"
"""Digits that Brazil's prefix takes in, behind a carrier code, and that its rule gives back."""
