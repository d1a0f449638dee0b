"""Span F1: personal data found exactly, per entity; what a source leaves unmarked, or marks in part, does not count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runtime_guard.training.tagged import Tagged

Span = tuple[int, int, str]


@dataclass
class SpanCounts:
    """Right, wrong and missed spans per entity."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, truth: Tagged, found: Iterable[Span]) -> None:
        """Count one text."""
        there = set(truth.spans)
        said = {span for span in found if span in there or _counts(truth, span)}
        self.right.update(span[2] for span in there & said)
        self.wrong.update(span[2] for span in said - there)
        self.missed.update(span[2] for span in there - said)

    def f1(self, entity: str | None = None) -> float:
        """F1 of an entity, or over all (micro)."""
        right, wrong, missed = (
            sum(part.values()) if entity is None else part[entity]
            for part in (self.right, self.wrong, self.missed)
        )
        return 2 * right / (2 * right + wrong + missed) if right else 0.0


def _counts(truth: Tagged, span: Span) -> bool:
    """Whether a span that is not there is wrong: its type is annotated, and its place not doubtful."""
    over = any(start < span[1] and span[0] < end for start, end in truth.doubtful)
    return span[2] in truth.annotated and not over


def counted(truths: Sequence[Tagged], found: Sequence[Iterable[Span]]) -> dict[str, SpanCounts]:
    """Counts per source."""
    counts: dict[str, SpanCounts] = {}
    for truth, spans in zip(truths, found, strict=True):
        counts.setdefault(truth.source, SpanCounts()).add(truth, spans)
    return counts


def markdown_spans(columns: dict[str, dict[str, SpanCounts]]) -> str:
    """F1 per source and entity as a table, one column per system."""
    first = next(iter(columns.values()))
    head = f"| source | entity | spans | {' | '.join(columns)} |\n|---|---|---|{'---|' * len(columns)}\n"
    lines = [
        _line(columns, source, entity)
        for source, counts in sorted(first.items())
        for entity in (*sorted(set(counts.right) | set(counts.missed)), None)
    ]
    return head + "".join(lines)


def _line(columns: dict[str, dict[str, SpanCounts]], source: str, entity: str | None) -> str:
    counts = next(iter(columns.values()))[source]
    number = sum(
        sum(part.values()) if entity is None else part[entity] for part in (counts.right, counts.missed)
    )
    scores = " | ".join(f"{column[source].f1(entity):.3f}" for column in columns.values())
    return f"| {source} | {entity or 'all'} | {number} | {scores} |\n"
