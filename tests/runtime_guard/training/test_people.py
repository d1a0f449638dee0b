"""Texts with personal data: every theme parses, what is marked is what was filled in, plain texts have none."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from statistics import median

import pytest
import yaml

from runtime_guard.encoder.tags import ENTITIES
from runtime_guard.training.grammar import grammar
from runtime_guard.training.lists import read
from runtime_guard.training.names import seeded
from runtime_guard.training.people import FOLDER, LONGEST, PLAIN, TEXT, sentences, themes
from runtime_guard.training.records import record
from runtime_guard.training.slots import SLOT, filled
from runtime_guard.training.tagged import Tagged
from runtime_guard.training.values import Values

ALL = frozenset(ENTITIES)
LEFT = re.compile(
    r"\[(?:PERSON|LOCATION|ORGANIZATION|DATE_TIME|AGE|NRP|X)\b|[{}]|<(?:town|surname|country|word)>|[⦃⦄⇥]|%[A-Z]"
)
MOMENTS = re.compile(
    r"\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|April|June|July|August|September|October|November|"
    r"December|today|tonight|yesterday|tomorrow|weekend|(?:last|next|every) (?:week|month|year)|"
    r"\d+ (?:minutes|hours|days|weeks|months|years)|(?:years?|months?) old)\b"
)
"""What would be a date, a time or an age, and so must be in a slot."""

SLOTTED = [(theme, rule) for theme in themes() for rule in (TEXT, PLAIN)]
FORMS = {
    "PERSON": """full first last initial middle listed suffix quoted nick plural upper lower lastlower bigfamily famous
        fictional mono""",
    "LOCATION": "city country region street address nature area landmark airport",
    "ORGANIZATION": """company bank university agency dept ngo team band paper hospital school party church union court
        military acronym""",
    "DATE_TIME": """date short iso compact long stamp clock weekday month monthday monthyear year decade relative
        duration quarter holiday season vague""",
    "AGE": "number yearold years yo months digits decades",
    "NRP": "adj people religion believers believer party ideology",
}


@cache
def templates(theme: str, rule: str) -> tuple[str, ...]:
    path = f"runtime_guard/training/grammars/{FOLDER}/{theme}.yaml"
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - as written, not as chosen from
        return tuple(yaml.safe_load(stream)[rule])


@cache
def made(count: int = 2000, seed: int = 3) -> list[Tagged]:
    return list(sentences(count, seed, ALL))


def test_there_are_many_themes_and_as_many_texts_without_personal_data_as_with() -> None:
    counts = Counter({rule: sum(len(templates(theme, rule)) for theme in themes()) for rule in (TEXT, PLAIN)})
    assert counts[TEXT] >= 900
    assert 0.8 < counts[PLAIN] / counts[TEXT] < 1.25


@pytest.mark.parametrize(("theme", "rule"), SLOTTED)
def test_templates_are_distinct_and_balanced(theme: str, rule: str) -> None:
    written = templates(theme, rule)
    assert len(set(written)) == len(written)
    for template in written:
        assert template.strip() == template != ""
        assert template.count("{") == template.count("}")
        assert "||" not in re.sub(r"\{[^{}]*\}", "", template)


@pytest.mark.parametrize(("theme", "rule"), SLOTTED)
def test_every_slot_can_be_filled(theme: str, rule: str) -> None:
    rng = random.Random(1)
    for template in templates(theme, rule):
        for entity, _, form, literal in SLOT.findall(template):
            assert literal or Values(rng).of(
                entity, "", form if form not in ("short", "region", "country") else ""
            )


@pytest.mark.parametrize("theme", themes())
def test_plain_texts_have_no_slots_of_interest_and_no_moments(theme: str) -> None:
    for template in templates(theme, PLAIN):
        assert not [entity for entity, *_ in SLOT.findall(template) if entity != "X"]
        assert not MOMENTS.findall(template)


@pytest.mark.parametrize("theme", themes())
def test_moments_stand_in_slots(theme: str) -> None:
    for template in templates(theme, TEXT):
        assert SLOT.search(template)
        assert not MOMENTS.findall(SLOT.sub("", template))


@pytest.mark.parametrize("theme", themes())
def test_both_sides_of_a_theme_are_of_similar_length(theme: str) -> None:
    rng = random.Random(2)
    sides = []
    for rule in (TEXT, PLAIN):
        texts = [grammar(f"{FOLDER}/{theme}").make(rule, rng) for _ in range(300)]
        sides.append(median(len(filled(text, Values(rng).of)[0]) for text in texts))
    assert 0.5 < sides[0] / sides[1] < 3.5


@pytest.mark.parametrize(
    ("entity", "form"),
    [(entity, form) for entity, forms in FORMS.items() for form in ("", *forms.split())],
)
def test_every_form_makes_many_values(entity: str, form: str) -> None:
    rng = random.Random(4)
    values = [Values(rng).of(entity, "", form) for _ in range(300)]
    assert all(value.strip() and not LEFT.search(value) for value in values)
    assert len(set(values)) >= 8


def test_values_of_one_number_belong_together() -> None:
    values = Values(random.Random(5))
    assert values.of("PERSON", "1", "last") in values.of("PERSON", "1", "")
    assert values.of("PERSON", "1", "first") in values.of("PERSON", "1", "full")
    town = tuple(values.of("LOCATION", "1", form) for form in ("city", "region", "country"))
    assert town == tuple(values.of("LOCATION", "1", form) for form in ("city", "region", "country"))
    assert values.of("ORGANIZATION", "1", "") == values.of("ORGANIZATION", "1", "")


def test_lists_hold_text_only() -> None:
    for name in ("people", "places", "organizations", "things", "moments", "groups", "records"):
        for rule, alternatives in read(name).items():
            assert all(isinstance(value, str) and value.strip() for value in alternatives), rule
            assert rule == "word" or len(alternatives) == len(list(alternatives))


@pytest.mark.parametrize("personal", [True, False])
def test_records_are_filled(personal: bool) -> None:
    rng = random.Random(6)
    shown = [filled(record(rng, personal=personal), Values(rng).of) for _ in range(200)]
    assert all(bool(spans) == personal for _, spans in shown)
    assert not [text for text, _ in shown if re.search(r"\[[A-Z_]+[:\]]|\|retail\|", text)]
    assert len({text for text, _ in shown}) == 200


def test_spans_are_where_they_should_be() -> None:
    for item in made():
        assert len(item.text) <= LONGEST
        at = 0
        for start, end, entity in item.spans:
            assert at <= start < end <= len(item.text)
            assert entity in ALL
            assert item.text[start:end].strip() == item.text[start:end]
            assert item.text.islower() or not item.text[start:end].startswith("the ")
            at = end


def test_texts_differ_and_are_as_often_without_personal_data() -> None:
    texts = made()
    assert len({item.text for item in texts}) > 0.9 * len(texts)
    assert 0.5 < sum(bool(item.spans) for item in texts) / len(texts) < 0.65
    lengths = [
        median(len(item.text) for item in texts if bool(item.spans) is personal) for personal in (True, False)
    ]
    assert 0.5 < lengths[0] / lengths[1] < 2
    counted = Counter(entity for item in texts for _, _, entity in item.spans)
    assert set(counted) == ALL
    assert min(counted.values()) > 200


def test_no_slot_and_no_stand_in_is_left() -> None:
    for item in made():
        assert not re.search(
            r"\[(?:PERSON|LOCATION|ORGANIZATION|DATE_TIME|AGE|NRP|X)[\d:=\]]|[⦃⦄⇥]", item.text
        )


def test_the_same_seed_makes_the_same_texts() -> None:
    assert list(sentences(50, 8, ALL)) == list(sentences(50, 8, ALL))
    assert list(sentences(50, 8, ALL)) != list(sentences(50, 9, ALL))


def test_names_come_from_many_places() -> None:
    seeded(1, ())
    values = Values(random.Random(7))
    names = [values.of("PERSON", "", "full") for _ in range(3000)]
    assert len(set(names)) > 2900
    assert 20 < sum(not re.search(r"[a-zA-Z]", name) for name in names) < 300


def test_the_same_seed_makes_the_same_texts_in_another_process() -> None:
    code = (
        "from runtime_guard.training.people import sentences\n"
        f"print([item.text for item in sentences(700, 3, frozenset({sorted(ALL)!r}))])"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True, check=True, timeout=300,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert made[0] == made[1]
    assert len(made[0]) > 10_000
