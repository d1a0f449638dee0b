"""Many texts, looked for at a place of another text all at once; ASCII case does not matter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

P = TypeVar("P")

MAX_SKIPS: Final = 2
"""Separators in a row that a walk passes over."""

_END: Final = ""


@dataclass(frozen=True)
class Walk(Generic[P]):
    """What begins at a place.

    Attributes:
        found: ends and payloads of the texts that do, shortest first.
        open: whether the text ended while a longer one could still come.
    """

    found: tuple[tuple[int, P], ...]
    open: bool


@dataclass
class Trie(Generic[P]):
    """A prefix tree.

    Attributes:
        skips: characters that may stand between those of a text without being part of it.
    """

    skips: str = ""
    _root: dict[str, Any] = field(default_factory=dict)

    def add(self, text: str, payload: P) -> None:
        """Add a text; the first of two that are alike stays."""
        node = self._root
        for char in text.lower():
            node = node.setdefault(char, {})
        node.setdefault(_END, payload)

    def begins(self) -> set[str]:
        """Characters that texts begin with, in lower case."""
        return set(self._root)

    def walk(self, text: str, start: int) -> Walk[P]:
        """What begins at ``start``; one step per character, at most as many as the longest text has and skips."""
        node, found, skipped = self._root, [], 0
        for position in range(start, len(text)):
            char = text[position].lower()
            if char in node:
                node, skipped = node[char], 0
                if _END in node:
                    found.append((position + 1, node[_END]))
                if len(node) == (_END in node):
                    return Walk(tuple(found), open=False)
            elif position > start and char in self.skips and skipped < MAX_SKIPS:
                skipped += 1
            else:
                return Walk(tuple(found), open=False)
        return Walk(tuple(found), open=bool(self._root))
