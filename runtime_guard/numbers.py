"""Numbers that may say who somebody is, as those of cards and telephones do."""

from __future__ import annotations

from typing import Any, Final, TypeGuard

LONG: Final = 10**8
"""From here on a number is looked at as a text is: nine digits and more may be somebody's."""


def is_long(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number of nine digits or more."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= LONG
