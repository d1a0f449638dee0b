"""``make eval-guard``: how right the guard is, beside Presidio, on rows that no model was fitted to.

Personal data: span F1 per file and entity, of Presidio's engine and of the guard with the same recognizers. Safety:
area under the ROC curve and recall at 1 % and 5 % false positives per label and source, and how many harmless texts
are flagged. Sources that were left out as a whole stand in the models' cards, made when they were trained.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from rich.progress import track

from runtime_guard.detectors.cascade import Cascade
from runtime_guard.detectors.presidio import THRESHOLD, PresidioDetector
from runtime_guard.detectors.secrets import SecretsDetector
from runtime_guard.encoder.guard import GuardEncoder
from runtime_guard.encoder.tags import ENTITIES
from runtime_guard.gate.model import Gate
from runtime_guard.patterns.recognizers import all_countries
from runtime_guard.patterns.words import Tokens
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.screen import Screen
from runtime_guard.training.bounds import flagged_share
from runtime_guard.training.example import Example
from runtime_guard.training.samples import PII_FILES
from runtime_guard.training.sources import read_sources, rows_of
from runtime_guard.training.spans import counted, markdown_spans
from runtime_guard.training.tables import found, markdown, markdown_shares
from runtime_guard.training.tagged import Tagged

Span = tuple[int, int, str]
MOST = 600
"""Texts of one source or file."""


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="labelled sources, as docs/reference/guard-models.md describes them"
    )
    parser.add_argument("--most", type=int, default=MOST, help="texts of one source")
    wanted = parser.parse_args()
    people(wanted.folder, wanted.most)
    safety(wanted.folder, wanted.most)


def people(folder: Path, most: int) -> None:
    """Span F1, side by side."""
    patterns = PresidioDetector(countries=all_countries())
    guard = Screen([patterns, SecretsDetector(), Cascade(Gate.load(), GuardEncoder.load(), always=True)])
    registry = RecognizerRegistry(recognizers=list(patterns.recognizers))
    presidio = AnalyzerEngine(registry=registry, nlp_engine=Tokens(), supported_languages=["en"])
    known = frozenset(patterns.labels) | frozenset(ENTITIES)
    truths = [
        item for name in (*PII_FILES, "pii_presidio_unit") for item in tagged(folder, name, known)[:most]
    ]
    texts = [item.text for item in truths]
    columns = {
        "Presidio": counted(truths, [theirs(presidio, text) for text in track(texts, "Presidio")]),
        "guard": counted(truths, list(ours(guard, track(texts, "guard")))),
    }
    print("## Personal data, span F1 (exact)\n\n" + markdown_spans(columns))


def tagged(folder: Path, name: str, known: frozenset[str]) -> list[Tagged]:
    """Rows of a file that no model was fitted to, with the types that either side can name."""
    fitted = name in PII_FILES
    chosen = []
    for number, row in enumerate(rows_of(folder, name)):
        held = row.get("split") in ("dev", "test") or ("split" not in row and number % 5 == 0)
        if held or not fitted:
            annotated = frozenset(row.get("annotated_types") or known) & known
            spans = tuple((s["start"], s["end"], s["type"]) for s in row["spans"] if s["type"] in annotated)
            chosen.append(Tagged(row["text"], spans, annotated, name, validation=True))
    return chosen


def theirs(presidio: AnalyzerEngine, text: str) -> list[Span]:
    """What Presidio's engine finds."""
    answer = presidio.analyze(text, language="en", score_threshold=THRESHOLD)
    return [(item.start, item.end, item.entity_type) for item in answer]


def ours(guard: Screen, texts: Iterable[str]) -> Iterable[list[Span]]:
    """What the guard finds."""
    for document in guard.screen_many({"id": None, "text": text} for text in texts):
        yield [(item["start"], item["end"], item["type"]) for item in document["findings"]]


def safety(folder: Path, most: int) -> None:
    """Labels, of both models together and as the cascade settles them."""
    examples = held_out(folder, most)
    for name, always in (("the encoder asked about every text", True), ("the cascade", False)):
        screen = Screen([Cascade(Gate.load(), GuardEncoder.load(), always=always)], tiers={2})
        logits, flags = judged(screen, examples)
        print(f"## Safety, rows left out of fitting: {name}\n\n{markdown(list(found(examples, logits)))}")
        shares = flagged_share(examples, flags, dict.fromkeys(SAFETY_LABELS, 0.5))
        print(markdown_shares(shares))


def held_out(folder: Path, most: int) -> list[Example]:
    """Rows that were kept out of fitting, at most so many of a source."""
    counts: dict[str, int] = {}
    chosen = []
    for item in read_sources(folder):
        if item.validation and counts.get(item.source, 0) < most:
            counts[item.source] = counts.get(item.source, 0) + 1
            chosen.append(item)
    return chosen


def judged(screen: Screen, examples: Sequence[Example]) -> tuple[Any, Any]:
    """Scores as logits, and flags as ones and zeros, (texts, labels)."""
    rows = ({"id": None, "text": item.text, "role": item.role} for item in examples)
    documents = list(screen.screen_many(track(rows, "safety", total=len(examples))))
    scores = np.array([in_order(item["labels"]) for item in documents]).clip(1e-6, 1 - 1e-6)
    flags = np.array([[float(label in item["flagged"]) for label in SAFETY_LABELS] for item in documents])
    return np.log(scores / (1 - scores)).astype(np.float32), flags.astype(np.float32)


def in_order(scores: Mapping[str, float]) -> list[float]:
    """Scores in the order of the labels."""
    return [scores[label] for label in SAFETY_LABELS]


if __name__ == "__main__":
    main()
