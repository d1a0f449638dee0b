"""Choices that follow from a seed, so that every replica makes the same fake for the same value."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

DIGITS: Final = "0123456789"
SAFE: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Lower-case letters and digits that nobody takes for one another."""


class Choices:
    """A stream of choices.

    Args:
        seed: secret; nobody without it can tell which value a fake was made for.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1."""
        self._drawn += 1
        block = hashlib.blake2b(self._drawn.to_bytes(8, "big"), key=self._seed, digest_size=16).digest()
        return int.from_bytes(block, "big") % limit

    def one_of(self, items: Sequence[T]) -> T:
        """One of some things."""
        return items[self.below(len(items))]

    def text(self, length: int, alphabet: str = DIGITS) -> str:
        """Characters of an alphabet, each chosen by itself."""
        return "".join(self.one_of(alphabet) for _ in range(length))


def relaid(value: str, symbols: str) -> str | None:
    """``symbols`` in place of the letters and digits of ``value``, separators kept; None if there are more or fewer."""
    places = [index for index, char in enumerate(value) if char.isalnum()]
    if len(places) != len(symbols):
        return None
    made = list(value)
    for index, symbol in zip(places, symbols, strict=True):
        made[index] = symbol
    return "".join(made)


def symbols_of(value: str) -> str:
    """The letters and digits of a value."""
    return "".join(char for char in value if char.isalnum())
