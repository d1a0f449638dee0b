"""Read YAML from strangers: bounded in size, depth, nodes and aliases, no duplicate keys, no tags (YAML 1.1 subset).

The counterpart of :mod:`govkernel.domain.strict_json`: what comes out are plain JSON values. Values are built
from the parser's events, so limits hold before anything is built, and an alias bomb costs nothing. Times
stay text, since JSON has none; ``1:30`` stays text, since only YAML 1.1 thinks it is ninety.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from govkernel.errors import InputError

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_DEPTH: Final = 32
"""Nesting of a document, unless the caller allows more."""
MAX_NODES: Final = 500_000
MAX_ALIASES: Final = 200

Lines = dict[tuple[str | int, ...], int]
"""Line (from 1) of each value, by its path in the document."""

_REMEDY: Final = "Write plain UTF-8 YAML: string keys, each once, no tags, no merge keys, few aliases."
_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OCTAL: Final = re.compile(r"([-+]?)0o?([0-7]+)")
_HEXADECIMAL: Final = re.compile(r"([-+]?)0x([0-9a-fA-F]+)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DISPUTED: Final = re.compile(
    r"(?i:yes|no|on|off)"
    r"|[-+]?0(o[0-7]|[0-9])[0-9]*|[-+]?0b[01_]+"
    r"|[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)[eE][0-9]+"
)
"""Plain scalars that are one value in YAML 1.1 and another in 1.2: ``017`` is 15 or 17, ``1e3`` text or 1000."""

_DISPUTED_BREAK: Final = re.compile("[\x85\u2028\u2029]")
"""Line breaks in YAML 1.1 and text in 1.2: what comes after them is a comment to one reader and not to another."""

_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def load_all(
    data: bytes | str,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
    max_aliases: int = MAX_ALIASES,
) -> list[Any]:
    """Parse a stream of YAML documents.

    Args:
        data: the stream; bytes must be UTF-8.
        max_bytes: largest accepted size, in bytes.
        max_depth: deepest accepted nesting, aliases followed.
        max_nodes: most scalars, lists and mappings in all documents, aliases followed.
        max_aliases: most aliases in all documents.

    Returns:
        The documents, in order; empty ones are None. Values that an alias repeats are the same object.

    Raises:
        InputError: ``yaml.too-large``, ``yaml.not-utf8``, ``yaml.too-deep``, ``yaml.too-many-nodes``,
            ``yaml.too-many-aliases``, ``yaml.alias``, ``yaml.duplicate-key``, ``yaml.key``, ``yaml.tag``,
            ``yaml.not-finite`` or ``yaml.malformed``; ``why`` names the line where there is one.
    """
    builder = _Builder(_Limits(max_depth, max_nodes, max_aliases))
    _build(builder, data, max_bytes)
    return builder.documents


def load_all_with_lines(data: bytes, *, max_depth: int = MAX_DEPTH) -> tuple[list[Any], Lines]:
    """Parse a stream of YAML documents, with the line of each value; what an alias repeats has the alias's line.

    Returns:
        The documents as :func:`load_all` gives them, and their lines: each path begins with the document's number.

    Raises:
        InputError: as :func:`load_all`.
    """
    lines: Lines = {}
    builder = _Builder(_Limits(max_depth, MAX_NODES, MAX_ALIASES), lines=lines, numbered=True)
    _build(builder, data, MAX_BYTES)
    return builder.documents, lines


def load(data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Parse exactly one YAML document.

    Raises:
        InputError: as :func:`load_all`, and ``yaml.documents`` when there is none or more than one.
    """
    documents = load_all(data, max_bytes=max_bytes, max_depth=max_depth)
    if len(documents) != 1:
        what = f"One YAML document was expected, {len(documents)} were found."
        raise InputError("yaml.documents", what, remedy="Write one document.")
    return documents[0]


def load_with_lines(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> tuple[Any, Lines]:
    """Parse at most one document that a person wrote: no aliases, and the line of each value, for messages.

    What YAML 1.1 and 1.2 read differently is refused: what is signed must mean the same to whoever uses it.

    Returns:
        The value (None for an empty document), and its lines.

    Raises:
        InputError: as :func:`load`, and ``yaml.disputed``.
    """
    if _DISPUTED_BREAK.search(_text(data, max_bytes)):
        what = "The document holds a line separator that YAML 1.1 and 1.2 read differently."
        raise InputError("yaml.disputed", what, remedy="Escape U+0085, U+2028 and U+2029 in double quotes.")
    lines: Lines = {}
    builder = _Builder(_Limits(max_depth, MAX_NODES, 0), lines=lines, undisputed=True)
    _build(builder, data, max_bytes, yaml.SafeLoader)  # libyaml's parser refuses what JSON text may escape
    if len(builder.documents) > 1:
        raise InputError(
            "yaml.documents", "More than one YAML document was found.", remedy="Write one document."
        )
    return (builder.documents[0] if builder.documents else None), lines


def _build(builder: _Builder, data: bytes | str, max_bytes: int, parser: Any = _PARSER) -> None:
    try:
        for event in yaml.parse(_text(data, max_bytes), Loader=parser):
            builder.take(event)
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())[:300]
        raise InputError(
            "yaml.malformed", "The document is not valid YAML.", why=why, remedy=_REMEDY
        ) from None


@dataclass(frozen=True)
class _Limits:
    depth: int
    nodes: int
    aliases: int


@dataclass
class _Value:
    """A finished value, with its size in nodes and its height in levels."""

    value: Any
    nodes: int = 1
    height: int = 0


@dataclass
class _Frame:
    """A list or mapping under construction."""

    container: list[Any] | dict[str, Any]
    anchor: str | None
    line: int = 1
    nodes: int = 1
    height: int = 1
    key: str | None = None

    @property
    def awaits_value(self) -> bool:
        """Whether the next value is an item or the value of a key, rather than a key."""
        return isinstance(self.container, list) or self.key is not None


@dataclass
class _Builder:
    """Builds documents from events."""

    limits: _Limits
    documents: list[Any] = field(default_factory=list)
    lines: Lines | None = None
    numbered: bool = False
    undisputed: bool = False
    _open: list[_Frame] = field(default_factory=list)
    _anchors: dict[str, _Value | None] = field(default_factory=dict)
    _nodes: int = 0
    _aliases: int = 0

    def take(self, event: yaml.Event) -> None:
        """Go one event further."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._start(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                frame = self._open.pop()
                item = _Value(frame.container, frame.nodes, frame.height)
                self._add(item, event, frame.anchor, line=frame.line)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._anchors.clear()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if event.tag is not None:
            raise _refuse("tag", f"The tag {event.tag[:80]!r} is not allowed.", event)
        self._count(1, event)
        if self.undisputed and event.implicit[0] and _DISPUTED.fullmatch(event.value):
            what = f"{event.value[:80]!r} is one value in YAML 1.1 and another in 1.2; quote it, or write it out."
            raise _refuse("disputed", what, event)
        value = _resolve(event) if event.implicit[0] else _joined(event)
        self._add(_Value(value), event, event.anchor)

    def _start(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        if event.tag is not None:
            raise _refuse("tag", f"The tag {event.tag[:80]!r} is not allowed.", event)
        self._needs_key(event)
        self._count(1, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        container: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self._open.append(_Frame(container, event.anchor, _line(event)))
        self._limit_depth(0, event)

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._aliases += 1
        if self.limits.aliases == 0:
            raise _refuse("alias", "An alias is not allowed here.", event)
        if self._aliases > self.limits.aliases:
            raise _refuse("too-many-aliases", f"More than {self.limits.aliases} aliases.", event)
        name = event.anchor or ""
        found = self._anchors.get(name)
        if found is None:
            what = f"The alias {name[:80]!r} names nothing, or something that contains it."
            raise _refuse("alias", what, event)
        self._count(found.nodes, event)
        self._limit_depth(found.height, event)
        self._add(found, event, None)

    def _add(self, item: _Value, event: yaml.Event, anchor: str | None, line: int = 0) -> None:
        if anchor is not None:
            self._anchors[anchor] = item
        if self.lines is not None and (not self._open or self._open[-1].awaits_value):
            self.lines[self._path()] = line or _line(event)
        if not self._open:
            self.documents.append(item.value)
            return
        frame = self._open[-1]
        if isinstance(frame.container, list):
            frame.container.append(item.value)
        elif frame.key is None:
            frame.key = self._as_key(item.value, frame.container, event)
        else:
            frame.container[frame.key], frame.key = item.value, None
        frame.nodes += item.nodes
        frame.height = max(frame.height, item.height + 1)

    def _path(self) -> tuple[str | int, ...]:
        """Where the next value goes."""
        place = (
            len(frame.container) if isinstance(frame.container, list) else str(frame.key)
            for frame in self._open
        )
        return (len(self.documents), *place) if self.numbered else tuple(place)

    def _as_key(self, value: Any, container: dict[str, Any], event: yaml.Event) -> str:
        if not isinstance(value, str) or value == "<<":
            raise _refuse("key", f"The key {str(value)[:80]!r} is not a plain string.", event)
        if value in container:
            raise _refuse("duplicate-key", f"The key {value[:80]!r} stands twice.", event)
        return value

    def _needs_key(self, event: yaml.Event) -> None:
        if self._open and isinstance(self._open[-1].container, dict) and self._open[-1].key is None:
            raise _refuse("key", "A list or mapping is used as a key.", event)

    def _count(self, nodes: int, event: yaml.Event) -> None:
        self._nodes += nodes
        if self._nodes > self.limits.nodes:
            raise _refuse("too-many-nodes", f"More than {self.limits.nodes} values.", event)

    def _limit_depth(self, below: int, event: yaml.Event) -> None:
        if len(self._open) + below > self.limits.depth:
            raise _refuse("too-deep", f"Nested deeper than {self.limits.depth} levels.", event)


def _text(data: bytes | str, limit: int) -> str:
    """The stream as text: the parser must not guess at an encoding."""
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
    if size > limit:
        what = f"The document has {size} bytes."
        raise InputError("yaml.too-large", what, why=f"limit {limit}", remedy=_REMEDY)
    try:
        return data.decode("utf-8") if isinstance(data, bytes) else data.encode("utf-8").decode("utf-8")
    except UnicodeError as error:
        what = "The document is not valid UTF-8."
        raise InputError("yaml.not-utf8", what, why=str(error)[:200], remedy=_REMEDY) from None


def _resolve(event: yaml.ScalarEvent) -> Any:
    """The value of a plain scalar."""
    text = event.value
    if text in _WORDS:
        return _WORDS[text]
    for base, number in _integers(text):
        if len(number) > 400:
            raise _refuse("malformed", "A number has more than 400 digits.", event)
        return int(number, base)
    if _NOT_FINITE.fullmatch(text):
        raise _refuse("not-finite", f"JSON has no number {text!r}.", event)
    if len(text) <= 400 and _FLOAT.fullmatch(text):
        value = float(text)
        if value in {float("inf"), float("-inf")}:
            raise _refuse("not-finite", "A number is too large.", event)
        return value
    return text


def _joined(event: yaml.ScalarEvent) -> str:
    """Text with surrogate pairs, as JSON escapes astral characters, joined; a lone surrogate is refused."""
    text: str = event.value
    if text.isascii():
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise _refuse("malformed", "A text holds half of a surrogate pair.", event) from None


def _integers(text: str) -> Iterator[tuple[int, str]]:
    if _DECIMAL.fullmatch(text):
        yield 10, text
    elif match := _OCTAL.fullmatch(text):
        yield 8, match.group(1) + match.group(2)
    elif match := _HEXADECIMAL.fullmatch(text):
        yield 16, match.group(1) + match.group(2)


def _refuse(problem: str, what: str, event: yaml.Event) -> InputError:
    return InputError(f"yaml.{problem}", what, why=f"line {_line(event)}", remedy=_REMEDY)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
