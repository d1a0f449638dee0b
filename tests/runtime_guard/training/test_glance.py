"""What is settled at a glance, counted on texts of a few words with an encoder that knows one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.corpus import FOLDS
from runtime_guard.training.example import Example
from runtime_guard.training.glance import Glance, Settled, glance
from runtime_guard.training.plain import LEAST, LEAST_BEGINNING, Seen
from runtime_guard.training.settle import LOSS
from runtime_guard.training.tagged import Tagged

OWN, OTHER = "gsm8k", "HateCheck"
"""Sources of two folds."""

SAFE = dict.fromkeys(SAFETY_LABELS, 0)


@dataclass(frozen=True)
class Spans:
    """What is read of a text, as far as it is asked for here."""

    spans: Sequence[tuple[int, int, str, float]]


@dataclass
class SimulatedEncoder:
    """Finds one name, where it stands first."""

    name: str
    clear: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SAFETY_LABELS, -1.0))
    certain: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SAFETY_LABELS, 1.0))

    @property
    def tokenizer(self) -> SimulatedEncoder:
        """Knows the words that it is asked for."""
        return self

    def get_vocab(self) -> dict[str, int]:
        """No words."""
        return {}

    def encode(self, texts: Sequence[str], roles: Sequence[str]) -> list[Spans]:
        """The first of each text."""
        assert len(texts) == len(roles)
        found = [text.find(self.name) for text in texts]
        return [Spans([(at, at + len(self.name), "PERSON", 0.9)] if at >= 0 else []) for at in found]


def taught() -> list[Seen]:
    """Texts of two sources that both know how sentences open; only one of them knows an acronym."""
    return [
        *(
            Seen(source, "How is it? I know how it is.", [])
            for source in (OWN, OTHER)
            for _ in range(LEAST_BEGINNING)
        ),
        *(Seen(OWN, "I know the API.", []) for _ in range(LEAST)),
    ]


def judged(
    strange: Sequence[tuple[Example, float]], held: Sequence[Tagged] = (), name: str = "Ann"
) -> Glance:
    """What is settled of texts whose logits are the same for all labels."""
    gate = np.array([[logit] * len(SAFETY_LABELS) for _, logit in strange], np.float32)
    return glance(taught(), [item for item, _ in strange], gate, SimulatedEncoder(name), held)


def test_shares_are_of_harmless_texts_per_source() -> None:
    found = judged(
        [
            (Example("How is it?", "user", OWN, SAFE), -2.0),
            (Example("How is it?", "user", OWN, SAFE), 0.0),
            (Example("How is Bob?", "user", OWN, SAFE), -2.0),
            (Example("How is Bob?", "user", OWN, SAFE), 0.0),
            (Example("How is it?", "user", OTHER, SAFE), 2.0),
            (Example("How is it?", "user", OTHER, SAFE | {"violence": 1}), -2.0),
            (Example("How is it?", "user", OTHER, {}), -2.0),
            (Example("How is it?", "user", OWN, SAFE), -2.0),
        ]
    )
    assert found.settled == [Settled(OTHER, 1, 1.0, 1.0, 1.0), Settled(OWN, 5, 0.6, 0.6, 0.4)]
    assert found.lost == {}


def test_a_source_is_judged_by_what_was_learned_from_others() -> None:
    texts = [(Example("How is the API?", "user", source, SAFE), -2.0) for source in (OWN, OTHER)]
    shares = {row.source: row.plain for row in judged(texts).settled}
    assert shares == {OWN: 0.0, OTHER: 1.0}


def test_what_is_lost_is_what_was_found_rightly() -> None:
    def held(text: str, *spans: tuple[int, int, str]) -> Tagged:
        return Tagged(text, spans, frozenset({"PERSON"}), OTHER)

    found = judged(
        [],
        [
            held("How is Ann?", (7, 10, "PERSON")),
            held("How is the API? It said Ann", (24, 27, "PERSON")),
            held("How is ann?", (7, 10, "PERSON")),
            held("How is Ann?", (7, 10, "LOCATION")),
            held("How is it?"),
        ],
    )
    assert found.lost == {OTHER: (2, 0)}


def test_a_name_in_a_text_said_to_be_plain_is_lost() -> None:
    item = Tagged("How is it?", ((7, 9, "PERSON"),), frozenset({"PERSON"}), OTHER)
    assert judged([], [item], "it").lost == {OTHER: (1, 1)}


def test_every_source_that_is_left_out_can_be_judged() -> None:
    sources = [source for fold in FOLDS.values() for source in fold]
    found = judged([(Example("How is it?", "user", source, SAFE), -2.0) for source in sources])
    assert [row.source for row in found.settled] == sorted(sources)


def test_both_tables_are_written() -> None:
    found = Glance([Settled("gsm8k", 40, 0.9, 0.5, 0.475)], {"WNUT17": (200, 3), "nano": (5, 0)})
    written = found.markdown()
    assert "| gsm8k | 40 | 90.0% | 50.0% | 47.5% |\n" in written
    assert "| WNUT17 | 200 | 3 |\n| nano | 5 | 0 |\n" in written
    assert f"at most {LOSS:.1%} of what is found" in written
    tables = [block for block in written.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({line.count("|") for line in table.strip().split("\n")}) == 1
    assert len(tables) == 2


def test_without_texts_the_tables_have_no_rows() -> None:
    assert judged([]) == Glance([], {})
    assert "| source | spans | lost |\n|---|---|---|\n" in Glance([], {}).markdown()
