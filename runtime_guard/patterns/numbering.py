"""Whether digits are a telephone number of a region: python-phonenumbers' ``parse`` and ``is_valid_number``.

For what is written in ASCII digits and punctuation alone, their answer depends on the digits only. Here the same
steps are taken on the digits, with that library's metadata and each expression compiled once. Tests hold the two
together over all regions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import phonenumbers
from phonenumbers import phonenumberutil
from phonenumbers.phonemetadata import PhoneMetadata

_LEAST: Final = phonenumberutil._MIN_LENGTH_FOR_NSN
_MOST: Final = phonenumberutil._MAX_LENGTH_FOR_NSN
_TOO_SHORT: Final = frozenset(
    {
        phonenumberutil.ValidationResult.TOO_SHORT,
        phonenumberutil.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
        phonenumberutil.ValidationResult.INVALID_LENGTH,
    }
)
_KINDS: Final = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail", "fixed_line",
    "mobile",
)  # fmt: skip


def is_national(digits: str, region: str) -> bool:
    """Whether digits are a valid number, written in a region, with its national prefix where that is required."""
    if not may_be_national((region,)).fullmatch(digits):
        return False
    plan = _plan(region)
    if abroad := _after_prefix(digits, plan):
        return is_international(abroad) is True
    if digits.startswith(plan.code):
        rest, _ = _stripped(digits[len(plan.code) :], plan)
        if (not plan.is_possible(digits) and plan.is_possible(rest)) or plan.is_too_long(digits):
            return _is_valid(rest, _plans(plan.code)[0])
    number = _significant(digits, plan)
    if number is None or not _is_known(number, plan.code):
        return False
    main = _plans(plan.code)[0]
    return not main.needs_prefix(number) or _stripped(digits, main)[1]


@cache
def may_be_national(regions: tuple[str, ...]) -> re.Pattern[str]:
    """Matches all digits that are a number in one of some regions, and some that are not."""
    return re.compile("|".join(sorted(set(map(_outline, regions)))))


def is_international(digits: str) -> bool | None:
    """Whether digits behind a plus are a valid number; None when they begin with no calling code."""
    for length in range(1, 4):
        code = digits[:length]
        if code[0] != "0" and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return len(digits) > _LEAST and _is_valid(digits[length:], _plans(code)[0])
    return None


def _is_valid(digits: str, plan: _Plan) -> bool:
    number = _significant(digits, plan)
    return number is not None and _is_known(number, plan.code)


def _significant(digits: str, plan: _Plan) -> str | None:
    """The national significant number, if it has a possible length."""
    if len(digits) < _LEAST:
        return None
    rest, stripped = _stripped(digits, plan)
    if stripped and phonenumberutil._test_number_length(rest, plan.metadata) not in _TOO_SHORT:
        digits = rest
    return digits if _LEAST <= len(digits) <= _MOST else None


def _stripped(digits: str, plan: _Plan) -> tuple[str, bool]:
    """Digits without their national prefix, and whether they had one."""
    if plan.prefix is None or not plan.prefix.match(digits):
        return digits, False
    _, rest, found = phonenumberutil._maybe_strip_national_prefix_carrier_code(digits, plan.metadata)
    return rest, found


def _after_prefix(digits: str, plan: _Plan) -> str:
    """What follows an international prefix; empty when there is none."""
    match = plan.abroad.match(digits) if plan.abroad is not None else None
    if match is None or digits[match.end() : match.end() + 1] == "0":
        return ""
    return digits[match.end() :] or "0"


def _is_known(number: str, code: str) -> bool:
    """Whether a number is of some type in the region of its calling code that it belongs to."""
    plans = _plans(code)
    if len(plans) == 1:
        return plans[0].has(number)
    for plan in plans:
        if plan.leading is not None:
            if plan.leading.match(number):
                return plan.has(number)
        elif plan.has(number):
            return True
    return False


@dataclass(frozen=True)
class _Plan:
    """A region's numbers, compiled.

    Attributes:
        metadata: python-phonenumbers' own.
        code: calling code.
        prefix: national prefix.
        abroad: international prefix.
        leading: begins the region's numbers, where it shares its calling code.
        general: matches every number.
        some: matches every number of some type.
        kinds: lengths and pattern of each type; no lengths mean those of the general description.
        formats: each with its leading digits, its pattern, and whether the national prefix must be written.
    """

    metadata: Any
    code: str
    prefix: re.Pattern[str] | None
    abroad: re.Pattern[str] | None
    leading: re.Pattern[str] | None
    general: re.Pattern[str]
    some: re.Pattern[str]
    kinds: tuple[tuple[frozenset[int], re.Pattern[str]], ...]
    formats: tuple[tuple[re.Pattern[str], re.Pattern[str], bool], ...]

    def has(self, number: str) -> bool:
        """Whether a national significant number is of some type."""
        if not self.some.fullmatch(number):
            return False
        lengths = self.metadata.general_desc.possible_length
        if (lengths and len(number) not in lengths) or not self.is_possible(number):
            return False
        return any((not own or len(number) in own) and kind.fullmatch(number) for own, kind in self.kinds)

    def is_possible(self, number: str) -> bool:
        """Whether it matches the general description."""
        return self.general.fullmatch(number) is not None

    def is_too_long(self, number: str) -> bool:
        """Whether it has more digits than any number of the region."""
        found = phonenumberutil._test_number_length(number, self.metadata)
        return bool(found == phonenumberutil.ValidationResult.TOO_LONG)

    def needs_prefix(self, number: str) -> bool:
        """Whether a number is written with the national prefix only."""
        for leading, pattern, needs in self.formats:
            if leading.match(number) and pattern.fullmatch(number):
                return needs
        return False


def _outline(region: str) -> str:
    """An expression for a number, with what may stand before it; for any digits, where prefixes are rewritten."""
    plan = _plan(region)
    plans = _plans(plan.code)
    if any(
        item.metadata.national_prefix_transform_rule not in (None, "", _KEPT) for item in (plan, plans[0])
    ):
        return r"\d*"
    prefix = "|".join(
        f"(?:{item.prefix.pattern.replace(_CAUGHT, '')})"
        for item in (plan, plans[0])
        if item.prefix is not None
    )
    number = "|".join(sorted({kind.pattern for item in plans for _, kind in item.kinds}))
    abroad = rf"|(?:{plan.abroad.pattern})\d*" if plan.abroad is not None else ""
    return rf"(?:{plan.code})?(?:{prefix or '(?!)'}){{0,2}}(?:{number or '(?!)'}){abroad}"


_KEPT: Final = r"\2"
_CAUGHT: Final = r"(\d{10,11})"
"""Digits that Brazil's prefix takes in, behind a carrier code, and that its rule gives back."""


@cache
def _plans(code: str) -> tuple[_Plan, ...]:
    """The regions of a calling code, the main one first."""
    return tuple(
        _compiled(PhoneMetadata.metadata_for_region_or_calling_code(int(code), region))
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
    )


@cache
def _plan(region: str) -> _Plan:
    return _compiled(PhoneMetadata.metadata_for_region(region))


def _compiled(metadata: Any) -> _Plan:
    kinds = [kind for name in _KINDS if (kind := getattr(metadata, name)) is not None]
    known = [kind for kind in kinds if kind.national_number_pattern]
    return _Plan(
        metadata=metadata,
        code=str(metadata.country_code),
        prefix=_pattern(metadata.national_prefix_for_parsing),
        abroad=_pattern(metadata.international_prefix),
        leading=_pattern(metadata.leading_digits),
        general=re.compile(metadata.general_desc.national_number_pattern or "(?!)"),
        some=re.compile("|".join(f"(?:{kind.national_number_pattern})" for kind in known) or "(?!)"),
        kinds=tuple(
            (frozenset(kind.possible_length), re.compile(kind.national_number_pattern)) for kind in known
        ),
        formats=tuple(map(_format, metadata.number_format)),
    )


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None


def _format(written: Any) -> tuple[re.Pattern[str], re.Pattern[str], bool]:
    rule = written.national_prefix_formatting_rule
    free = not rule or written.national_prefix_optional_when_formatting
    leading = written.leading_digits_pattern
    return (
        re.compile(leading[-1] if leading else ""),
        re.compile(written.pattern),
        not free and not phonenumberutil._formatting_rule_has_first_group_only(rule),
    )
