"""Findings and where they stand."""

from __future__ import annotations

import pytest

from govkernel.domain import Finding
from runtime_guard.spans import joined_over_cells, with_read


def span(label: str, start: int, end: int, score: float = 0.5) -> Finding:
    return Finding(label=label, start=start, end=end, score=score, detector="d")


@pytest.mark.parametrize(
    ("found", "read", "together"),
    [
        ([], [("PERSON", 0, 4)], [("PERSON", 0, 4)]),
        ([("US_SSN", 2, 6)], [("PERSON", 0, 4)], [("US_SSN", 2, 6)]),
        ([("US_SSN", 4, 6)], [("PERSON", 0, 4)], [("US_SSN", 4, 6), ("PERSON", 0, 4)]),
        ([("DATE_TIME", 0, 8)], [("DATE_TIME", 0, 13)], [("DATE_TIME", 0, 13)]),
        ([("DATE_TIME", 0, 8)], [("DATE_TIME", 2, 13)], [("DATE_TIME", 0, 8)]),
        ([("DATE_TIME", 0, 4), ("DATE_TIME", 5, 9)], [("DATE_TIME", 0, 9)], [("DATE_TIME", 0, 9)]),
        ([("DATE_TIME", 0, 4), ("URL", 5, 9)], [("DATE_TIME", 0, 9)], [("DATE_TIME", 0, 4), ("URL", 5, 9)]),
        ([("prompt_injection", 0, 9)], [("PERSON", 2, 4)], [("prompt_injection", 0, 9), ("PERSON", 2, 4)]),
    ],
)
def test_patterns_win_unless_a_model_sees_more_of_the_same(found, read, together) -> None:
    made = with_read([span(*item) for item in found], [span(*item) for item in read])
    assert [(item.label, item.start, item.end) for item in made] == together


def test_the_higher_score_of_the_same_thing_counts() -> None:
    (made,) = with_read([span("DATE_TIME", 0, 8, 0.9)], [span("DATE_TIME", 0, 13, 0.6)])
    assert made.score == 0.9


def test_parts_in_neighbouring_cells_are_one_finding() -> None:
    parts = [span("A", 0, 5, 0.3), span("A", 5, 9, 0.6), span("A", 12, 14), span("B", 5, 9)]
    made = joined_over_cells(parts)
    assert [(item.label, item.start, item.end, item.score) for item in made] == [
        ("A", 0, 9, 0.6),
        ("B", 5, 9, 0.5),
        ("A", 12, 14, 0.5),
    ]
