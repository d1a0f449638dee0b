"""A query as SQL: only bound parameters, LIKE escaped, side tables through their indexes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select, true
from sqlalchemy.sql.elements import KeyedColumnElement

from govkernel.audit.entry import microseconds, search_key
from govkernel.audit.query import TEXT, Query, Term, moment
from govkernel.audit.tables import CONTROL, FAULT, POLICY, RECORD, SUBJECT
from govkernel.domain import EntityRef

Condition = ColumnElement[bool]
Column = KeyedColumnElement[Any]

_ESCAPE: Final = "\\"


def rows(query: Query, now: datetime) -> Select[Any]:
    """The statement that selects matching records, newest first, within the limit."""
    found = select(RECORD).where(where(query, now))
    return found.order_by(RECORD.c.idx.desc()).limit(query.limit)


def count(query: Query, now: datetime) -> Select[Any]:
    """The statement that counts matching records, the limit apart."""
    return select(func.count()).select_from(RECORD).where(where(query, now))


def where(query: Query, now: datetime) -> Condition:
    """The condition of a query."""
    conditions = [_term(term) for term in query.terms]
    if query.since:
        conditions.append(RECORD.c.decided_at >= microseconds(moment(query.since, now)))
    if query.until:
        conditions.append(RECORD.c.decided_at < microseconds(moment(query.until, now)))
    return and_(true(), *conditions)


def _term(term: Term) -> Condition:
    condition = _CONDITIONS[term.field](term.values)
    return not_(condition) if term.negated else condition


def _matches(column: Column, values: Sequence[str]) -> Condition:
    """The column is one of the values, in which ``*`` stands for anything (then ASCII case does not matter)."""
    exact = [search_key(value) for value in values if "*" not in value]
    globs = [column.ilike(_like(value), escape=_ESCAPE) for value in values if "*" in value]
    return or_(*([column.in_(exact)] if exact else []), *globs)


def _like(value: str) -> str:
    escaped = search_key(value)
    for special in (_ESCAPE, "%", "_"):
        escaped = escaped.replace(special, _ESCAPE + special)
    return escaped.replace("*", "%")


def _column(column: Column) -> Callable[[Sequence[str]], Condition]:
    return lambda values: _matches(column, values)


def _beside(column: Column) -> Callable[[Sequence[str]], Condition]:
    """A condition on a column of a side table."""
    return lambda values: RECORD.c.idx.in_(select(column.table.c.idx).where(_matches(column, values)))


def _entity(whole: Column, identifier: Column) -> Callable[[Sequence[str]], Condition]:
    """Values are ``Type::"id"`` or only the id."""

    def condition(values: Sequence[str]) -> Condition:
        entities = [value for value in values if _is_entity(value)]
        ids = [value for value in values if value not in entities]
        parts = [whole.in_(entities)] if entities else []
        return or_(*parts, *([_matches(identifier, ids)] if ids else []))

    return condition


def _is_entity(value: str) -> bool:
    try:
        EntityRef.parse(value)
    except ValidationError:
        return False
    return True


def _fault(values: Sequence[str]) -> Condition:
    """``any``, ``none``, or codes."""
    has_any = RECORD.c.idx.in_(select(FAULT.c.idx))
    codes = [value for value in values if value not in {"any", "none"}]
    parts = [has_any] if "any" in values else []
    parts += [not_(has_any)] if "none" in values else []
    return or_(*parts, *([_beside(FAULT.c.code)(codes)] if codes else []))


def _text(values: Sequence[str]) -> Condition:
    """Anywhere in the record, as its JSON spells it; ASCII case does not matter."""
    spelled = [json.dumps(value, ensure_ascii=False)[1:-1] for value in values]
    return or_(*(RECORD.c.payload.icontains(needle, autoescape=True) for needle in spelled))


_CONDITIONS: Final[dict[str, Callable[[Sequence[str]], Condition]]] = {
    "decision": _column(RECORD.c.effect),
    "door": _column(RECORD.c.door),
    "action": _column(RECORD.c.action),
    "id": _column(RECORD.c.decision_id),
    "environment": _column(RECORD.c.environment),
    "principal": _entity(RECORD.c.principal, RECORD.c.principal_id),
    "resource": _entity(RECORD.c.resource, RECORD.c.resource_id),
    "artifact": _beside(SUBJECT.c.digest),
    "kind": _beside(SUBJECT.c.kind),
    "name": _beside(SUBJECT.c.name),
    "policy": _beside(POLICY.c.policy),
    "control": _beside(CONTROL.c.control),
    "fault": _fault,
    TEXT: _text,
}
