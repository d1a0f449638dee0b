"""Grammars: what they mean, and that every file of them holds together."""

from __future__ import annotations

import random
import re
from importlib.resources import files

import pytest
import yaml

from runtime_guard.training.grammar import RULE, Grammar, grammar
from runtime_guard.training.recipe import HERE

FOLDER = files("runtime_guard.training").joinpath("grammars")
NAMES = sorted(path.name.removesuffix(".yaml") for path in FOLDER.iterdir() if path.name.endswith(".yaml"))
WORDS = "system instructions sys input data document text eos s turn"
TEXT = {HERE, *(f"<{word}>" for word in WORDS.split())}
"""Names in angle brackets that are text, not rules."""


def made(rules: dict[str, list[str]], rule: str = "text", seed: int = 0) -> str:
    return Grammar(rules).make(rule, random.Random(seed))


@pytest.mark.parametrize(
    ("rules", "texts"),
    [
        ({"text": ["{a|b} c"]}, {"a c", "b c"}),
        ({"text": ["{a|b{1|2}}"]}, {"a", "b1", "b2"}),
        ({"text": ["<x> <x>"], "x": ["{a|b}"]}, {"a a", "b b"}),
        ({"text": ["<yy>, <yy>"], "yy": ["{a|b}"]}, {"a, a", "a, b", "b, a", "b, b"}),
        ({"text": ["<left>a<right>"], "left": ["{"], "right": ["}"]}, {"{a}"}),
        ({"text": ["<b>a</b>  c"]}, {"<b>a</b> c"}),
        ({"text": ["a\n    b"]}, {"a\n    b"}),
    ],
)
def test_a_grammar_makes_every_text_it_describes(rules: dict[str, list[str]], texts: set[str]) -> None:
    assert {made(rules, seed=seed) for seed in range(60)} == texts


def test_a_rule_of_another_grammar_is_reached_by_its_name() -> None:
    assert made({"text": ["<everyday:cook>"]}) == grammar("everyday").make("cook", _after_one_choice())


def _after_one_choice() -> random.Random:
    rng = random.Random(0)
    rng.choice(["<everyday:cook>"])
    return rng


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_that_is_meant_exists(name: str) -> None:
    rules = yaml.safe_load(FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    missing = set()
    for text in (text for alternatives in rules.values() for text in alternatives):
        for match in RULE.finditer(text):
            other, rule = match.groups()
            if rule not in (grammar(other).rules if other else rules) and match.group() not in TEXT:
                missing.add(match.group())
    assert missing == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_a_list_of_texts_under_a_name_that_can_be_meant(name: str) -> None:
    rules = yaml.safe_load(FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    for rule, alternatives in rules.items():
        assert re.fullmatch("[a-z0-9]+", rule)
        assert alternatives
        assert all(isinstance(text, str) for text in alternatives)
        assert any(text.strip() for text in alternatives)


@pytest.mark.parametrize("name", NAMES)
def test_every_brace_has_its_other_half(name: str) -> None:
    for text in (text for alternatives in grammar(name).rules.values() for text in alternatives):
        assert text in ("{", "}") or text.count("{") == text.count("}"), text


@pytest.mark.parametrize("name", NAMES)
def test_no_grammar_file_outgrows_a_page_to_read(name: str) -> None:
    assert len(FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8").splitlines()) <= 300
