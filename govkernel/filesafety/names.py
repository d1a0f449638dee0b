"""Sets of names, written as one reads them."""

from __future__ import annotations


def names(*lines: str) -> frozenset[str]:
    """The words of some lines."""
    return frozenset(word for line in lines for word in line.split())
