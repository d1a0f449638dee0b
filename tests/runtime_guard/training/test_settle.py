"""Where the gate's word is final: next to nothing of a label is lost, and no less is settled than label by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime_guard.readers.interface import SAFETY_LABELS, flagged_for
from runtime_guard.training.example import ENTITIES, Example
from runtime_guard.training.settle import (
    LOSS,
    MARGIN,
    NEVER,
    SURE,
    entities_bound,
    is_settled,
    settled_bounds,
)
from runtime_guard.training.tables import Judged

Logits = NDArray[np.float32]
Part = tuple[Judged, Logits]

COUNT = len(SAFETY_LABELS)
LEVEL = 1 / 199
"""Share of the harmless texts between two bounds that are tried."""

NOUGHT = dict.fromkeys(SAFETY_LABELS, 0.0)
NOTHING: Part = (Judged([], np.zeros((0, COUNT), np.float32)), np.zeros((0, COUNT), np.float32))
ROUNDING = 1e-5


def text(label: str = "", *, role: str = "user", source: str = "test") -> Example:
    """A text that is one label's, or harmless."""
    known = dict.fromkeys(SAFETY_LABELS, 0) | ({label: 1} if label else {})
    return Example("", role, source, known)


def part(seed: int, count: int, kinds: Sequence[str]) -> Part:
    """So many texts, each harmless or one of some labels', and what a gate and both models together make of them."""
    rng = np.random.default_rng(seed)
    examples = [
        text(str(rng.choice(kinds)), role=str(rng.choice(["user", "assistant"]))) for _ in range(count)
    ]
    known = np.array([[item.known[label] for label in SAFETY_LABELS] for item in examples]).reshape(-1, COUNT)
    gate = rng.normal(-2, 1.5, (count, COUNT)) + 3 * known + rng.normal(0, 1, (count, 1))
    both = gate + rng.normal(1, 2, (count, COUNT)) * known
    return Judged(examples, both.astype(np.float32)), gate.astype(np.float32)


PARTS = st.lists(
    st.builds(
        part,
        st.integers(0, 2**32),
        st.integers(0, 40) | st.integers(400, 900),
        st.lists(st.sampled_from(["", *SAFETY_LABELS]), min_size=1, max_size=3).map(
            lambda kinds: ["", *kinds]
        ),
    ),
    min_size=1,
    max_size=2,
)


def settled_clean(item: Example, gate: Logits, clear: Mapping[str, float]) -> bool:
    """Whether a text lies below the bounds of all labels that its role can have."""
    return all(
        gate[column] < clear[label]
        for column, label in enumerate(SAFETY_LABELS)
        if flagged_for(label, item.role)
    )


def flagged(parts: Sequence[Part], label: str) -> tuple[int, list[tuple[Example, Logits]]]:
    """How many texts have a label, and those of them that both models together flag, with the gate's logits."""
    column = SAFETY_LABELS.index(label)
    having = [
        (item, both[column], gate)
        for judged, logits in parts
        for item, both, gate in zip(judged.examples, judged.logits, logits, strict=True)
        if item.known[label] and flagged_for(label, item.role)
    ]
    return len(having), [(item, gate) for item, both, gate in having if both >= 0]


def share(parts: Sequence[Part], clear: Mapping[str, float]) -> float:
    """Share of the harmless texts that is settled as clean, all parts alike."""
    shares = [
        np.mean([settled_clean(item, gate, clear) for item, gate in calm])
        for judged, logits in parts
        if (calm := [found for found in zip(judged.examples, logits, strict=True) if found[0].safe])
    ]
    return float(sum(shares))


@given(PARTS)
@settings(max_examples=40, deadline=None)
def test_of_no_label_more_is_lost_than_may_be_even_where_the_gate_thinks_better_of_it(
    parts: list[Part],
) -> None:
    clear, _ = settled_bounds(parts, NOUGHT)
    for label in SAFETY_LABELS:
        count, found = flagged(parts, label)
        lowered = [settled_clean(item, gate - (MARGIN - ROUNDING), clear) for item, gate in found]
        assert sum(lowered) <= int(LOSS * count)


@given(PARTS)
@settings(max_examples=40, deadline=None)
def test_no_less_is_settled_than_with_each_bound_chosen_alone(parts: list[Part]) -> None:
    alone = {}
    for label in SAFETY_LABELS:
        count, found = flagged(parts, label)
        most, logits = int(LOSS * count), sorted(gate[SAFETY_LABELS.index(label)] for _, gate in found)
        alone[label] = float(logits[most]) - MARGIN if most < len(logits) else NEVER
    clear, _ = settled_bounds(parts, NOUGHT)
    fewest = min((sum(item.safe for item in judged.examples) or 1000 for judged, _ in parts), default=1)
    assert share(parts, clear) >= share(parts, alone) - len(parts) * COUNT * (LEVEL + 1 / fewest)


@given(PARTS)
@settings(max_examples=40, deadline=None)
def test_hardly_a_harmless_text_is_settled_as_bad(parts: list[Part]) -> None:
    clear, certain = settled_bounds(parts, NOUGHT)
    for column, label in enumerate(SAFETY_LABELS):
        assert certain[label] >= clear[label]
        for judged, logits in parts:
            calm = [
                gate[column]
                for item, gate in zip(judged.examples, logits, strict=True)
                if not item.known[label] and flagged_for(label, item.role)
            ]
            assert sum(value > certain[label] for value in calm) < SURE * len(calm) + 1


def spread(count: int, label: str = "", source: str = "test", **looks: float) -> Part:
    """Texts with logits around -5, but for some labels."""
    rng = np.random.default_rng(count)
    gate = rng.uniform(-6, -4, (count, COUNT)).astype(np.float32)
    for name, value in looks.items():
        gate[:, SAFETY_LABELS.index(name)] = value + rng.uniform(-1, 1, count)
    return Judged([text(label, source=source)] * count, np.full((count, COUNT), 1, np.float32)), gate


def joined(*parts: Part) -> Part:
    """Several parts as one."""
    return (
        Judged(
            [item for judged, _ in parts for item in judged.examples],
            np.concatenate([judged.logits for judged, _ in parts]),
        ),
        np.concatenate([gate for _, gate in parts]),
    )


@pytest.mark.parametrize(
    ("violent", "least", "most"),
    [
        ({"violence": 2}, 0.95, 1),
        ({"violence": -7}, 0, 0.05),
        ({"violence": -7, "harmful_request": 2}, 0.95, 1),
        ({"violence": -7, "harmful_response": 2}, 0, 0.05),  # no label of what a user writes
    ],
)
def test_a_text_may_be_spared_by_looking_like_another_label(
    violent: dict[str, float], least: float, most: float
) -> None:
    parts = [joined(spread(200), spread(50, "violence", **violent))]
    clear, _ = settled_bounds(parts, NOUGHT)
    assert least <= share(parts, clear) <= most


def test_a_small_source_counts_as_much_as_a_large_one() -> None:
    few = spread(40, source="few", violence=-9, hate=-1)
    many = spread(300, source="many", violence=-1, hate=-9)
    others = spread(60, source="others", violence=5, hate=-1)
    bad = [
        spread(30, label, violence=-3, hate=-3) for label in ("violence", "hate")
    ]  # one bound has to stay low
    clear, _ = settled_bounds([joined(few, many, others, *bad)], NOUGHT)
    assert share([few], clear) > 0.9
    assert share([many], clear) < 0.1


def test_so_many_texts_may_be_lost_of_both_parts_together() -> None:
    hidden = spread(1, "violence", violence=-9)
    parts = [joined(spread(200), spread(199, "violence", violence=3)), joined(hidden, spread(300))]
    clear, _ = settled_bounds(parts, NOUGHT)
    assert int(LOSS * 200) == 1
    assert settled_clean(hidden[0].examples[0], hidden[1][0], clear)
    clear, _ = settled_bounds([*parts, hidden], NOUGHT)
    assert not settled_clean(hidden[0].examples[0], hidden[1][0], clear)


@pytest.mark.parametrize("parts", [[NOTHING], [NOTHING, NOTHING]])
def test_of_nothing_nothing_is_settled(parts: list[Part]) -> None:
    assert settled_bounds(parts, NOUGHT) == (dict.fromkeys(SAFETY_LABELS, -NEVER),) * 2


def test_a_part_of_no_texts_changes_nothing() -> None:
    known = part(1, 200, ["", "violence", "hate"])
    assert settled_bounds([NOTHING, known], NOUGHT) == settled_bounds([known], NOUGHT)


def test_where_nothing_is_bad_nearly_everything_is_settled() -> None:
    parts = [spread(300)]
    clear, _ = settled_bounds(parts, NOUGHT)
    assert share(parts, clear) > 0.95


def test_where_everything_is_bad_nothing_is() -> None:
    parts = [spread(300, "violence")]
    clear, _ = settled_bounds(parts, NOUGHT)
    assert not any(settled_clean(text(), gate, clear) for gate in parts[0][1])


@pytest.mark.parametrize(
    ("role", "label", "logit", "settled"),
    [
        ("user", "violence", -2.0, True),
        ("user", "violence", -1.0, True),
        ("user", "violence", 0.0, False),
        ("user", "violence", 1.0, True),
        ("user", "violence", 2.0, True),
        ("assistant", "violence", 0.0, False),
        ("assistant", "harmful_request", 0.0, True),
        ("assistant", "harmful_response", 0.0, False),
        ("tool", "harmful_response", 0.0, True),
    ],
)
def test_a_text_is_settled_outside_of_the_bounds_of_all_labels_of_its_role(
    role: str, label: str, logit: float, settled: bool
) -> None:
    gate = np.full(COUNT, -2, np.float32)
    gate[SAFETY_LABELS.index(label)] = logit
    clear, certain = dict.fromkeys(SAFETY_LABELS, -1.0), dict.fromkeys(SAFETY_LABELS, 1.0)
    assert is_settled(text(role=role), gate, clear, certain) is settled


@pytest.mark.parametrize("personal", [0, 1, 3, 400])
def test_below_the_bound_for_personal_data_hardly_a_text_has_some(personal: int) -> None:
    examples = [Example("", "user", "test", {ENTITIES: int(row < personal)}) for row in range(500)]
    examples[-1] = Example("", "user", "test", {})
    logits = np.random.default_rng(2).normal(0, 2, (500, 1)).astype(np.float32)
    bound = entities_bound(Judged(examples, logits), 0)
    assert sum(logits[:personal, 0] < bound) < LOSS * personal + 1
    assert bound == -NEVER if not personal else bound <= np.median(logits[:personal])
