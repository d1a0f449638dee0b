"""Whether digits are a telephone number of a region: python-phonenumbers' ``parse`` and ``is_valid_number``.

For what is written in ASCII digits and punctuation alone, their answer depends on the digits only. Here the same
steps are taken on the digits, with that library's metadata and each expression compiled once. Tests hold the two
together over all regions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
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


def is_national(digits: str, region: str, extension: str = "") -> bool:
    """Whether digits are a valid number, written in a region, with its national prefix where that is required.

    Args:
        digits: of the number.
        region: where it is written.
        extension: digits of the extension behind it; they count where a national prefix is looked for.
    """
    plan = plan_of(region)
    if abroad := _after_prefix(digits, plan):
        return is_international(abroad) is True
    if digits.startswith(plan.code):
        rest, _ = _stripped(digits[len(plan.code) :], plan)
        if (not plan.is_possible(digits) and plan.is_possible(rest)) or plan.is_too_long(digits):
            return _is_valid(rest, plans_of(plan.code)[0])
    number = _significant(digits, plan)
    if number is None:
        return False
    main = plans_of(plan.code)[0]
    if main.needs_prefix(number) and not _stripped(digits + extension, main)[1]:
        return False
    return _is_known(number, plan.code)


def is_international(digits: str) -> bool | None:
    """Whether digits behind a plus are a valid number; None when they begin with no calling code."""
    for length in range(1, 4):
        code = digits[:length]
        if code[0] != "0" and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return len(digits) > _LEAST and _is_valid(digits[length:], plans_of(code)[0])
    return None


def _is_valid(digits: str, plan: Plan) -> bool:
    number = _significant(digits, plan)
    return number is not None and _is_known(number, plan.code)


def _significant(digits: str, plan: Plan) -> str | None:
    """The national significant number, if it has a possible length."""
    if len(digits) < _LEAST:
        return None
    rest, stripped = _stripped(digits, plan)
    if stripped and phonenumberutil._test_number_length(rest, plan.metadata) not in _TOO_SHORT:
        digits = rest
    return digits if _LEAST <= len(digits) <= _MOST else None


def _stripped(digits: str, plan: Plan) -> tuple[str, bool]:
    """Digits without their national prefix, and whether they had one."""
    if plan.prefix is None or not plan.prefix.match(digits):
        return digits, False
    _, rest, found = phonenumberutil._maybe_strip_national_prefix_carrier_code(digits, plan.metadata)
    return rest, found


def _after_prefix(digits: str, plan: Plan) -> str:
    """What follows an international prefix; empty when there is none."""
    match = plan.abroad.match(digits) if plan.abroad is not None else None
    if match is None or digits[match.end() : match.end() + 1] == "0":
        return ""
    return digits[match.end() :] or "0"


def _is_known(number: str, code: str) -> bool:
    """Whether a number is of some type in the region of its calling code that it belongs to."""
    plans = plans_of(code)
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
class Plan:
    """A region's numbers, compiled.

    Attributes:
        metadata: python-phonenumbers' own.
        code: calling code.
        prefix: national prefix.
        abroad: international prefix.
        leading: begins the region's numbers, where it shares its calling code.
        general: matches every number.
        typed: matches the numbers of some type, each of a length that the type has.
        kinds: patterns of the types.
        formats: patterns of whole numbers, in order, and whether the national prefix must be written.
    """

    metadata: Any
    code: str
    prefix: re.Pattern[str] | None
    abroad: re.Pattern[str] | None
    leading: re.Pattern[str] | None
    general: re.Pattern[str]
    typed: re.Pattern[str]
    kinds: tuple[str, ...]
    formats: tuple[tuple[re.Pattern[str], bool], ...]

    def has(self, number: str) -> bool:
        """Whether a national significant number is of some type."""
        if not self.typed.match(number):
            return False
        lengths = self.metadata.general_desc.possible_length
        return (not lengths or len(number) in lengths) and self.is_possible(number)

    def is_possible(self, number: str) -> bool:
        """Whether it matches the general description."""
        return self.general.fullmatch(number) is not None

    def is_too_long(self, number: str) -> bool:
        """Whether it has more digits than any number of the region."""
        found = phonenumberutil._test_number_length(number, self.metadata)
        return bool(found == phonenumberutil.ValidationResult.TOO_LONG)

    def needs_prefix(self, number: str) -> bool:
        """Whether a number is written with the national prefix only."""
        for pattern, needs in self.formats:
            if pattern.match(number):
                return needs
        return False


@cache
def plans_of(code: str) -> tuple[Plan, ...]:
    """The regions of a calling code, the main one first."""
    return tuple(
        _compiled(PhoneMetadata.metadata_for_region_or_calling_code(int(code), region))
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
    )


@cache
def plan_of(region: str) -> Plan:
    """A region's numbers."""
    return _compiled(PhoneMetadata.metadata_for_region(region))


def _compiled(metadata: Any) -> Plan:
    kinds = [kind for name in _KINDS if (kind := getattr(metadata, name)) is not None]
    known = [kind for kind in kinds if kind.national_number_pattern]
    return Plan(
        metadata=metadata,
        code=str(metadata.country_code),
        prefix=_pattern(metadata.national_prefix_for_parsing),
        abroad=_pattern(metadata.international_prefix),
        leading=_pattern(metadata.leading_digits),
        general=re.compile(metadata.general_desc.national_number_pattern or "(?!)"),
        typed=re.compile("|".join(map(_typed, known)) or "(?!)"),
        kinds=tuple(kind.national_number_pattern for kind in known),
        formats=tuple(
            (re.compile("|".join(map(_format, alike))), needs)
            for needs, alike in groupby(metadata.number_format, _needs_prefix)
        ),
    )


def _typed(kind: Any) -> str:
    """An expression for the whole numbers of a type; no lengths mean those of the general description."""
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in kind.possible_length)
    ahead = f"(?={lengths})" if lengths else ""
    return rf"{ahead}(?:{kind.national_number_pattern})\Z"


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None


def _format(written: Any) -> str:
    leading = written.leading_digits_pattern
    return rf"(?={leading[-1] if leading else ''})(?:{written.pattern})\Z"


def _needs_prefix(written: Any) -> bool:
    rule = written.national_prefix_formatting_rule
    free = not rule or written.national_prefix_optional_when_formatting
    return not free and not phonenumberutil._formatting_rule_has_first_group_only(rule)
