"""Screen many rows in order: patterns text by text, judges and encoders a batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from govkernel.domain import Finding
from govkernel.errors import GovkernelError
from runtime_guard.cells import blocks
from runtime_guard.judge import BatchDetector, Judge, flagged_for
from runtime_guard.rows import BadRow, Row, row_of
from runtime_guard.views import views

if TYPE_CHECKING:
    from runtime_guard.screen import Screen

BATCH: Final = 64
"""Rows that are judged together."""

MAX_TOGETHER: Final = 1024 * 1024
"""Characters that are judged together, so that a batch of long rows stays bounded."""


@dataclass
class _Work:
    """A row on its way.

    Attributes:
        row: the row.
        findings: spans found so far.
        scores: the highest score per label.
        error: why it could not be screened.
    """

    row: Row | BadRow
    findings: list[Finding] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    error: GovkernelError | None = None


@dataclass(frozen=True)
class Team:
    """Who screens a batch.

    Attributes:
        patterns: detectors that look at one text at a time.
        taggers: detectors that look at many.
        judges: those that score messages as a whole.
        disguises: look at views of a text too.
        wanted: types of spans to report; None for all.
    """

    patterns: Screen
    taggers: Sequence[BatchDetector]
    judges: Sequence[Judge]
    disguises: bool
    wanted: frozenset[str] | None


def screen_rows(rows: Iterable[Any], team: Team) -> Iterator[dict[str, Any]]:
    """One document per row, in order.

    Args:
        rows: mappings as in JSON lines, or :class:`Row` and :class:`BadRow`.
        team: who screens.

    Yields:
        ``{"id", "findings": [{"type", "start", "end", "score", "detector"}], "labels": {label: score},
        "flagged": [labels]}``, or ``{"id", "error": {"code", "what", "why", "remedy"}}``.
    """
    parsed = (row if isinstance(row, Row | BadRow) else row_of(row) for row in rows)
    with ThreadPoolExecutor(1, thread_name_prefix="screen") as apart:
        for batch in _batches(parsed):
            work = [_Work(row, error=row.error) if isinstance(row, BadRow) else _Work(row) for row in batch]
            _screen(work, team, apart)
            for item in work:
                yield _document(item, team)


def _batches(rows: Iterator[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    batch: list[Row | BadRow] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.text) if isinstance(row, Row) else 0
        if len(batch) == BATCH or size >= MAX_TOGETHER:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _screen(work: Sequence[_Work], team: Team, apart: Executor) -> None:
    # A loop of its own, in a thread of its own: the caller may have one running.
    apart.submit(asyncio.run, _find(work, team.patterns)).result()
    good = [item for item in work if item.error is None]
    texts = [item.row.text for item in good if isinstance(item.row, Row)]
    for tagger in team.taggers:
        for item, found in zip(good, tagger.detect_many(texts), strict=True):
            item.findings += _new(found, item.findings)
    for judge in team.judges:
        _judge(good, judge, disguises=team.disguises)


async def _find(work: Iterable[_Work], screen: Screen) -> None:
    for item in work:
        if isinstance(item.row, BadRow):
            continue
        try:
            item.findings = list(await screen.findings(item.row.text, item.row.role, blocks))
        except GovkernelError as error:
            item.error = error


def _new(found: Iterable[Finding], known: Sequence[Finding]) -> list[Finding]:
    """Findings that no pattern has made: where two see the same place, the one with a checksum is right."""
    return [item for item in found if not any(item.start < old.end and old.start < item.end for old in known)]


def _judge(work: Sequence[_Work], judge: Judge, *, disguises: bool) -> None:
    shown: list[tuple[_Work, str, str]] = []
    for item in work:
        if isinstance(item.row, Row):
            shown.append((item, item.row.text, item.row.role))
            if disguises:
                for window in blocks(item.row.text):
                    shown += [(item, view.text, item.row.role) for view in views(window.text)]
    scores = judge.judge([text for _, text, _ in shown], [role for _, _, role in shown])
    for (item, _, _), found in zip(shown, scores, strict=True):
        for label, score in found.items():
            item.scores[label] = max(score, item.scores.get(label, 0.0))


def _document(item: _Work, team: Team) -> dict[str, Any]:
    if item.error is not None:
        return {"id": item.row.id, "error": dict(item.error.as_dict())}
    labels, flagged = _labels(item, _thresholds(team.judges))
    wanted = [
        found
        for found in sorted(item.findings, key=lambda it: (it.start, -it.end, it.label))
        if not found.whole_message and (team.wanted is None or found.label in team.wanted)
    ]
    return {
        "id": item.row.id,
        "findings": [_finding(found) for found in wanted],
        "labels": labels,
        "flagged": flagged,
    }


def _labels(item: _Work, thresholds: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """Scores and flags: a rule that matched flags its label, whatever the judges think."""
    scores = dict(item.scores)
    ruled = {found.label for found in item.findings if found.label.islower() and found.label != "hidden_text"}
    for found in item.findings:
        if found.label in ruled:
            scores[found.label] = max(found.score, scores.get(found.label, 0.0))
    role = item.row.role if isinstance(item.row, Row) else "user"
    over = {
        label
        for label, score in item.scores.items()
        if score >= thresholds.get(label, 1.0) and flagged_for(label, role)
    }
    return {label: round(score, 4) for label, score in scores.items()}, sorted(over | ruled)


def _thresholds(judges: Iterable[Judge]) -> dict[str, float]:
    return {label: value for judge in judges for label, value in judge.thresholds.items()}


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "type": found.label,
        "start": found.start,
        "end": found.end,
        "score": round(found.score, 4),
        "detector": found.detector,
    }
