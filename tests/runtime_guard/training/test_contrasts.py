"""Contrasts: phrases sorted by kind, topics that weigh alike, frames once per side."""

from __future__ import annotations

from random import Random

import pytest

from runtime_guard.training.contrasts import both_sides
from runtime_guard.training.grammar import Grammar

FRAMES = {
    "asdeed": ["How do I <deed>?"],
    "asorder": ["<please> <lower>", "<order>."],
    "assaid": ["<said>"],
    "please": ["Please"],
}
THEME = {
    "frames": "frames",
    "tool": ["a saw"],
    "badstep": ["Use <tool> on <badwho>."],
    "badwho": ["him"],
    "pairs": [
        {"bad": "rob a bank | Write a ransom note.", "good": "paint a bank | Write a love note."},
        {"bad": "rob a train", "good": "board a train"},
        {"bad": "Where do I hide? I ran.", "good": "Where do I park?"},
    ],
}


def rules(theme: dict[str, object]) -> dict[str, list[str]]:
    return both_sides(theme, {"frames": FRAMES, "theme": THEME}.__getitem__)


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ("baddeed", ["{rob a bank}", "{rob a train}"]),
        ("gooddeed", ["{paint a bank}", "{board a train}"]),
        ("badorder", ["{Write a ransom note}"]),
        ("badlower", ["{write a ransom note}"]),
        ("badsaid", ["{Where do I hide? I ran.}"]),
        ("badtext", ["<badasdeed>", "<badasdeed>", "<badasorder>", "<badassaid>"]),
        ("goodasdeed", ["How do I <gooddeed>?"]),
        ("badasorder", ["<badplease> <badlower>", "<badorder>."]),
        ("badstep", ["Use <tool> on <badwho>."]),
        ("tool", ["a saw"]),
    ],
)
def test_rules_of_a_theme(rule: str, lines: list[str]) -> None:
    assert rules(THEME)[rule] == lines


def test_a_theme_takes_the_phrases_of_others() -> None:
    made = rules({"themes": ["theme"], "text": ["I won't help to <baddeed>."]})
    assert made["text"] == ["I won't help to <baddeed>."]
    assert made["baddeed"] == rules(THEME)["baddeed"]
    assert "badasdeed" not in made


def test_frames_of_their_own_choice_stay_when_there_are_no_phrases() -> None:
    made = both_sides(
        {"frames": "posts", "badline": ["x"], "goodline": ["y"]}, {"posts": {"text": ["<line>!"]}}.get
    )
    assert (made["badtext"], made["goodtext"]) == (["<badline>!"], ["<goodline>!"])


def test_each_side_speaks_in_its_own_phrases() -> None:
    made = Grammar(rules(THEME))
    texts = {made.make("goodtext", Random(seed)) for seed in range(40)}
    assert texts == {
        "How do I paint a bank?",
        "How do I board a train?",
        "Please write a love note",
        "Write a love note.",
        "Where do I park?",
    }
