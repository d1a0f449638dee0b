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
    return sorted(outermost(results), key=_by_score)


def outermost(results: Sequence[Result]) -> list[Result]:
    """The same in the order of types and places; of the best, that order stays where they are equally good."""
    ordered = sorted([result for result in results if result.score])
    if not _touch(ordered):
        return ordered
    kept: list[Result] = []
    active: list[Result] = []
    entity = None
    for result in sorted(ordered, key=_by_place):
        if result.entity != entity:
            entity, active = result.entity, []
        active = [other for other in active if other.end >= result.start]
        if not any(other.end >= result.end and other.score >= result.score for other in active):
            kept.append(result)
            active.append(result)
    return kept


def _touch(ordered: Sequence[Result]) -> bool:
    """Whether any two results of one type overlap or stand side by side."""
    before, reach = "", -1
    for entity, start, end, _ in ordered:
        if start <= reach and entity == before:
            return True
        before, reach = entity, end
    return False


def _by_place(result: Result) -> tuple[str, int, int, float]:
    return (result.entity, result.start, -result.end, -result.score)


def _by_score(result: Result) -> tuple[float, int, int]:
    return (-result.score, result.start, result.start - result.end)
