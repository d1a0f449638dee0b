"""All expressions at once over the bytes of a text: Hyperscan where it is installed, google-re2 elsewhere.

Both answer which expressions may match; Hyperscan also where such a match may end.
"""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import re2

from runtime_guard.expressions.cache import Cache

hyperscan: Any
try:
    import hyperscan
except ImportError:  # no wheel for this machine
    hyperscan = None

_ERRORS: Final = () if hyperscan is None else (hyperscan.error, hyperscan.HyperscanError)

ANYWHERE: Final = -1
"""Stands for the end of a match that is somewhere."""

_RE2_MEMORY: Final = 512 * 1024 * 1024


@dataclass(frozen=True)
class Expression:
    """What is asked for.

    Attributes:
        text: a regular expression over the bytes of :mod:`runtime_guard.expressions.alphabet`.
        once: one hit is enough.
    """

    text: bytes
    once: bool = False


class Automaton(Protocol):
    """Looks for expressions.

    Attributes:
        refused: numbers of those it cannot take; they may match anywhere in any text.
    """

    refused: frozenset[int]

    def scan(self, data: bytes) -> list[tuple[int, int]]:
        """Numbers of expressions with the offsets where their matches may end, or :data:`ANYWHERE`."""


def automaton(expressions: Sequence[Expression], cache: Cache | None = None) -> Automaton:
    """The best automaton that this machine has.

    Args:
        expressions: their numbers are their places.
        cache: where compiled ones are kept.
    """
    if hyperscan is not None:
        return HyperscanAutomaton(expressions, cache)
    return Re2Automaton(expressions)


class HyperscanAutomaton:
    """Hyperscan in block mode.

    Args:
        expressions: their numbers are their places.
        cache: where compiled databases are kept; none by default.
    """

    def __init__(self, expressions: Sequence[Expression], cache: Cache | None = None) -> None:
        self._database, self.refused = _database(expressions, cache or Cache(None))
        self._local = threading.local()

    def scan(self, data: bytes) -> list[tuple[int, int]]:
        """See :class:`Automaton`."""
        hits: list[tuple[int, int]] = []
        if self._database is not None:
            self._database.scan(data, match_event_handler=_note, context=hits, scratch=self._scratch())
        return hits

    def _scratch(self) -> Any:
        """Memory to scan in; one for each thread."""
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


class Re2Automaton:
    """A set of google-re2: says which expressions match, not where.

    Args:
        expressions: their numbers are their places.
    """

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self._set = re2.Set.SearchSet(_options())
        self._numbers: list[int] = []
        for number, item in enumerate(expressions):
            try:
                self._set.Add(item.text)
                self._numbers.append(number)
            except re2.error:
                continue
        self.refused = frozenset(range(len(expressions))) - set(self._numbers)
        if self._numbers:
            self._set.Compile()

    def scan(self, data: bytes) -> list[tuple[int, int]]:
        """See :class:`Automaton`."""
        if not self._numbers:
            return []
        return [(self._numbers[place], ANYWHERE) for place in self._set.Match(data) or ()]


def searched(expression: bytes) -> Any:
    """An expression to search for by itself, in time that grows with the text alone; None if it is refused."""
    try:
        return re2.compile(expression, _options())
    except re2.error:
        return None


def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _RE2_MEMORY
    options.log_errors = False
    return options


def _note(number: int, _start: int, end: int, _flags: int, hits: list[tuple[int, int]]) -> None:
    hits.append((number, end))


def _database(expressions: Sequence[Expression], cache: Cache) -> tuple[Any, frozenset[int]]:
    """The compiled expressions, from the cache where it holds them, and the numbers of those that are refused."""
    name = [hyperscan.__version__, platform.machine(), *map(str, expressions)]
    kept = cache.load(name)
    if kept is not None:
        refused, _, body = kept.partition(b"\n")
        try:
            return hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK), frozenset(json.loads(refused))
        except _ERRORS:  # made on another kind of processor
            pass
    taken = dict(enumerate(expressions))
    database = _compiled(taken)
    if database is None:
        taken = {number: item for number, item in taken.items() if _compiled({number: item}) is not None}
        database = _compiled(taken)
    missing = frozenset(range(len(expressions))) - set(taken)
    if database is not None:
        cache.store(name, json.dumps(sorted(missing)).encode() + b"\n" + hyperscan.dumpb(database))
    return database, missing


def _compiled(expressions: dict[int, Expression]) -> Any:
    """A database of numbered expressions; None when there are none or Hyperscan refuses one."""
    if not expressions:
        return None
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[item.text for item in expressions.values()],
            ids=list(expressions),
            flags=[hyperscan.HS_FLAG_SINGLEMATCH if item.once else 0 for item in expressions.values()],
        )
    except _ERRORS:
        return None
    return database
