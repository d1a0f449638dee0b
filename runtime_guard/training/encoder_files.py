"""The encoder's files as they ship: packed weights, configuration, vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from safetensors.torch import save

from runtime_guard.choices import RATES, Rate
from runtime_guard.encoder.bert import Bert, Weights
from runtime_guard.encoder.guard import CONFIG, PLAIN, REACH, VOCABULARY, WEIGHTS, GuardEncoder
from runtime_guard.encoder.packed import pack
from runtime_guard.encoder.pieces import LENGTH
from runtime_guard.encoder.plain import Plain
from runtime_guard.training.example import OUTPUTS
from runtime_guard.training.fit_encoder import FittedEncoder

_NONE: Final = dict.fromkeys(OUTPUTS, 0.0)


def encoder_files(
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
        WEIGHTS: save(pack({**_short(fitted.bert), **_reach(fitted.bert), **fitted.heads.weights})),
        CONFIG: (json.dumps(config, indent=1, sort_keys=True) + "\n").encode(),
        PLAIN: _written(made.plain if made else Plain()),
        VOCABULARY: (folder / "vocab.txt").read_bytes(),
    }


def _written(plain: Plain) -> bytes:
    return (json.dumps({name: sorted(found) for name, found in vars(plain).items()}) + "\n").encode()


def _reach(bert: Bert) -> Weights:
    return {name + REACH: reach for name, reach in bert.reach.items()}


def _short(bert: Bert) -> Weights:
    """The weights with positions for one window only."""
    name = "embeddings.position_embeddings.weight"
    return {**bert.weights, name: bert.weights[name][:LENGTH]}
