"""Put values back where a text holds their surrogates, whole or as it streams.

Whether a place holds one depends on what stands there and shortly around it, never on how the text arrived; so the
restored text is the same for every chunking. Text is held back only from where it may become a surrogate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from runtime_guard.tokens.entry import Entry
from runtime_guard.tokens.forms import (
    BRACKETS,
    LOOSE,
    SEPARATORS,
    Bracket,
    Form,
    loose_form,
    name_forms,
    other_forms,
    part_forms,
    person_forms,
)
from runtime_guard.tokens.names import is_name
from runtime_guard.tokens.trie import Trie

LOOK_BACK: Final = 8
"""Characters before a place that matter to what it may be."""

_BARE: Final = r"(?:(?<![0-9A-Za-z_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=\\u[0-9A-Fa-f]{4}))"
"""Where a word may begin: after no letter or digit, or after one that ends an encoded character."""

_WORD: Final = re.compile(r"[0-9A-Za-z_]")


@dataclass(frozen=True)
class Match:
    """A surrogate in a text."""

    start: int
    end: int
    form: Form


@dataclass(frozen=True)
class _Tried:
    """What is known about one place: a match, or that more text is needed to know, or neither."""

    match: Match | None = None
    open: bool = False


class Restorer:
    """The surrogates of one exchange that stand for something.

    Args:
        entries: what they stand for.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._names: Trie[Form] = Trie()
        self._words: Trie[Form] = Trie()
        self._digits: Trie[Form] = Trie(SEPARATORS)
        known = {entry.surrogate.casefold(): entry for entry in entries}
        for entry in known.values():
            self._add(entry)
        self._add_parts(list(known.values()))
        self._starts = self._start_pattern()

    def __bool__(self) -> bool:
        """Whether there is anything to restore."""
        return self._starts is not None

    def scan(self, text: str, begin: int = 0, *, final: bool = True) -> tuple[list[Match], int]:
        """Surrogates in a text, leftmost and longest, disjoint.

        Args:
            text: the text, from :data:`LOOK_BACK` characters before ``begin`` if there are as many.
            begin: where to begin.
            final: whether nothing follows.

        Returns:
            The matches, and the place from which on more text is needed to know; the text's length if none.
        """
        found: list[Match] = []
        position = begin
        while self._starts and (start := self._starts.search(text, position)):
            tried = self._try(text, start.start())
            if tried.open and not final:
                return found, start.start()
            position = start.start() + 1
            if tried.match:
                found.append(tried.match)
                position = tried.match.end
        return found, len(text)

    def _add(self, entry: Entry) -> None:
        if is_name(entry.surrogate):
            self._add_all(self._names, name_forms(entry))
        elif entry.label in LOOSE:
            self._digits.add(*loose_form(entry))
        else:
            self._add_all(self._words, person_forms(entry) if entry.label == "PERSON" else other_forms(entry))

    def _add_parts(self, entries: Iterable[Entry]) -> None:
        """Single words of fake names, where they belong to one fake only."""
        people = [entry for entry in entries if entry.label == "PERSON" and not is_name(entry.surrogate)]
        used = Counter(word.casefold() for entry in people for word in entry.surrogate.split())
        for entry in people:
            self._add_all(self._words, (it for it in part_forms(entry) if used[it[0].casefold()] == 1))

    def _add_all(self, trie: Trie[Form], forms: Iterable[tuple[str, Form]]) -> None:
        for text, form in forms:
            trie.add(text, form)

    def _start_pattern(self) -> re.Pattern[str] | None:
        opens = {bracket.opens[0] for bracket in BRACKETS} if self._names.begins() else set()
        opens |= set("+(") if self._digits.begins() else set()
        words = self._names.begins() | self._words.begins() | self._digits.begins()
        parts = [_any_of(opens)] if opens else []
        parts += [_BARE + _any_of({*words, *(char.upper() for char in words)})] if words else []
        return re.compile("|".join(parts)) if parts else None

    def _try(self, text: str, start: int) -> _Tried:
        """The longest surrogate that begins at a place."""
        tried = [self._in_brackets(text, start), self._number(text, start)]
        if _WORD.match(text, start):
            tried += [self._bare_name(text, start), self._word(text, start)]
        return _longest(tried, pending=False)

    def _in_brackets(self, text: str, start: int) -> _Tried:
        pending = False
        for bracket in BRACKETS if self._names.begins() else ():
            opens = text[start : start + len(bracket.opens)].lower()
            if opens != bracket.opens:
                pending |= bracket.opens.startswith(opens) and start + len(opens) == len(text)
                continue
            walk = self._names.walk(text, start + len(opens))
            pending |= walk.open
            for end, form in walk.found:
                after, unsure = _closed(text, end, bracket)
                pending |= unsure
                if after:
                    return _Tried(Match(start, after, replace(form, encode=bracket.encode)), pending)
        return _Tried(open=pending)

    def _bare_name(self, text: str, start: int) -> _Tried:
        """Without brackets: with underscores in any case, else written as the name is."""
        walk = self._names.walk(text, start)
        tried = [
            _ended(text, start, end, form)
            for end, form in walk.found
            if form.gap.endswith("_") or text[start:end] == _written(form)
        ]
        return _longest(tried, walk.open)

    def _word(self, text: str, start: int) -> _Tried:
        walk = self._words.walk(text, start)
        before = text[start - 1 : start]
        tried = [
            _ended(text, start, end, form)
            for end, form in walk.found
            if not (form.tight and before and before in ".@+")
        ]
        return _longest(tried, walk.open)

    def _number(self, text: str, start: int) -> _Tried:
        """By letters and digits; a plus before it belongs to it, an opening parenthesis if the surrogate has one."""
        first = text[start]
        at = start + (first in "+(")
        if at == len(text):
            return _Tried(open=bool(self._digits.begins()))
        walk = self._digits.walk(text, at)
        tried = [
            _ended(text, start, end, form) for end, form in walk.found if first != "(" or form.lead == "("
        ]
        return _longest(tried, walk.open)


def restored(text: str, match: Match) -> str:
    """What comes back in place of a match."""
    form = match.form
    value = form.text
    if form.lead and text[match.start : match.end].lstrip("+").isalnum():
        value = "".join(char for char in value if char.isalnum() or char == "+")
    return form.encode(value)


def _written(form: Form) -> str:
    """A name as it was given, without brackets, with this form's gaps."""
    core = form.entry.surrogate[1:-1]
    if form.gap:
        return core.replace("_", form.gap)
    label, _, number = core.rpartition("_")
    return label + number


def _closed(text: str, end: int, bracket: Bracket) -> tuple[int, bool]:
    """The place after a bracket's other half, 0 if it is not there, and whether more text is needed to know.

    ``]`` before a parenthesis or another bracket is that of a Markdown link.
    """
    closes = text[end : end + len(bracket.closes)].lower()
    after = end + len(closes)
    if closes != bracket.closes:
        return 0, after == len(text) and bracket.closes.startswith(closes)
    if bracket.closes == "]" and text[after : after + 1] in ("(", "["):
        return 0, False
    return after, bracket.closes == "]" and after == len(text)


def _ended(text: str, start: int, end: int, form: Form) -> _Tried:
    """A match, if nothing goes on behind it that would make it part of something else."""
    if end == len(text):
        return _Tried(Match(start, end, form), open=True)
    if _WORD.match(text, end):
        return _Tried()
    if form.tight and text[end] == ".":
        if end + 1 == len(text):
            return _Tried(Match(start, end, form), open=True)
        if _WORD.match(text, end + 1):
            return _Tried()
    return _Tried(Match(start, end, form))


def _longest(tried: Iterable[_Tried], pending: bool) -> _Tried:
    """The longest match of several that begin at one place."""
    tried = list(tried)
    matches = [item.match for item in tried if item.match]
    longest = max(matches, key=lambda match: match.end, default=None)
    return _Tried(longest, pending or any(item.open for item in tried))


def _any_of(characters: Iterable[str]) -> str:
    return f"[{re.escape(''.join(sorted(characters)))}]"
