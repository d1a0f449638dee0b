"""Texts that are written so that a name would stand out, and in which none does: there is nothing in them to tag.

Where sentences begin with a capital and most words do without, an ordinary word in lower case is hardly ever a name.
What is left to doubt are capitals, numbers, the words that dates and ages are made of, and words that were never met;
which are harmless is learned from what the encoder finds (`runtime_guard/training/plain.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from govkernel.domain import strict_json

LONGEST: Final = 4000
"""Characters of a text that can be plain; a longer one names somebody sooner or later."""

BEGINS: Final = "^"
"""Stands before a word with a capital with which a sentence begins."""

_QUOTES: Final = str.maketrans("’‘“”–—…\u00a0", "''\"\"--. ")
_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|[0-9]+(?:[.,:/-][0-9]+)*")
_DIGITS: Final = str.maketrans("123456789", "000000000")
_OPENING: Final = " \"'(*>-\n"
_CARELESS: Final = re.compile(r"[.!?][\"')\]]*\s+[a-z]")
"""A sentence that begins in lower case."""

_ODD: Final = re.compile(r"[A-Za-z0-9][@#_/\\~=|<>{}]|[@#_/\\~|<>{}$][A-Za-z0-9]")
"""Addresses, paths, code."""

_BREAK: Final = re.compile(r"[.!?:\n]")


@dataclass(frozen=True)
class Plain:
    """Tells plain texts from others.

    Attributes:
        capitals: keys of words with a capital that are no names; see :func:`keys`.
        ordinary: keys of words in lower case, and of numbers, that personal data is hardly ever made of; their
            possessives are as ordinary.
    """

    capitals: frozenset[str] = frozenset()
    ordinary: frozenset[str] = frozenset()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """As it ships.

        Raises:
            KeyError, TypeError, ValueError, InputError: it is something else.
        """
        read: dict[str, Any] = strict_json.loads(content)
        return cls(*(_strings(read[name]) for name in ("capitals", "ordinary")))

    def fits(self, text: str) -> bool:
        """Whether a text is plain; of any length, in time that grows with no more than :data:`LONGEST` of it."""
        if len(text) > LONGEST or (plain := written_plainly(text)) is None:
            return False
        return all(self._harmless(key) for key, _, _ in keys(plain))

    def _harmless(self, key: str) -> bool:
        if not has_capital(key):
            return key.removesuffix("'s") in self.ordinary
        return key in self.capitals or key.lstrip(BEGINS).partition("'")[0] == "I"


def written_plainly(text: str) -> str | None:
    """A text with plain quotes and dashes, character for character; None where names might not stand out in it."""
    plain = text.translate(_QUOTES)
    first = plain.lstrip(_OPENING)[:1]
    if not plain.isascii() or not first.isupper() or _CARELESS.search(plain) or _ODD.search(plain):
        return None
    return plain


def keys(plain: str) -> Iterator[tuple[str, int, int]]:
    """Words and numbers of a text by :func:`written_plainly`, each with its start and end.

    The key of a word is how it is written, :data:`BEGINS` before it where it has a capital and a sentence begins; that
    of a number has a 0 for every digit.
    """
    end = 0
    for match in _WORD.finditer(plain):
        word, start = match.group(), match.start()
        if word[0] <= "9":
            word = word.translate(_DIGITS)
        elif not word.islower() and (not end or _BREAK.search(plain, end, start)):
            word = BEGINS + word
        end = match.end()
        yield word, start, end


def has_capital(key: str) -> bool:
    """Whether a key is that of a word with a capital, wherever in the word: Ann, deVries, o'Brien."""
    return not key.islower() and not key[0].isdigit()


def _strings(read: object) -> frozenset[str]:
    if not isinstance(read, list) or not all(isinstance(item, str) for item in read):
        raise TypeError("a list of strings")
    return frozenset(read)
