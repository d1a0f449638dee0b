"""What the grammars of harm make: whole, varied, bounded, alike in length on both sides, and nothing about minors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from random import Random
from statistics import median

import pytest
import yaml

from runtime_guard.training.contrasts import both_sides
from runtime_guard.training.generate import RECIPES, Recipe, generate, roughened
from runtime_guard.training.grammar import grammar

ROOM = files("runtime_guard.training").joinpath("grammars", "harm")
THEMES = sorted(item.name.removesuffix(".yaml") for item in ROOM.iterdir() if item.name.endswith(".yaml"))
CARRIERS = ["A carrier.", "Another one, longer.", "The third."]
FRAMES = ("posts", "replies", "requests")

OURS = [recipe for recipe in RECIPES if recipe.grammar.startswith("harm/")]
PAIRS = [
    (bad, good)
    for bad in OURS
    for good in OURS
    if bad.name.endswith(", harmful") and good.name == bad.name.replace(", harmful", ", harmless")
]
RULE = re.compile(r"<([a-z0-9]+)>")
NEAR_SEXUAL = {f"{theme}, harmful" for theme in ("exploit", "answers_exploit", "spying", "answers_spying")}
MINORS = re.compile(
    r"(?i)\b(child(ren)?|kids?|teen\w*|minors?|school\w*|pupils?|girls?|boys?|bab(y|ies)|toddlers?|infants?|underage|"
    r"daughters?|sons?|nieces?|nephews?|young|lolis?|students?|\w+-year-old|years? old|twelve|\w{3,5}teen)\b"
)


def read(name: str) -> dict[str, object]:
    return yaml.safe_load(ROOM.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


def texts(recipe: Recipe, count: int | None = None) -> list[str]:
    rng = Random(recipe.name)
    return [grammar(recipe.grammar).make(recipe.rule, rng) for _ in range(count or recipe.count)]


def lines_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from lines_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from lines_of(item)
    else:
        pytest.fail(f"{value!r} is no text")


@pytest.mark.parametrize("theme", THEMES)
def test_every_line_is_written_whole(theme: str) -> None:
    for line in lines_of(read(theme)):
        assert line.strip()
        assert "||" not in line
        assert line.count("{") == line.count("}")
        assert not re.search(r"<[^<>]*[^a-z0-9<>][^<>]*>", line.replace("<|", "")), line


@pytest.mark.parametrize("theme", [theme for theme in THEMES if theme not in FRAMES])
def test_every_rule_that_is_meant_exists(theme: str) -> None:
    rules = both_sides(read(theme), read)
    meant = {name for lines in rules.values() for line in lines for name in RULE.findall(line)}
    used = {recipe.rule for recipe in OURS if recipe.grammar == f"harm/{theme}"}
    reached, open_ = set(), list(used)
    while open_:
        name = open_.pop()
        if name not in reached:
            reached.add(name)
            open_ += {found for line in rules[name] for found in RULE.findall(line)} & rules.keys()
    assert {name for rule in reached for line in rules[rule] for name in RULE.findall(line)} <= rules.keys()
    assert all(rules[name] for name in meant & rules.keys())


@pytest.mark.parametrize("theme", [theme for theme in THEMES if "pairs" in read(theme)])
def test_a_kind_of_phrase_is_as_common_on_both_sides(theme: str) -> None:
    rules = both_sides(read(theme), read)
    for kind in ("deed", "order", "said"):
        bad, good = (len(rules.get(side + kind, ())) for side in ("bad", "good"))
        assert abs(bad - good) <= max(1, 0.1 * bad), kind


def test_there_are_at_least_six_hundred_contrasts() -> None:
    pairs = sum(len(read(theme).get("pairs", ())) for theme in THEMES)
    names = sum(len(read("crimes")[rule]) for rule in ("deedname", "thing"))
    assert pairs >= 540
    assert pairs + names >= 700


@pytest.mark.parametrize("recipe", OURS, ids=lambda recipe: recipe.name)
def test_texts_of_a_recipe_are_varied_whole_and_bounded(recipe: Recipe) -> None:
    made = texts(recipe)
    assert len(set(made)) >= 0.8 * len(made)
    assert max(map(len, made)) <= 4000
    assert min(map(len, made)) >= 3
    assert not [text for text in made if re.search(r"[{}]|<[a-z0-9]+>", text)]
    assert texts(recipe, 20) == made[:20]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].name)
def test_the_sides_of_a_pair_are_alike_in_length_and_apart_in_text(pair: tuple[Recipe, Recipe]) -> None:
    bad, good = (texts(recipe) for recipe in pair)
    assert 0.6 < median(map(len, bad)) / median(map(len, good)) < 1.7
    assert not set(bad) & set(good)
    assert pair[0].count == pair[1].count
    assert pair[0].roles == pair[1].roles


@pytest.mark.parametrize(
    "recipe",
    [recipe for recipe in RECIPES if recipe.known.get("sexual") == 1 or recipe.name in NEAR_SEXUAL],
    ids=lambda recipe: recipe.name,
)
def test_nothing_sexual_is_about_minors(recipe: Recipe) -> None:
    found = {match.group() for text in texts(recipe, 3000) for match in MINORS.finditer(text)}
    assert not found


def test_what_stands_on_the_harmless_side_is_known_to_be_harmless() -> None:
    assert PAIRS
    for bad, good in PAIRS:
        assert 1 in bad.known.values()
        assert not any(good.known.values())


def test_same_seed_same_examples() -> None:
    assert list(generate(CARRIERS, 5, 0.01)) == list(generate(CARRIERS, 5, 0.01))


def test_slips_of_the_finger_leave_a_text_readable() -> None:
    text = "a longer line that somebody wrote in haste"
    for seed in range(200):
        assert abs(len(roughened(text, Random(seed))) - len(text)) <= 1
