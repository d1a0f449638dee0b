"""Rows to screen, as JSON lines from strangers: bounded, and a bad one is told apart instead of ending the run."""

from __future__ import annotations

import codecs
import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from govkernel.domain import strict_json
from govkernel.errors import GovkernelError, InputError

MAX_LINE: Final = 32 * 1024 * 1024
"""Bytes of one line: the longest message, every character escaped, with room to spare."""

MAX_DEPTH: Final = 16
MAX_ID: Final = 1024
ROLES: Final[Mapping[str, str]] = {
    "user": "user",
    "tool": "tool",
    "response": "assistant",
    "assistant": "assistant",
    "system": "system",
}
"""Roles in rows, and who they mean; ``response`` is a model's answer."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ID: Final = re.compile(
    rb'\s{0,64}\{\s{0,64}"id"\s{0,64}:\s{0,64}("[^"\\\x00-\x1f\x80-\xff]{0,1024}"|-?\d{1,18})\s{0,64}[,}]'
)
"""The id of a row that cannot be parsed, where it stands first and is plain."""


@dataclass(frozen=True)
class Row:
    """A text to screen.

    Attributes:
        id: as it was given; None when there was none.
        text: without lone surrogates.
        role: ``system``, ``user``, ``tool`` or ``assistant``.
    """

    id: str | int | None
    text: str
    role: str


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be screened.

    Attributes:
        id: its id where that much could be read.
        error: what is wrong with it.
    """

    id: str | int | None
    error: GovkernelError


class Pause(enum.Enum):
    """Stands between rows where none has come for a while, so that nobody waits for more of them."""

    PAUSE = enum.auto()


def read_rows(stream: BinaryIO) -> Iterator[Row | BadRow]:
    """The rows of a stream of JSON lines; empty lines and a byte order mark are passed over.

    Memory is bounded by :data:`MAX_LINE`: the rest of a longer line is read and dropped.
    """
    for row in paused_rows(stream, lambda: False):
        if not isinstance(row, Pause):
            yield row


def paused_rows(stream: BinaryIO, waits: Callable[[], bool]) -> Iterator[Row | BadRow | Pause]:
    """As :func:`read_rows`, with pauses.

    Args:
        stream: JSON lines.
        waits: whether no further line has come for a while; asked before each is read.
    """
    number = 0
    while True:
        if waits():
            yield Pause.PAUSE
        line = stream.readline(MAX_LINE + 1)
        if not line:
            return
        number += 1
        line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if len(line) > MAX_LINE:
            _drop_line(stream, line)
            error = _bad("too-large", "The row is too large.", f"limit {MAX_LINE} bytes")
            yield BadRow(_known_id(line), _in_line(number, error))
        elif line.strip():
            row = _parsed(line)
            yield BadRow(row.id, _in_line(number, row.error)) if isinstance(row, BadRow) else row


def row_of(value: Any) -> Row | BadRow:
    """A row from a mapping with ``id``, ``text`` and, if it is not a user's, ``role``."""
    known = value.get("id") if isinstance(value, Mapping) else None
    name = known if isinstance(known, str | int) and not isinstance(known, bool) else None
    if isinstance(name, str) and _SURROGATE.search(name):
        return BadRow(
            None, _bad("not-text", "The row's id holds a lone surrogate.", "It is not Unicode text.")
        )
    try:
        return _checked(value, name)
    except GovkernelError as error:
        return BadRow(name, error)


def _parsed(line: bytes) -> Row | BadRow:
    try:
        value = strict_json.loads(line, max_bytes=MAX_LINE, max_depth=MAX_DEPTH, halves=True)
    except InputError as error:
        return BadRow(_known_id(line), error)
    return row_of(value)


def _known_id(line: bytes) -> str | int | None:
    match = _ID.match(line)
    known = None if match is None else match[1].decode()
    return known[1:-1] if known and known.startswith('"') else known and int(known)


def _in_line(number: int, error: GovkernelError) -> InputError:
    why = f"line {number}: {error.why}" if error.why else f"line {number}"
    return InputError(error.code, error.what, why=why, remedy=error.remedy)


def _checked(value: Any, name: str | int | None) -> Row:
    if not isinstance(value, Mapping):
        raise _bad("malformed", "The row is not a JSON object.", type(value).__name__)
    if name is None and value.get("id") is not None:
        kind = type(value.get("id")).__name__
        raise _bad(
            "malformed", "The row's id is neither a string nor a whole number.", f"id is of type {kind}"
        )
    if (len(name) if isinstance(name, str) else (name or 0).bit_length() // 4) > MAX_ID:
        raise _bad("malformed", "The row's id is too long.", f"limit {MAX_ID} characters")
    text, role = value.get("text"), value.get("role") or "user"
    if not isinstance(text, str):
        raise _bad("malformed", "The row has no text.", f"text is of type {type(text).__name__}")
    if not isinstance(role, str) or role not in ROLES:
        raise _bad("malformed", "The row has an unknown role.", "")
    if _SURROGATE.search(text):
        raise _bad("not-text", "The text holds a lone surrogate.", "It is not Unicode text.")
    return Row(name, text, ROLES[role])


def _drop_line(stream: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(1024 * 1024)


def _bad(problem: str, what: str, why: str) -> InputError:
    return InputError(
        f"row.{problem}",
        what,
        why=why,
        remedy='A row is {"id", "text", "role"?}; roles are user, tool, response, assistant, system.',
    )
