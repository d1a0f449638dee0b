"""Recipes of orders: enough different texts, of like length on both sides, the same for the same seed."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from statistics import median

import pytest

from runtime_guard.training.example import Example
from runtime_guard.training.generate import PREFIX, RECIPES, generate
from runtime_guard.training.orders import ORDERS, PAIRS
from runtime_guard.training.recipe import HERE, Recipe

CARRIERS = tuple(
    f"{who} {did} {when}."
    for who in ("The museum", "A neighbour", "The second team", "My aunt", "The printer", "Nobody")
    for did in ("opened a window", "ordered soup", "lost the map", "answered late", "moved the chairs")
    for when in ("on Monday", "before noon", "in the rain", "again")
)
LONGEST = 4000
DISTINCT = 0.8
SEXUAL = re.compile(r"(?i)\b(sex\w*|porn\w*|erotic\w*|nude\w*|naked)\b")
YOUNG = re.compile(
    r"(?i)\b(child\w*|kids?|teen\w*|minors?|underage|schoolgirl|schoolboy|toddlers?|pupils?)\b"
)


@cache
def everything() -> dict[str, list[Example]]:
    """Generated examples of these recipes, by source."""
    found: dict[str, list[Example]] = {PREFIX + recipe.name: [] for recipe in ORDERS}
    for example in generate(CARRIERS, 7):
        if example.source in found:
            found[example.source].append(example)
    return found


def texts(recipe: Recipe) -> list[str]:
    return [example.text for example in everything()[PREFIX + recipe.name]]


def test_names_are_each_given_once() -> None:
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)


@pytest.mark.parametrize("recipe", ORDERS, ids=lambda recipe: recipe.name)
def test_most_texts_of_a_recipe_are_different(recipe: Recipe) -> None:
    assert len(texts(recipe)) >= DISTINCT * recipe.count


@pytest.mark.parametrize("recipe", ORDERS, ids=lambda recipe: recipe.name)
def test_texts_are_neither_empty_nor_long_nor_unfinished(recipe: Recipe) -> None:
    for text in texts(recipe):
        assert text.strip()
        assert len(text) <= LONGEST
        assert HERE not in text


@pytest.mark.parametrize(("bad", "good"), PAIRS, ids=lambda recipe: recipe.name)
def test_both_sides_of_a_pair_are_of_like_length_and_number(bad: Recipe, good: Recipe) -> None:
    first, second = (median(map(len, texts(recipe))) for recipe in (bad, good))
    assert 0.5 <= first / second <= 2
    assert 0.75 <= bad.count / good.count <= 1.25


@pytest.mark.parametrize(("bad", "good"), PAIRS, ids=lambda recipe: recipe.name)
def test_both_sides_of_a_pair_stand_in_the_same_places(bad: Recipe, good: Recipe) -> None:
    assert (bad.among, bad.held) == (good.among, good.held)
    assert max(bad.known.values()) == 1
    assert set(good.known.values()) == {0}


def test_no_attack_speaks_of_the_young_and_of_sex() -> None:
    for bad, _ in PAIRS:
        assert [text for text in texts(bad) if SEXUAL.search(text) and YOUNG.search(text)] == []


def test_the_same_seed_makes_the_same_examples() -> None:
    first, second = (list(generate(CARRIERS, 3, 0.01)) for _ in range(2))
    assert first == second
    assert first != list(generate(CARRIERS, 4, 0.01))


@pytest.mark.parametrize(("bad", "good"), PAIRS, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize(
    "written", [str.islower, str.isupper, lambda text: text.endswith((".", "。")), lambda text: "\n" in text]
)
def test_how_a_text_is_written_tells_little(
    bad: Recipe, good: Recipe, written: Callable[[str], bool]
) -> None:
    first, second = (sum(map(written, texts(recipe))) / len(texts(recipe)) for recipe in (bad, good))
    assert abs(first - second) < 0.3
