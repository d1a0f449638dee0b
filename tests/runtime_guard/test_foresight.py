"""How far a detector says that it looks ahead."""

from __future__ import annotations

from typing import Any

import pytest

from govkernel.errors import ConfigError
from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.detectors.rules import injection_detector
from runtime_guard.foresight import follows, judges_sentences, pending_of
from runtime_guard.screen import Screen


class Stranger:
    """A detector with some attributes more."""

    name = "stranger"
    labels = frozenset({"X"})

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def detect(self, text: str, role: str) -> list[Any]:
        return []


@pytest.mark.parametrize(
    ("detector", "sentences"),
    [
        (Stranger(), True),
        (Stranger(lookahead="sentence"), True),
        (Stranger(lookahead="word"), False),
        (Stranger(pending=lambda text, role: 0), False),
        (PresidioDetector(), False),
        (injection_detector(), False),
    ],
)
def test_a_stranger_judges_sentences_unless_it_says_otherwise(detector: Any, sentences: bool) -> None:
    assert judges_sentences(detector) == sentences


@pytest.mark.parametrize("said", ["paragraph", None, 3])
def test_another_lookahead_is_refused(said: object) -> None:
    with pytest.raises(ConfigError) as refused:
        Screen([Stranger(lookahead=said)])
    assert refused.value.code == "guard.bad-lookahead"


@pytest.mark.parametrize(
    ("labels", "only"),
    [({"unsafe"}, True), ({"unsafe", "X"}, False), ({"X"}, False), ({"prompt_injection"}, True)],
)
def test_those_who_find_nothing_to_mask_only_follow(labels: set[str], only: bool) -> None:
    assert follows(Stranger(labels=frozenset(labels))) == only


@pytest.mark.parametrize(("text", "place"), [("", 0), ("a wor", 2), ("a word ", 7), ("wor", 0), (" \n", 2)])
def test_word_by_word_the_last_one_is_pending(text: str, place: int) -> None:
    assert pending_of(Stranger(lookahead="word"))(text, "user") == place
