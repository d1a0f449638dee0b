"""Where in a text that is not over yet a match may have begun that is not decided.

google-re2 answers, on every machine: an expression anchored at the end is run backwards from there, and stops as soon
as nothing can have begun further back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import re2

from runtime_guard.expressions.prefix import Beginning

_MEMORY: Final = 64 * 1024 * 1024
"""Bytes of one automaton; what it has learned is forgotten beyond that."""


class Pending:
    """Beginnings of many patterns, looked for together.

    Args:
        found: the beginnings.
        always: there is something that cannot be foreseen, so everything may be undecided.
    """

    def __init__(self, found: Iterable[Beginning], *, always: bool = False) -> None:
        alike = dict.fromkeys(found)
        free = [item.before + item.text for item in alike if not item.behind]
        bound = [item for item in alike if item.behind]
        self._free = _compiled(free)
        self._any = _compiled([*free, *(item.behind + item.text for item in bound)])
        self._always = always or self._any is None or self._free is None
        self._bound = () if self._always else tuple(map(_Bound, bound))

    def start(self, data: bytes) -> int:
        """The first place from which on something may be undecided; the length of the text when nothing is.

        Args:
            data: the text so far, behind an edge; see :func:`runtime_guard.expressions.alphabet.encoded`.
        """
        if self._always:
            return 0
        length = len(data) - 1
        first = _begin(self._any, data, length)
        if first < length and self._bound:
            first = min(_begin(self._free, data, length), *(item.start(data) for item in self._bound))
        return first


class _Bound:
    """Beginnings that need something before them: those that have it."""

    def __init__(self, item: Beginning) -> None:
        self._text = re2.compile(rb"(?s:%b)\z" % item.text, _options())
        self._behind = re2.compile(rb"(?s:%b)\z" % item.behind, _options())

    def start(self, data: bytes) -> int:
        """As :meth:`Pending.start`."""
        place = 1
        while True:
            place += int(self._text.search(data[place:]).start())
            if place >= len(data) or self._behind.search(data[:place]):
                return place - 1
            place += 1


def _begin(expressions: Sequence[Any] | None, data: bytes, length: int) -> int:
    for expression in expressions or ():
        match = expression.search(data)
        if match is not None:
            length = min(length, match.start())
    return length


def _compiled(expressions: Sequence[bytes]) -> Sequence[Any] | None:
    """As few automata as the library takes; None when it refuses one of the expressions altogether."""
    if not expressions:
        return ()
    try:
        return (re2.compile(rb"(?s:%b)\z" % b"|".join(expressions), _options()),)
    except re2.error:
        if len(expressions) == 1:
            return None
    half = len(expressions) // 2
    one, other = _compiled(expressions[:half]), _compiled(expressions[half:])
    return None if one is None or other is None else (*one, *other)


def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_capture = True
    return options
