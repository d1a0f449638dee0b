"""Texts in other languages: every grammar holds together, marked is what was filled in, plain texts have nothing."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache
from importlib.resources import files

import pytest
import yaml

from runtime_guard.encoder.tags import ENTITIES
from runtime_guard.training.abroad import (
    FOLDER,
    JOIN,
    LOCALES,
    ORDER,
    SOURCE,
    Values,
    abroad,
    languages,
    person,
)
from runtime_guard.training.grammar import RULE, grammar
from runtime_guard.training.names import faker, seeded
from runtime_guard.training.people import PLAIN, TEXT
from runtime_guard.training.slots import SLOT, filled
from runtime_guard.training.tagged import Tagged

ALL = frozenset(ENTITIES)
LEAST = {
    "given": 30, "family": 30, "city": 25, "country": 12, "company": 15, "agency": 8, TEXT: 25, PLAIN: 55
}  # fmt: skip
"""Alternatives of each rule."""

FORMS = {
    "PERSON": {"", "full", "first", "last"},
    "LOCATION": {"city", "country"},
    "ORGANIZATION": {"company", "agency"},
}
WRITTEN_OUT = {"DATE_TIME", "AGE", "NRP"}
EACH = pytest.mark.parametrize("language", languages())


@cache
def rules(language: str) -> dict[str, list[str]]:
    path = files("runtime_guard.training").joinpath("grammars", FOLDER, f"{language}.yaml")
    read: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


@cache
def made(count: int = 1500, seed: int = 3) -> list[Tagged]:
    return list(abroad(count, seed, ALL))


@EACH
def test_every_rule_has_enough_alternatives_and_none_twice(language: str) -> None:
    found = rules(language)
    assert not [rule for rule, least in LEAST.items() if len(found[rule]) < least]
    for rule, alternatives in found.items():
        assert [text for text, times in Counter(alternatives).items() if times > 1] == [], rule
        assert all(isinstance(text, str) for text in alternatives), rule
        assert rule == JOIN or all(text.strip() == text != "" for text in alternatives), rule


@EACH
def test_every_alternative_parses(language: str) -> None:
    found = rules(language)
    for text in (text for alternatives in found.values() for text in alternatives):
        assert not re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", re.sub(r"\{[^{}]*\}", "", text))), text
        assert all(not match.group(1) and match.group(2) in found for match in RULE.finditer(text)), text
        assert "[" not in SLOT.sub("", text) or text in found[PLAIN], text


@EACH
def test_texts_have_slots_that_can_be_filled_and_plain_ones_have_none(language: str) -> None:
    assert not [text for text in rules(language)[PLAIN] if SLOT.search(text)]
    for text in rules(language)[TEXT]:
        slots = SLOT.findall(text)
        assert slots, text
        for entity, _, form, literal in slots:
            assert form in FORMS[entity] if entity in FORMS and not literal else literal, text
            assert not set(literal) & set("{}|"), text


@EACH
def test_what_is_marked_is_what_was_filled_in(language: str) -> None:
    rng = random.Random(5)
    values: list[str] = []

    def value(entity: str, number: str, form: str) -> str:
        values.append(Values(language, rng).of(entity, number, form))
        return values[-1]

    for template in rules(language)[TEXT]:
        values.clear()
        plain = re.sub(r"[{}]", "", template)
        literals = [literal for *_, literal in SLOT.findall(plain) if literal]
        text, spans = filled(plain, value)
        marked = [text[start:end].lower() for start, end, _ in spans]
        assert sorted(marked) == sorted(shown.lower() for shown in (*values, *literals))


@EACH
def test_every_language_makes_texts_with_personal_data_and_without(language: str) -> None:
    rng = random.Random(6)
    theme = grammar(f"{FOLDER}/{language}")
    for rule, personal in ((TEXT, True), (PLAIN, False)):
        shown = [filled(theme.make(rule, rng), Values(language, rng).of) for _ in range(200)]
        assert all(bool(spans) is personal for _, spans in shown)
        assert len({text for text, _ in shown}) > 60


@EACH
def test_names_stand_in_the_order_of_their_language(language: str) -> None:
    seeded(1, LOCALES.values())
    rng = random.Random(7)
    for _ in range(50):
        name = person(language, rng)
        parts = (name["last"], name["first"]) if ORDER in rules(language) else (name["first"], name["last"])
        assert name["full"] == rules(language).get(JOIN, [" "])[0].join(parts)


def test_a_person_of_a_number_is_met_again() -> None:
    values = Values(languages()[0], random.Random(8))
    assert values.of("PERSON", "1", "last") in values.of("PERSON", "1", "")
    assert values.of("PERSON", "1", "first") in values.of("PERSON", "1", "full")


def test_locales_have_names_of_their_own() -> None:
    english = {faker("en_US").first_name() for _ in range(300)}
    for locale in LOCALES.values():
        assert {faker(locale).first_name() for _ in range(100)} - english, locale


def test_spans_are_inside_the_text_and_apart() -> None:
    for item in made():
        at = 0
        for start, end, entity in item.spans:
            assert at <= start < end <= len(item.text)
            assert entity in ALL
            assert item.text[start:end].strip() == item.text[start:end] != ""
            at = end
        assert not re.search(r"\[(?:PERSON|LOCATION|ORGANIZATION|DATE_TIME|AGE|NRP)[\d:=\]]|[{}|]", item.text)


def test_texts_differ_and_fewer_than_half_have_personal_data() -> None:
    assert len({item.text for item in made()}) == len(made())
    assert 0.4 < sum(bool(item.spans) for item in made()) / len(made()) < 0.5
    assert 0.06 < sum(item.validation for item in made()) / len(made()) < 0.14
    assert {item.source for item in made()} == {SOURCE}
    assert {entity for item in made() for *_, entity in item.spans} == ALL


def test_the_same_seed_makes_the_same_texts() -> None:
    assert list(abroad(60, 8, ALL)) == list(abroad(60, 8, ALL))
    assert list(abroad(60, 8, ALL)) != list(abroad(60, 9, ALL))
