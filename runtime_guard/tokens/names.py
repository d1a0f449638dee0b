"""Surrogates that say what they are: ``<PERSON_1>``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

MAX_NUMBER: Final = 999_999
_NAME: Final = re.compile(r"<([^<>\n]{1,128})_([1-9][0-9]{0,5})>")


def name_of(label: str, number: int) -> str:
    """The surrogate for the value with this number among those of its label."""
    return f"<{label}_{number}>"


def is_name(surrogate: str) -> bool:
    """Whether a surrogate is a name, not a fake."""
    return _NAME.fullmatch(surrogate) is not None


def standing(text: str, labels: Collection[str]) -> Iterator[re.Match[str]]:
    """Where a text holds what is, or looks like, a surrogate for one of the labels."""
    return (match for match in _NAME.finditer(text) if match[1] in labels)
