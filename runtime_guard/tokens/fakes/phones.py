"""Telephone numbers that regulators keep for films and books; where none are known, there is no fake.

North America: 555-0100 to 0199 of every area. United Kingdom: Ofcom's numbers for drama. France: ARCEP's, decision
2018-0881. Germany: Bundesnetzagentur's numbers for media productions. Australia: ACMA's 5550.
"""

from __future__ import annotations

from typing import Final

from runtime_guard.tokens.fakes.choices import Choices, relaid, symbols_of

_AREAS: Final = (
    "202",
    "206",
    "213",
    "215",
    "303",
    "305",
    "312",
    "404",
    "415",
    "503",
    "512",
    "602",
    "617",
    "702",
    "713",
    "808",
)
_PLANS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "44": (("7700900", "1632960"), 10),
    "33": (("63998", "19900", "26191", "35301", "46571", "53649"), 9),
    "49": (("3023125", "6990009", "4066969", "2214710", "8999998"), 10),
    "61": (("25550", "35550", "75550", "85550"), 9),
}
"""By calling code: how such numbers begin, and how many digits they have without the code."""

_MOBILE: Final = {"44": "7", "33": "6"}
"""Calling codes whose first beginning is a mobile one, for numbers that begin so."""


def phone(value: str, choices: Choices) -> str | None:
    """A number of the same country and layout that rings nowhere."""
    digits = symbols_of(value)
    if not digits.isdigit() or not digits.isascii():
        return None
    if not value.lstrip("( ").startswith("+"):
        return _american(value, digits, choices)
    if digits.startswith("1"):
        return _american(value, digits, choices) if len(digits) == 11 else None
    for code, (beginnings, length) in _PLANS.items():
        if digits.startswith(code) and len(digits) == len(code) + length:
            begins = _beginning(code, digits[len(code) :], beginnings, choices)
            return relaid(value, code + begins + choices.text(length - len(begins)))
    return None


def _american(value: str, digits: str, choices: Choices) -> str | None:
    code, national = ("1", digits[1:]) if len(digits) == 11 and digits[0] == "1" else ("", digits)
    if len(national) != 10 or national[0] in "01" or national[3] in "01":
        return None
    return relaid(value, f"{code}{choices.one_of(_AREAS)}55501{choices.text(2)}")


def _beginning(code: str, national: str, beginnings: tuple[str, ...], choices: Choices) -> str:
    mobile = _MOBILE.get(code)
    if mobile is None:
        return choices.one_of(beginnings)
    return beginnings[0] if national.startswith(mobile) else choices.one_of(beginnings[1:])
