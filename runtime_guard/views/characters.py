"""Characters that only look different: compatibility forms, look-alikes, accents piled up, invisible and control ones.

NFKC (UAX #15), confusables (UTS #39, the table of the package confusable-homoglyphs), tag characters read as the ASCII
they hide.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from runtime_guard.views.view import Piece

CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Control characters of ASCII but tab and the ends of lines: nobody sees them, and a model reads past them."""

_NOT_PLAIN: Final = re.compile(rf"{CONTROL.pattern}|[^\x00-\x7f]")
_WORD: Final = re.compile(r"\w+")
_TAGS: Final = range(0xE0020, 0xE007F)
_PHONETIC: Final = (range(0x250, 0x2B0), range(0x1D00, 0x1D80), range(0xA720, 0xA800))
_SMALL_CAPITAL: Final = re.compile("LATIN LETTER SMALL CAPITAL ([A-Z])")
_KNOWN: Final = 8192
"""Characters whose plain form is remembered."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Mn", "Me", "Cs"})
_LETTERS: Final = (range(0x1F150, 0x1F16A), range(0x1F170, 0x1F18A), range(0x1F1E6, 0x1F200))
"""A to Z as negative circled, negative squared and regional indicator letters, which have no compatibility form."""


def plain_characters(text: str) -> Iterator[Piece]:
    """Each character that has a plainer form, shown as that; invisible ones left out."""
    latin = _look_alike_words(text)
    for match in _NOT_PLAIN.finditer(text):
        at, char = match.start(), match.group()
        shown = _plain(char, at in latin)
        if "\U000e0020" <= char <= "\U000e007e" and (at == 0 or ord(text[at - 1]) not in _TAGS):
            shown = f" {shown}"  # what is hidden does not continue the word before it
        if shown != char:
            yield Piece(at, at + 1, shown)


@lru_cache(_KNOWN)
def _plain(char: str, look_alike: bool) -> str:
    if ord(char) in _TAGS:
        return chr(ord(char) - 0xE0000)
    for letters in _LETTERS:
        if ord(char) in letters:
            return chr(ord("A") + ord(char) - letters.start)
    shown = "".join(
        part
        for part in unicodedata.normalize("NFKD", char)
        if unicodedata.category(part) not in _INVISIBLE or part == "\n"
    )
    if look_alike:
        shown = "".join(look_alikes().get(part, part) for part in shown)
    return unicodedata.normalize("NFC", shown)


def _look_alike_words(text: str) -> set[int]:
    """Places in words that can be read as Latin letters throughout: those are what a reader sees."""
    found: set[int] = set()
    if text.isascii():
        return found
    for match in _WORD.finditer(text):
        word = match.group()
        if not word.isascii() and all(map(_reads_as_latin, word)):
            found.update(range(*match.span()))
    return found


@lru_cache(_KNOWN)
def _reads_as_latin(char: str) -> bool:
    base = unicodedata.normalize("NFKD", char)[:1]
    return char.isascii() or base in look_alikes() or (base.isascii() and base.isalnum())


@cache
def look_alikes() -> dict[str, str]:
    """Characters to the ASCII letter or digit they look like: by UTS #39's table, and small capitals."""
    table = json.loads(
        files("confusable_homoglyphs").joinpath("confusables.json").read_text(encoding="utf-8")
    )
    found: dict[str, str] = {}
    for char, alike in table.items():
        if len(char) != 1 or char.isascii():
            continue
        plain = [item["c"] for item in alike if item["c"].isascii() and item["c"].isalnum()]
        if plain and len(plain[0]) == 1:
            found[char] = plain[0]
    return {**_small_capitals(), **found}


def _small_capitals() -> dict[str, str]:
    """Small capitals of phonetic alphabets, which UTS #39's table leaves out, by their names."""
    chars = [chr(code) for block in _PHONETIC for code in block]
    named = ((char, _SMALL_CAPITAL.fullmatch(unicodedata.name(char, ""))) for char in chars)
    return {char: match[1].lower() for char, match in named if match}
