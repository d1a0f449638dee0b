"""Bounds spare harmless text: of all there is, and of any one kind of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.bounds import (
    LOOK_ALIKE,
    OF_ANY_KIND,
    flagged_share,
    harmless,
    shared_bounds,
    spared,
)
from runtime_guard.training.example import Example
from runtime_guard.training.generate import PREFIX
from runtime_guard.training.manuals import FILES
from runtime_guard.training.recipe import NONE
from runtime_guard.training.tables import Judged

LOW = dict.fromkeys(SAFETY_LABELS, 0.0)
KINDS = ("posts", "plays", "prose")


def judged(rows: list[tuple[str, list[float]]]) -> Judged:
    """Harmless texts of users, with the logits of each label."""
    examples = [Example(str(number), "user", source, NONE) for number, (source, _) in enumerate(rows)]
    return Judged(
        examples, np.array([logits for _, logits in rows], np.float32).reshape(-1, len(SAFETY_LABELS))
    )


ROWS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.lists(st.floats(-4, 4, width=32), min_size=len(SAFETY_LABELS), max_size=len(SAFETY_LABELS)),
    ),
    min_size=1,
    max_size=60,
)


@given(ROWS, st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_no_kind_has_more_than_its_share_and_no_bound_sinks(
    rows: list[tuple[str, list[float]]], most: float
) -> None:
    texts = judged(rows)
    bounds = spared(texts, LOW, most)
    assert all(bounds[label] >= LOW[label] for label in SAFETY_LABELS)
    for count, share in flagged_share(texts.examples, texts.logits, bounds).values():
        assert share * count <= int(most * count) + 1e-9


@given(ROWS)
def test_bounds_that_spare_enough_stay(rows: list[tuple[str, list[float]]]) -> None:
    texts = judged(rows)
    bounds = spared(texts, LOW, 0.3)
    assert spared(texts, bounds, 0.3) == bounds


def test_only_labels_that_flag_the_spared_text_are_raised() -> None:
    calm = [-3.0] * len(SAFETY_LABELS)
    rows = [("plays", [*([1.0] if number < 2 else [-3.0]), *calm[1:]]) for number in range(20)]
    bounds = spared(judged(rows), LOW, 0.05)
    assert bounds[SAFETY_LABELS[0]] > 1.0
    assert all(bounds[label] == 0.0 for label in SAFETY_LABELS[1:])


def test_harmful_texts_and_those_of_which_little_is_known_do_not_count() -> None:
    rows = [
        Example("a", "user", "posts", NONE),
        Example("b", "user", "posts", NONE | {"hate": 1}),
        Example("c", "user", "prose", {"hate": 0}),
    ]
    found = harmless(rows, np.zeros((3, len(SAFETY_LABELS)), np.float32))
    assert {source: len(logits) for source, logits in found.items()} == {"posts": 1}


def test_what_is_not_flagged_for_a_role_is_not_over_its_bound() -> None:
    answer = Example("a", "assistant", "posts", NONE)
    logits = np.full((1, len(SAFETY_LABELS)), 5.0, np.float32)
    (row,) = harmless([answer], logits)["posts"]
    assert np.isnan(row[SAFETY_LABELS.index("prompt_injection")])
    assert row[SAFETY_LABELS.index("harmful_response")] == 5.0


def test_the_text_that_is_least_above_is_spared_first() -> None:
    calm = [-3.0] * len(SAFETY_LABELS)
    first = [1.0, 3.0, *[-3.0] * 18]
    bounds = spared(judged([("plays", [logit, *calm[1:]]) for logit in first]), LOW, 0.05)
    assert 1.0 < bounds[SAFETY_LABELS[0]] <= 3.0


def test_the_text_that_costs_least_of_what_is_found_is_spared_first() -> None:
    calm = [-3.0] * len(SAFETY_LABELS)
    plays = [("plays", [1.0, *calm[1:]]), ("plays", [-3.0, 2.0, *calm[2:]]), *[("plays", calm)] * 18]
    texts = judged(plays)
    dear = Example("dear", "user", "attacks", {SAFETY_LABELS[0]: 1})
    both = Judged([*texts.examples, dear], np.vstack([texts.logits, [0.5, *calm[1:]]]).astype(np.float32))
    assert spared(texts, LOW, 0.05)[SAFETY_LABELS[0]] > 1.0
    bounds = spared(both, LOW, 0.05)
    assert bounds[SAFETY_LABELS[0]] == 0.0
    assert bounds[SAFETY_LABELS[1]] > 2.0


def test_bounds_that_ship_spare_each_kind_but_the_widest() -> None:
    rng = np.random.default_rng(3)
    loud = [("posts", rng.normal(2, 1, len(SAFETY_LABELS)).tolist()) for _ in range(40)]
    calm = [("prose", rng.normal(-2, 1, len(SAFETY_LABELS)).tolist()) for _ in range(4000)]
    texts = judged([*loud, *calm])
    shares = {
        rate: flagged_share(texts.examples, texts.logits, bounds)["posts"][1]
        for rate, bounds in shared_bounds(texts, texts).items()
    }
    assert max(shares["0.1%"], shares["1%"]) <= OF_ANY_KIND < shares["5%"]


def test_generated_texts_may_be_flagged_more_often() -> None:
    logits = np.tile(np.linspace(-4, 4, 4000, dtype=np.float32)[:, None], (1, len(SAFETY_LABELS)))
    real, made = (
        Judged([Example(str(row), "user", source, NONE) for row in range(4000)], logits)
        for source in ("prose", f"{PREFIX}everyday")
    )
    calm = Judged(real.examples, logits - 8)
    strict, mild = (shared_bounds(own, calm)["1%"]["hate"] for own in (real, made))
    assert np.mean(logits[:, 0] >= strict) == pytest.approx(0.01, abs=0.001)
    assert np.mean(logits[:, 0] >= mild) == pytest.approx(LOOK_ALIKE * 0.01, abs=0.001)


@given(ROWS, ROWS)
def test_what_is_flagged_at_one_rate_is_flagged_at_every_wider_one(
    own: list[tuple[str, list[float]]], strange: list[tuple[str, list[float]]]
) -> None:
    bounds = shared_bounds(judged(own), judged(strange))
    assert all(bounds["0.1%"][label] >= bounds["1%"][label] >= bounds["5%"][label] for label in SAFETY_LABELS)


def test_technical_text_counts_where_it_was_kept_out_not_where_a_fold_left_all_of_it_out() -> None:
    def level(value: float) -> list[float]:
        return [value] * len(SAFETY_LABELS)

    low = [("posts", level(-3.0))] * 200
    never_seen = judged([*low, *[(FILES, level(9.0))] * 20])
    kept_out = judged([*low, *[(FILES, level(-2.0))] * 18, *[(FILES, level(2.0))] * 2])
    for rate in ("1%", "0.1%"):
        assert 2.0 < shared_bounds(kept_out, never_seen)[rate]["hate"] < 9.0
        assert shared_bounds(judged(low), judged(low))[rate]["hate"] < 2.0
