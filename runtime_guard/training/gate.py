"""Make the gate: fit it, judge every source by a gate that never saw it, calibrate, choose bounds, write the card."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from runtime_guard.choices import Rate
from runtime_guard.gate.model import CONFIG, WEIGHTS
from runtime_guard.training.bounds import flagged_share, shared_bounds
from runtime_guard.training.corpus import FOLDS, corpus, held, taught
from runtime_guard.training.example import OUTPUTS, Example
from runtime_guard.training.fit_gate import FittedGate, fit_gate, gate_logits, prepare
from runtime_guard.training.sources import read_sources
from runtime_guard.training.tables import (
    Judged,
    calibration,
    found,
    markdown,
    markdown_shares,
)

Logits = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class MadeGate:
    """A gate ready to be written.

    Attributes:
        fitted: its weights.
        slopes, offsets: its calibration per output.
        validation: rows of its own sources, kept out of fitting.
        strange: rows of sources left out of fitting.
        folds: weights fitted without the sources of each fold.
    """

    fitted: FittedGate
    slopes: Logits
    offsets: Logits
    validation: Judged
    strange: Judged
    folds: Mapping[str, FittedGate]

    @property
    def bounds(self) -> dict[Rate, dict[str, float]]:
        """Per rate, logits from which on labels are flagged: so much harmless text, of own and of strange sources."""
        return shared_bounds(self.validation, self.strange)


def make_gate(data: Path, seed: int, tell: Tell) -> MadeGate:
    """Fit the gate and judge it.

    Args:
        data: folder of labelled sources.
        seed: same data and seed, same gate.
        tell: told what was done.
    """
    strange, folds = _strange(data, seed, tell)
    made = _fit_and_judge(corpus(data, seed), seed)
    tell("gate: fitted")
    return MadeGate(*made, strange, folds)


def gate_files(made: MadeGate) -> dict[str, bytes]:
    """Weights and configuration, as :meth:`runtime_guard.gate.model.Gate.read` reads them."""
    highest = np.abs(made.fitted.table).max(axis=0) + 1e-12
    tensors = {
        "table": np.clip(np.round(made.fitted.table / highest * 127), -127, 127).astype(np.int8),
        "scale": (highest / 127 * made.slopes).astype(np.float32),
        "bias": (made.fitted.bias * made.slopes + made.offsets).astype(np.float32),
    }
    config = {
        "outputs": list(OUTPUTS),
        "bounds": made.bounds,
    }
    return {
        WEIGHTS: save(tensors),
        CONFIG: (json.dumps(config, indent=1, sort_keys=True) + "\n").encode(),
    }


def gate_card(made: MadeGate) -> str:
    """The model card."""
    shares = flagged_share(made.strange.examples, made.strange.logits, made.bounds["1%"])
    return f"""# Gate

Multi-label logistic regression over hashed n-grams, int8: says in microseconds how likely a text is a prompt injection,
a jailbreak, a harmful request or answer, hate, harassment, violence, self-harm, sexual. Labels by role; scores are
calibrated (Platt, classes weighted alike); bounds let 0.1, 1 or 5 % of harmless text pass for bad, of the sources it
learned from and of sources it did not, and the first two no more than 5 % of any one such source (technical text: of
files and packages kept out of fitting).
docs/adr/0019-gate-and-encoder.md. Made by `python -m runtime_guard.training`.

**Not for**: judging people. **Limits**: it knows words and their neighbours, not meaning; what is an injection only
beside a certain system prompt it cannot know; English first, orders in ar, de, es, fr, hi, it, ja, ko, nl, pl, pt, ru,
tr, uk, zh. The tweets of Davidson et al. are slanted against dialects, and so is what is learned from them.

## Sources left out

Every source is judged by a gate that saw no row of it, nor any of its texts around a generated order; harmless texts
likewise. A label whose only real source is left out is learned from generated text alone.

{markdown(list(found(made.strange.examples, made.strange.logits)))}
Harmless texts of sources left out, any label flagged at the bounds for 1 %:

{markdown_shares(shares)}
## Rows left out

Rows of the same sources (and recipes of generated text), kept out of fitting. Easier: rows of one source are alike.

{markdown(list(found(made.validation.examples, made.validation.logits)))}"""


def _strange(data: Path, seed: int, tell: Tell) -> tuple[Judged, dict[str, FittedGate]]:
    real = read_sources(data)
    kept: list[Example] = []
    parts: list[Logits] = []
    folds: dict[str, FittedGate] = {}
    for name, sources in FOLDS.items():
        left_out = [item for item in real if item.source in sources]
        fitted, slopes, offsets, _ = _fit_and_judge(corpus(data, seed, sources), seed)
        folds[name] = fitted
        parts.append(gate_logits(fitted, prepare(left_out), len(left_out)) * slopes + offsets)
        kept += left_out
        tell(f"gate: fold {name} judged, {len(left_out)} texts")
    return Judged(kept, np.concatenate(parts)), folds


def _fit_and_judge(examples: Sequence[Example], seed: int) -> tuple[FittedGate, Logits, Logits, Judged]:
    fitted = fit_gate(taught(examples), seed)
    kept = held(examples)
    logits = gate_logits(fitted, prepare(kept), len(kept))
    slopes, offsets = calibration(kept, logits)
    return fitted, slopes, offsets, Judged(kept, logits * slopes + offsets)
