"""When two values are the same: white space always folded, case where it means nothing."""

from __future__ import annotations

import unicodedata
from typing import Final

FOLDED: Final = frozenset(
    {"PERSON", "EMAIL_ADDRESS", "LOCATION", "ORGANIZATION", "NRP", "IBAN_CODE", "DATE_TIME"}
    | {"IP_ADDRESS", "MAC_ADDRESS", "UUID", "AGE"}
)
"""Labels whose values are the same in any case. A plugin's labels are not among them: its ids may differ by case."""


def normal(label: str, value: str) -> str:
    """The form in which values are compared."""
    text = " ".join(unicodedata.normalize("NFC", value).split())
    return text.casefold() if label in FOLDED else text
