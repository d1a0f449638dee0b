"""Which labels have fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from runtime_guard.tokens.fakes import network, numbers, people, phones
from runtime_guard.tokens.fakes.choices import Choices

TRIES: Final = 16
"""Fakes that are tried for one value before it gets a name instead."""

MAX_FAKE: Final = 64
"""Characters of a fake."""

MAKERS: Final[Mapping[str, Callable[[str, Choices], str | None]]] = {
    "CREDIT_CARD": numbers.credit_card,
    "CRYPTO": network.crypto,
    "EMAIL_ADDRESS": network.email,
    "IBAN_CODE": numbers.iban,
    "IP_ADDRESS": network.ip,
    "MAC_ADDRESS": network.mac,
    "PERSON": people.person,
    "PHONE_NUMBER": phones.phone,
    "UK_NHS": numbers.uk_nhs,
    "URL": network.url,
    "US_ITIN": numbers.us_itin,
    "US_SSN": numbers.us_ssn,
    "UUID": network.uuid,
}


def fake(label: str, value: str, choices: Choices) -> str | None:
    """Something of the shape of a value that is nobody's; None where no such thing is known."""
    maker = MAKERS.get(label)
    made = maker(value, choices) if maker else None
    fits = (
        made is not None and len(made) <= MAX_FAKE and made.isascii() and made.casefold() != value.casefold()
    )
    return made if fits else None
