"""Texts with personal data and where it stands, and as many without any: grammars and records filled with values."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final

from runtime_guard.training.grammar import Grammar, grammar, grammars_in
from runtime_guard.training.names import seeded
from runtime_guard.training.noise import roughened
from runtime_guard.training.places import LOCALES, TOWNS
from runtime_guard.training.records import record
from runtime_guard.training.slots import filled
from runtime_guard.training.tagged import Tagged
from runtime_guard.training.values import Values

SOURCE: Final = "generated/people"
FOLDER: Final = "people"
TEXT: Final = "text"
"""Rule of a theme whose texts have slots for personal data."""
PLAIN: Final = "plain"
"""Rule of a theme whose texts have none."""

LONGEST: Final = 4000
"""Characters of a text."""

_RECORDS: Final = 0.12
_PERSONAL: Final = 0.58
"""Share of texts that have personal data, unless all their parts happen to be plain."""
_PARTS: Final = (1, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6)
_ASIDE: Final = 0.3
"""Share of the parts of a text with personal data that have none."""


def themes() -> tuple[str, ...]:
    """Names of the grammars ``grammars/people/NAME.yaml``."""
    return grammars_in(FOLDER)


def sentences(count: int, seed: int, annotated: frozenset[str]) -> Iterator[Tagged]:
    """Texts of one to some sentences; same seed and Faker, same texts.

    Args:
        count: how many.
        seed: of every choice.
        annotated: the types that are said to be annotated; all of the encoder's are.
    """
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    seeded(seed, (*LOCALES, *TOWNS))
    made = 0
    while made < count:
        text, spans = roughened(*filled(template(rng), Values(rng).of), rng)
        if len(text) <= LONGEST:
            made += 1
            yield Tagged(text, spans, annotated, SOURCE, rng.random() < 0.1)


def template(rng: random.Random) -> str:
    """A text with slots: a record, or parts of one theme."""
    personal = rng.random() < _PERSONAL
    if rng.random() < _RECORDS:
        return record(rng, personal=personal)
    theme = grammar(f"{FOLDER}/{rng.choice(themes())}")
    return composed(theme, _PARTS, rng, personal=personal)


def composed(theme: Grammar, counts: Sequence[int], rng: random.Random, *, personal: bool) -> str:
    """Parts of one theme, each once, in a row or on lines of their own.

    Args:
        theme: a grammar with the rules :data:`TEXT` and :data:`PLAIN`.
        counts: numbers of parts, as often as they are met.
        rng: of every choice.
        personal: whether a part has slots; some others do not.
    """
    rules = [PLAIN if not personal or rng.random() < _ASIDE else TEXT for _ in range(rng.choice(counts))]
    if personal and TEXT not in rules:
        rules[0] = TEXT
    parts = dict.fromkeys(theme.make(rule, rng) for rule in rules)
    return rng.choice((" ", " ", "\n", "\n\n")).join(parts)
