"""Numbers with check digits, in ranges that are published as test data, or were never issued."""

from __future__ import annotations

from typing import Final

from runtime_guard.tokens.fakes.choices import DIGITS, Choices, relaid, symbols_of

_CARDS: Final = {"3": "378282", "4": "400000", "5": "555555", "6": "601111"}
"""Beginnings of the test numbers that payment processors publish, by the brand's first digit."""

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def credit_card(value: str, choices: Choices) -> str | None:
    """A test number of the same brand, right by ISO/IEC 7812-1's check digit, grouped the same way."""
    old = symbols_of(value)
    begins = _CARDS.get(old[:1], _CARDS["4"])
    if not old.isdigit() or not 13 <= len(old) <= 19:
        return None
    body = begins + choices.text(len(old) - len(begins) - 1)
    return relaid(value, body + _luhn(body))


def iban(value: str, choices: Choices) -> str | None:
    """Right by ISO 13616's check digits, of the same country and length, at a bank that cannot exist: its code is 0."""
    old = symbols_of(value).upper()
    country, account = old[:2], old[4:]
    if not (country.isalpha() and old.isascii() and old[2:4].isdigit() and len(account) >= 11):
        return None
    bank = 8 if len(account) >= 16 else 4
    made = "".join(_like(char, position < bank, choices) for position, char in enumerate(account))
    check = 98 - _mod97(made + country + "00")
    return relaid(value, f"{country}{check:02}{made}")


def us_ssn(value: str, choices: Choices) -> str | None:
    """Area 666, which the Social Security Administration never issues."""
    return relaid(value, f"666{1 + choices.below(99):02}{1 + choices.below(9999):04}")


def us_itin(value: str, choices: Choices) -> str | None:
    """Group 93, which the Internal Revenue Service does not use for them."""
    return relaid(value, f"9{choices.text(2)}93{choices.text(4)}")


def uk_nhs(value: str, choices: Choices) -> str | None:
    """Beginning with 999, which the NHS keeps for tests; with its check digit (modulus 11)."""
    for _ in range(16):
        body = "999" + choices.text(6)
        check = (
            11 - sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
        )
        if check != 10:
            return relaid(value, f"{body}{check % 11}")
    return None


def _luhn(body: str) -> str:
    doubled = [int(digit) * (2 - position % 2) for position, digit in enumerate(reversed(body))]
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def _like(char: str, bank: bool, choices: Choices) -> str:
    if char.isdigit():
        return "0" if bank else choices.one_of(DIGITS)
    return "X" if bank else choices.one_of(_LETTERS)


def _mod97(text: str) -> int:
    return int("".join(str(int(char, 36)) for char in text)) % 97
