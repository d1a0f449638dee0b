"""What a record becomes in the tables: pure, so that the writer writes and the verifier expects the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from govkernel.audit.tables import KEY_LENGTH
from govkernel.domain import Record
from govkernel.domain.merkle import leaf_hash
from govkernel.errors import AuditError

MAX_PAYLOAD: Final = 16 * 1024 * 1024
"""Largest record, in bytes of its JSON."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Values = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A record made ready to be written.

    Attributes:
        payload: the record's JSON; its UTF-8 bytes are the leaf.
        leaf: hash of the leaf.
        columns: the other columns of its row.
        sides: per side table, its rows in order of position, without ``idx`` and ``position``.
    """

    payload: str
    leaf: bytes
    columns: Values
    sides: Mapping[str, tuple[Values, ...]]

    @property
    def size(self) -> int:
        """Rough bytes, for bounding a group."""
        return len(self.payload)


def entry_of(record: Record) -> Entry:
    """Make a record ready.

    Raises:
        AuditError: ``audit.record-invalid`` or ``audit.record-too-large``.
    """
    try:
        payload = record.model_dump_json()
        payload.encode()
    except (PydanticSerializationError, UnicodeError, ValueError) as error:
        raise _invalid(f"It has no JSON form ({type(error).__name__}).") from None
    return _entry(record, payload)


def parse_entry(payload: str) -> Entry:
    """The entry of a payload that was written before.

    Raises:
        AuditError: ``audit.record-invalid`` or ``audit.record-too-large``.
    """
    return _entry(parse_record(payload), payload)


def parse_record(payload: str) -> Record:
    """The record of a payload.

    Raises:
        AuditError: ``audit.record-invalid``.
    """
    try:
        return Record.model_validate_json(payload)
    except (ValidationError, ValueError) as error:
        count = error.error_count() if isinstance(error, ValidationError) else 1
        raise _invalid(f"Its JSON is not that of a record ({count} problem(s)).") from None


def search_key(text: str) -> str:
    """Text as it is stored in indexed columns: cut, and without NUL, which PostgreSQL does not store."""
    return _storable(text)[:KEY_LENGTH]


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z.

    Raises:
        AuditError: ``audit.record-invalid`` when the time has no zone.
    """
    if moment.tzinfo is None:
        raise _invalid("Its time has no zone.")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(microseconds_: int) -> datetime:
    """The time that :func:`microseconds` was made from, UTC; clamped to what a calendar can say."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds_)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if microseconds_ > 0 else datetime.min.replace(tzinfo=UTC)


def _entry(record: Record, payload: str) -> Entry:
    raw = payload.encode()
    if len(raw) > MAX_PAYLOAD:
        raise AuditError(
            "audit.record-too-large",
            f"The record has {len(raw)} bytes.",
            why=f"The limit is {MAX_PAYLOAD}.",
            remedy="Ask about fewer artifacts at once.",
        )
    return Entry(payload, leaf_hash(raw), _columns(record), _sides(record))


def _columns(record: Record) -> Values:
    request, decision = record.request, record.decision
    return {
        "decision_id": search_key(decision.id),
        "decided_at": microseconds(decision.decided_at),
        "door": request.door.value,
        "action": request.action.value,
        "effect": decision.effect.value,
        "principal": _storable(str(request.principal)),
        "principal_id": search_key(request.principal.id),
        "resource": _storable(str(request.resource)),
        "resource_id": search_key(request.resource.id),
        "policy_set": str(decision.policy_set),
        "environment": search_key(request.environment),
    }


def _sides(record: Record) -> Mapping[str, tuple[Values, ...]]:
    decision = record.decision
    reasons = decision.reasons + decision.warnings + decision.notes
    controls = dict.fromkeys(search_key(control) for reason in reasons for control in reason.controls)
    return {
        "subject": tuple(_subjects(record)),
        "policy": tuple(
            {"policy": search_key(item.policy), "effect": item.effect.value, "mode": item.mode.value}
            for item in reasons
        ),
        "control": tuple({"control": control} for control in controls),
        "fault": tuple(
            {"code": search_key(item.code), "plugin": search_key(item.plugin)} for item in decision.faults
        ),
    }


def _subjects(record: Record) -> Iterator[Values]:
    """Each artifact once per digest, then the names asked for that gathering never came to."""
    for judged in record.subjects:
        artifact = judged.artifact
        digests = ([artifact.digest] if artifact.digest else []) + list(artifact.aliases)
        for digest in map(str, digests) if digests else [""]:
            yield {"kind": artifact.kind.value, "name": search_key(artifact.name), "digest": digest}
    known = {judged.artifact.name for judged in record.subjects}
    for ref in record.request.artifacts:
        if ref.uri not in known:
            yield {"kind": ref.kind.value, "name": search_key(ref.uri), "digest": str(ref.digest or "")}


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd")


def _invalid(why: str) -> AuditError:
    return AuditError(
        "audit.record-invalid",
        "The record cannot be kept.",
        why=why,
        remedy="Report it: a door made a request that cannot be recorded. It was denied.",
    )
