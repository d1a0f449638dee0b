"""Obligations become masks: which treatment counts, and what stands in."""

from __future__ import annotations

import asyncio

import pytest

from govkernel.domain import Finding, Obligation
from runtime_guard.redact import (
    Mask,
    Numbered,
    Treatment,
    Wanted,
    apply,
    covers,
    labels_of,
    masks,
    replacements,
)


def found(label: str, start: int, end: int, score: float = 1.0) -> Finding:
    return Finding(label=label, start=start, end=end, score=score, detector="test")


def duties(*said: str) -> list[Obligation]:
    return [Obligation(type=kind, arguments=tuple(labels)) for kind, *labels in map(str.split, said)]


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (["redact"], Treatment.LABEL),
        (["tokenize"], Treatment.NAME),
        (["pseudonymize"], Treatment.FAKE),
        (["pseudonymize", "tokenize A"], Treatment.NAME),
        (["pseudonymize A", "redact A", "tokenize A"], Treatment.LABEL),
        (["tokenize A", "redact B"], Treatment.NAME),
        (["tokenize B", "detokenize", "block"], None),
    ],
)
def test_the_most_protective_treatment_counts(said: list[str], how: Treatment | None) -> None:
    expected = [] if how is None else [Mask(2, 5, "A", how)]
    assert masks([found("A", 2, 5)], duties(*said)) == expected


@pytest.mark.parametrize(
    ("findings", "mask"),
    [
        ([found("A", 0, 4, 0.9), found("B", 2, 8, 0.5)], Mask(0, 8, "A", Treatment.LABEL)),
        ([found("A", 0, 4, 0.5), found("B", 2, 8, 0.9)], Mask(0, 8, "B", Treatment.LABEL)),
        ([found("A", 0, 8, 0.9), found("B", 2, 4, 0.5)], Mask(0, 8, "A", Treatment.LABEL)),
        ([found("A", 0, 4), found("A", 3, 6)], Mask(0, 6, "A", Treatment.NAME)),
    ],
)
def test_overlapping_findings_are_one_mask_and_get_the_more_protective_treatment(
    findings: list[Finding], mask: Mask
) -> None:
    assert masks(findings, duties("tokenize A", "redact B")) == [mask]


def test_what_stands_in_is_asked_for_all_at_once() -> None:
    asked: list[list[Wanted]] = []

    class Names(Numbered):
        async def names(self, wanted):
            asked.append(list(wanted))
            return await super().names(wanted)

    to_mask = [
        Mask(0, 1, "A", Treatment.NAME),
        Mask(2, 3, "B", Treatment.LABEL),
        Mask(4, 5, "A", Treatment.FAKE),
        Mask(6, 7, "A", Treatment.NAME),
    ]
    stand_ins = asyncio.run(replacements(to_mask, ["x", "y", "z", "X"], Names()))
    assert stand_ins == ["<A_1>", "<B>", "<A_2>", "<A_1>"]
    assert asked == [[Wanted("A", "x"), Wanted("A", "z", fake=True), Wanted("A", "X")]]
    assert apply("x y z X!", to_mask, stand_ins) == "<A_1> <B> <A_2> <A_1>!"


def test_a_wanted_value_is_not_shown() -> None:
    assert "secret" not in repr(Wanted("A", "secret"))


@pytest.mark.parametrize(
    ("said", "label", "covered"),
    [
        (["detokenize"], "A", True),
        (["detokenize A", "detokenize"], "B", True),
        (["detokenize A"], "B", False),
        ([], "A", False),
    ],
)
def test_an_obligation_without_labels_is_about_all(said: list[str], label: str, covered: bool) -> None:
    assert covers(labels_of(duties(*said), "detokenize"), label) is covered
