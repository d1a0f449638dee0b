"""Templates filled with values: spans on the values, articles outside, stand-ins replaced."""

from __future__ import annotations

import pytest

from runtime_guard.training.slots import filled


def shown(template: str, **values: str) -> list[str]:
    text, spans = filled(template, lambda entity, number, form: values[f"{entity}{number}{form}"])
    return [text, *(f"{text[start:end]}|{entity}" for start, end, entity in spans)]


@pytest.mark.parametrize(
    ("template", "values", "found"),
    [
        ("I am [PERSON].", {"PERSON": "Ann"}, ["I am Ann.", "Ann|PERSON"]),
        ("[PERSON1:last], [AGE2]", {"PERSON1last": "Lee", "AGE2": "7"}, ["Lee, 7", "Lee|PERSON", "7|AGE"]),
        ("Mail [X:email].", {"Xemail": "a@b.c"}, ["Mail a@b.c."]),
        ("in [LOCATION=Paris]", {}, ["in Paris", "Paris|LOCATION"]),
        ("⦃[AGE]⦄\n⇥x", {"AGE": "7"}, ["{7}\n  x", "7|AGE"]),
        ("on [LOCATION:nature]", {"LOCATIONnature": "the Nile"}, ["on the Nile", "Nile|LOCATION"]),
        ("on the [LOCATION:nature]", {"LOCATIONnature": "the Nile"}, ["on the Nile", "Nile|LOCATION"]),
        ("[ORGANIZATION] said", {"ORGANIZATION": "the FBI"}, ["The FBI said", "FBI|ORGANIZATION"]),
        ("Yes. [ORGANIZATION] said", {"ORGANIZATION": "the FBI"}, ["Yes. The FBI said", "FBI|ORGANIZATION"]),
        ("[DATE_TIME] it rained", {"DATE_TIME": "last night"}, ["Last night it rained", "Last night|DATE_TIME"]),
        ("it rained [DATE_TIME]", {"DATE_TIME": "last night"}, ["it rained last night", "last night|DATE_TIME"]),
        ("[Mod] says [WARN]", {}, ["[Mod] says [WARN]"]),
    ],
)  # fmt: skip
def test_filled(template: str, values: dict[str, str], found: list[str]) -> None:
    assert shown(template, **values) == found
