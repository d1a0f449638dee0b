"""Screen many rows in order: patterns text by text, judges and encoders a batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from govkernel.domain import Finding
from govkernel.errors import GovkernelError
from runtime_guard.readers.ask import Depth, Joined, Readers
from runtime_guard.rows.lines import BadRow, Pause, Row, row_of
from runtime_guard.spans import place, with_read
from runtime_guard.views import HIDDEN_TEXT

Find = Callable[[str, str], Awaitable[Sequence[Finding]]]
"""What all detectors but models find in a text by a role."""

BATCH: Final = 64
"""Rows that are judged together."""

MAX_TOGETHER: Final = 1024 * 1024
"""Characters that are judged together, so that a batch of long rows stays bounded."""


@dataclass
class _Work:
    """A row on its way.

    Attributes:
        row: the row.
        findings: spans found so far, and what rules say of the text as a whole.
        models: what models say.
        error: why it could not be screened.
    """

    row: Row | BadRow
    findings: Sequence[Finding] = ()
    models: Joined | None = None
    error: GovkernelError | None = None


def screen_rows(
    rows: Iterable[Any], find: Find, readers: Readers, wanted: frozenset[str] | None
) -> Iterator[dict[str, Any]]:
    """One document per row, in order.

    Args:
        rows: mappings as in JSON lines, or :class:`Row` and :class:`BadRow`; at a :class:`Pause` those are judged that
            have come.
        find: asks all detectors but models.
        readers: models.
        wanted: types of spans to report; None for all.

    Yields:
        ``{"id", "findings": [{"type", "start", "end", "score", "detector"}], "labels": {label: score},
        "flagged": [labels]}``, or ``{"id", "error": {"code", "what", "why", "remedy"}}``.
    """
    parsed = (row if isinstance(row, Row | BadRow | Pause) else row_of(row) for row in rows)
    with ThreadPoolExecutor(1, thread_name_prefix="screen") as apart:
        for batch in _batches(parsed):
            work = [_Work(row, error=row.error) if isinstance(row, BadRow) else _Work(row) for row in batch]
            # A loop of its own, in a thread of its own: the caller may have one running.
            apart.submit(asyncio.run, _find(work, find)).result()
            _read(work, readers)
            for item in work:
                yield _document(item, wanted)


def _batches(rows: Iterator[Row | BadRow | Pause]) -> Iterator[list[Row | BadRow]]:
    batch: list[Row | BadRow] = []
    size = 0
    for row in rows:
        if not isinstance(row, Pause):
            batch.append(row)
            size += len(row.text) if isinstance(row, Row) else 0
        if batch and (isinstance(row, Pause) or len(batch) == BATCH or size >= MAX_TOGETHER):
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _find(work: Iterable[_Work], find: Find) -> None:
    for item in work:
        if isinstance(item.row, BadRow):
            continue
        try:
            item.findings = list(await find(item.row.text, item.row.role))
        except GovkernelError as error:
            item.error = error


def _read(work: Sequence[_Work], readers: Readers) -> None:
    good = [(item, item.row) for item in work if item.error is None and isinstance(item.row, Row)]
    texts, roles = [row.text for _, row in good], [row.role for _, row in good]
    for (item, _), said in zip(good, readers.ask_many(texts, roles, Depth.DOUBT), strict=True):
        if isinstance(said, Joined):
            item.models = said
        else:
            item.error = said


def _document(item: _Work, wanted: frozenset[str] | None) -> dict[str, Any]:
    if item.error is not None or item.models is None:
        return {"id": item.row.id, "error": dict(item.error.as_dict()) if item.error else {}}
    spans = with_read(item.findings, item.models.findings)
    labels, flagged = _labels(item.findings, item.models)
    return {
        "id": item.row.id,
        "findings": [
            _finding(found)
            for found in sorted(spans, key=place)
            if not found.whole_message and (wanted is None or found.label in wanted)
        ],
        "labels": labels,
        "flagged": flagged,
    }


def document_of(row: str | int | None, found: Sequence[Finding]) -> dict[str, Any]:
    """The document of one message, as :func:`screen_rows` gives it, with the scores of what was flagged only.

    Args:
        row: its id.
        found: what :meth:`runtime_guard.screen.Screen.message` found.
    """
    labels, flagged = _labels(found, Joined({}, (), ()))
    spans = [_finding(item) for item in found if not item.whole_message]
    return {"id": row, "findings": spans, "labels": labels, "flagged": flagged}


def _labels(findings: Iterable[Finding], models: Joined) -> tuple[dict[str, float], list[str]]:
    """Scores and flags: a rule that matched flags its label, whatever the models think."""
    scores = dict(models.scores)
    flagged = {found.label for found in models.whole}
    for found in findings:
        if found.label.islower() and found.label != HIDDEN_TEXT:
            flagged.add(found.label)
            scores[found.label] = max(found.score, scores.get(found.label, 0.0))
    return {label: round(score, 4) for label, score in scores.items()}, sorted(flagged)


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "type": found.label,
        "start": found.start,
        "end": found.end,
        "score": round(found.score, 4),
        "detector": found.detector,
    }
