"""In which of some regions digits may be a telephone number, told by one look: most may be one in none of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from runtime_guard.patterns.numbering import Plan, plan_of, plans_of


class Outlines:
    """What numbers look like in some regions: one expression for all, and one for those with an extension.

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
            digits: of the number.
            extended: an extension stands behind it.
        """
        alike = self._extended if extended else self._plain
        match: Any = alike.expression.match(digits)
        return alike.named(match.groups())


class _Alike:
    """Regions by their outlines.

    Attributes:
        expression: tries each outline once and never fails.
        named: the regions, from its groups.
    """

    def __init__(self, outlines: Mapping[str, str]) -> None:
        alike: dict[str, list[str]] = {}
        for region, outline in outlines.items():
            alike.setdefault(_CATCHING.sub("(?:", outline), []).append(region)
        self._alike = list(alike.values())
        self.expression = re.compile("".join(rf"(?:(?=(?:{outline})\Z)())?" for outline in alike))
        self.named = lru_cache(_COMBINATIONS)(self._names)

    def _names(self, groups: tuple[str | None, ...]) -> tuple[str, ...]:
        found = zip(groups, self._alike, strict=True)
        return tuple(region for group, alike in found if group is not None for region in alike)


def _extended(region: str) -> str:
    """An expression for a number with an extension, in which a national prefix may seem to go on."""
    if _is_rewritten(region):
        return _ANY
    plan, prefix = plan_of(region), "|".join(_prefixes(region)) or "(?!)"
    number = "|".join(_kinds(region)) or "(?!)"
    return rf"(?:{plan.code})?(?:{prefix}){{0,2}}(?:{number}){_abroad(plan)}"


def _outline(region: str) -> str:
    """An expression for a number without one: behind a prefix, without prefix where that may be, or abroad."""
    if _is_rewritten(region):
        return _ANY
    plan, plans = plan_of(region), plans_of(plan_of(region).code)
    prefix, number = "|".join(_prefixes(region)) or "(?!)", "|".join(_kinds(region)) or "(?!)"
    begun = rf"(?:{plan.code}|(?={prefix}))(?:{prefix}){{0,2}}(?:{number})"
    bare = rf"(?={_lengths(plans)})(?=(?:{number})\Z){_free(plans[0])}\d*"
    return f"{begun}|{bare}{_abroad(plan)}"


def _is_rewritten(region: str) -> bool:
    """Whether prefixes are rewritten, so that any digits may be a number."""
    plan = plan_of(region)
    rules = [item.metadata.national_prefix_transform_rule for item in (plan, plans_of(plan.code)[0])]
    return any(rule not in (None, "", _KEPT) for rule in rules)


def _prefixes(region: str) -> list[str]:
    """National prefixes, also those of the main region of the calling code."""
    plan = plan_of(region)
    found = {item.prefix.pattern: None for item in (plan, plans_of(plan.code)[0]) if item.prefix is not None}
    return [f"(?:{pattern.replace(_CAUGHT, '')})" for pattern in found]


def _kinds(region: str) -> list[str]:
    """Patterns of the numbers of some type in any region of the calling code."""
    return sorted({kind for item in plans_of(plan_of(region).code) for kind in item.kinds})


def _abroad(plan: Plan) -> str:
    """An alternative for digits behind an international prefix."""
    return rf"|(?:{plan.abroad.pattern})\d*" if plan.abroad is not None else ""


def _lengths(plans: Sequence[Plan]) -> str:
    """As many digits as numbers of some regions have."""
    lengths = [item.metadata.general_desc.possible_length for item in plans]
    if not all(lengths):
        return _ANY
    every = enumerate(sorted({length for some in lengths for length in some}))
    runs = [[length for _, length in run] for _, run in groupby(every, lambda item: item[1] - item[0])]
    return "|".join(rf"\d{{{run[0]},{run[-1]}}}\Z" for run in runs)


def _free(plan: Plan) -> str:
    """Stands before numbers that are written without national prefix too: :meth:`Plan.needs_prefix` as expression."""
    free = ""
    for pattern, needs in reversed(plan.formats):
        free = f"(?!{pattern.pattern}){free}" if needs else f"(?:(?={pattern.pattern})|{free})"
    return free


_ANY: Final = r"\d*"
"""Any digits."""

_COMBINATIONS: Final = 1024
"""Sets of regions that are remembered."""

_CATCHING: Final = re.compile(r"(?<!\\)\((?!\?)")
"""Begins a group that catches what it matches."""

_KEPT: Final = r"\2"
_CAUGHT: Final = r"(\d{10,11})"
"""Digits that Brazil's prefix takes in, behind a carrier code, and that its rule gives back."""
