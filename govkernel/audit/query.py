"""The query language of the log: text in, a frozen :class:`Query` out, and back. docs/reference/audit-query.md.

    decision:deny door:admission,ci since:1d -policy:baseline/* name:"mlflow://models/fraud/3" timeout

Terms are ANDed, a comma is OR, ``-`` negates a term, quotes keep spaces and commas. Parsing never raises anything but
AuditError, which points at the column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NoReturn

from pydantic import ValidationError

from govkernel.domain import Action, ArtifactKind, Digest, Door, Effect
from govkernel.errors import AuditError

MAX_QUERY: Final = 4096
MAX_TERMS: Final = 64
MAX_VALUES: Final = 64
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 10_000

TEXT: Final = "text"
"""The field of a bare word: found anywhere in the record."""

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "decision": tuple(Effect),
    "door": tuple(Door),
    "action": tuple(Action),
    "kind": tuple(ArtifactKind),
}
"""Fields with a fixed set of values."""

PATTERNS: Final = ("id", "name", "policy", "control", "principal", "resource", "environment", "fault", TEXT)
"""Fields of free values, in all of which but ``text`` a ``*`` stands for anything."""

FIELDS: Final = (*CHOICES, "artifact", *PATTERNS, "since", "until", "limit")
"""Every field there is."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_AGE: Final = 36_525 * 86_400
_AGE: Final = re.compile(r"([0-9]{1,10})([smhdw])")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_PLAIN: Final = re.compile(r'[^\s",]+')
_PLAIN_TEXT: Final = re.compile(r'[^\s"]+')
_RENDERS_PLAIN: Final = re.compile(r"[A-Za-z0-9_./*@#%+=][A-Za-z0-9_./*@#%+=:-]*")


@dataclass(frozen=True)
class Term:
    """One condition: the field has one of the values; or, negated, none of them."""

    field: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Query:
    """A parsed query.

    Attributes:
        terms: conditions, ANDed.
        since, until: RFC 3339, a date, or an age such as ``1d``; empty means no bound.
        limit: how many records to return at most.
    """

    terms: tuple[Term, ...] = ()
    since: str = ""
    until: str = ""
    limit: int = DEFAULT_LIMIT


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        AuditError: ``audit.query-syntax``, ``audit.query-field``, ``audit.query-value`` or ``audit.query-too-long``.
    """
    if len(text) > MAX_QUERY:
        raise AuditError(
            "audit.query-too-long",
            f"The query has {len(text)} characters.",
            why=f"The limit is {MAX_QUERY}.",
            remedy="Ask for less at once.",
        )
    return _Parser(text).query()


def render(query: Query) -> str:
    """The text of a query: ``parse(render(query)) == query``."""
    parts = [_render_term(term) for term in query.terms]
    parts += [f"since:{query.since}"] if query.since else []
    parts += [f"until:{query.until}"] if query.until else []
    parts += [f"limit:{query.limit}"] if query.limit != DEFAULT_LIMIT else []
    return " ".join(parts)


def moment(text: str, now: datetime) -> datetime:
    """The time that a value of ``since`` or ``until`` means.

    Raises:
        ValueError: it is neither an age, a date nor an RFC 3339 time.
    """
    age = _AGE.fullmatch(text)
    if age:
        seconds = int(age.group(1)) * _UNITS[age.group(2)]
        if seconds > _MAX_AGE:
            raise ValueError("more than a hundred years")
        return now - timedelta(seconds=seconds)
    if _DATE.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    if not _TIME.fullmatch(text):
        raise ValueError("not a time")
    return datetime.fromisoformat(text.upper())


class _Parser:
    """One pass over the text; ``_at`` is the position of the next character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._terms: list[Term] = []
        self._once: dict[str, str] = {}

    def query(self) -> Query:
        try:
            self._text.encode()
        except UnicodeEncodeError as error:
            self._fail("syntax", error.start, "A character is half of a surrogate pair.")
        self._skip_space()
        while self._at < len(self._text):
            self._term()
            if len(self._terms) > MAX_TERMS:
                self._fail("syntax", self._at, f"There are more than {MAX_TERMS} terms.")
            self._skip_space()
        limit = int(self._once.get("limit", DEFAULT_LIMIT))
        return Query(tuple(self._terms), self._once.get("since", ""), self._once.get("until", ""), limit)

    def _term(self) -> None:
        start = self._at
        negated = self._text[self._at] == "-"
        self._at += negated
        match = _FIELD.match(self._text, self._at)
        field = match.group(1) if match else TEXT
        if field not in FIELDS:
            self._fail("field", self._at, f"There is no field {field[:40]!r}.")
        self._at = match.end() if match else self._at
        values = [self._value(field, bare=match is None)]
        while match and self._peek() == ",":
            self._at += 1
            values.append(self._value(field))
        if self._peek() and not self._peek().isspace():
            self._fail("syntax", self._at, "A space is missing here.")
        if field in {"since", "until", "limit"}:
            self._keep_once(field, values, negated, start)
        elif len(values) > MAX_VALUES:
            self._fail("value", start, f"There are more than {MAX_VALUES} values.")
        else:
            self._terms.append(Term(field, tuple(values), negated))

    def _value(self, field: str, *, bare: bool = False) -> str:
        start = self._at
        if self._peek() == '"':
            match = _QUOTED.match(self._text, self._at)
            if match is None:
                self._fail("syntax", start, 'The quote is not closed (inside quotes write \\" and \\\\).')
            value = re.sub(r"\\(.)", r"\1", match.group(1))
        else:
            match = (_PLAIN_TEXT if bare else _PLAIN).match(self._text, self._at)
            value = match.group() if match else ""
        if match is None or not value:
            self._fail("value", start, "A value is missing here.")
        self._at = match.end()
        problem = _problem(field, value)
        if problem:
            self._fail("value", start, problem)
        return value

    def _keep_once(self, field: str, values: list[str], negated: bool, start: int) -> None:
        if negated or len(values) > 1 or field in self._once:
            self._fail("value", start, f"{field}: takes one value, once, and no '-'.")
        self._once[field] = values[0]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip_space(self) -> None:
        while self._peek().isspace():
            self._at += 1

    def _fail(self, problem: Literal["syntax", "field", "value"], at: int, why: str) -> NoReturn:
        raise AuditError(
            f"audit.query-{problem}",
            f"The query cannot be understood at column {at + 1}.",
            why=why,
            remedy=f"Fields: {', '.join(FIELDS)}. Quote text that holds a colon.",
        )


def _problem(field: str, value: str) -> str:
    """What is wrong with a value; empty when nothing is."""
    if field in CHOICES:
        return "" if value in CHOICES[field] else f"{field}: is one of {', '.join(CHOICES[field])}."
    if field == "artifact":
        return "" if _is_digest(value) else "artifact: is a digest such as sha256: and 64 hex digits."
    if field == "limit":
        good = re.fullmatch(r"[1-9][0-9]{0,4}", value) and int(value) <= MAX_LIMIT
        return "" if good else f"limit: is a number from 1 to {MAX_LIMIT}."
    if field in {"since", "until"}:
        return "" if _is_moment(value) else f"{field}: is an age (15m, 1d, 2w), a date or an RFC 3339 time."
    return ""


def _is_digest(value: str) -> bool:
    try:
        Digest.parse(value)
    except ValidationError:
        return False
    return True


def _is_moment(value: str) -> bool:
    try:
        moment(value, datetime(2000, 1, 1, tzinfo=UTC))
    except (ValueError, OverflowError):
        return False
    return True


def _render_term(term: Term) -> str:
    sign = "-" if term.negated else ""
    if term.field == TEXT and len(term.values) == 1:
        return sign + _render_value(term.values[0], colon=False)
    return f"{sign}{term.field}:{','.join(_render_value(value) for value in term.values)}"


def _render_value(value: str, *, colon: bool = True) -> str:
    if _RENDERS_PLAIN.fullmatch(value) and (colon or ":" not in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
