"""Findings of patterns as plain tuples, and which of them stay: the rules of Presidio's ``EntityRecognizer``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Result(NamedTuple):
    """What a recognizer found.

    Attributes:
        entity: its type.
        start, end: where, as character offsets.
        score: between 0 and 1.
    """

    entity: str
    start: int
    end: int
    score: float


def without_duplicates(results: Sequence[Result]) -> list[Result]:
    """What ``EntityRecognizer.remove_duplicates`` leaves, in its order: the best first.

    A result goes when it scores 0, or when one of its type holds all of it and scores no less.
    """
    if len(results) < 2:
        return [result for result in results if result.score]
    kept: list[Result] = []
    active: list[Result] = []
    entity = None
    for result in sorted(set(results), key=_by_place):
        if result.entity != entity:
            entity, active = result.entity, []
        if result.score == 0:
            continue
        active = [other for other in active if other.end >= result.start]
        if not any(other.end >= result.end and other.score >= result.score for other in active):
            kept.append(result)
            active.append(result)
    return sorted(kept, key=_by_score)


def _by_place(result: Result) -> tuple[str, int, int, float]:
    return (result.entity, result.start, -result.end, -result.score)


def _by_score(result: Result) -> tuple[float, int, int]:
    return (-result.score, result.start, result.start - result.end)
