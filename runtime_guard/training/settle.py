"""Where the gate's word is final: chosen so that of what both models together find, next to nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime_guard.judge import SAFETY_LABELS, flagged_for
from runtime_guard.training.example import ENTITIES, Example
from runtime_guard.training.tables import Judged, columns

LOSS: Final = 0.005
"""Share of a label's texts that both models together flag and that the gate alone may settle as clean."""

SURE: Final = 0.001
"""Share of harmless texts that the gate alone may settle as bad."""

NEVER: Final = 30.0
"""A logit that no text has."""

Logits = NDArray[np.float32]
Bounds = Mapping[str, float]


def settled_bounds(
    parts: Sequence[tuple[Judged, Logits]], bounds: Bounds
) -> tuple[dict[str, float], dict[str, float]]:
    """Per safety label, the gate's logit below which a text is clean, and above which it is the label's.

    Args:
        parts: texts judged by both together, with the gate's own logits; each part is held to :data:`LOSS` by itself.
        bounds: logits of both together from which on labels are flagged.
    """
    clear, certain = {}, {}
    for column, label in enumerate(SAFETY_LABELS):
        found = [_settled(both, gate, column, bounds[label]) for both, gate in parts]
        clear[label] = min(low for low, _ in found)
        certain[label] = max(clear[label], *(high for _, high in found))
    return clear, certain


def entities_bound(judged: Judged, column: int) -> float:
    """The gate's logit for personal data below which at most :data:`LOSS` of the texts that have some lie."""
    having = [row for row, item in enumerate(judged.examples) if item.known.get(ENTITIES)]
    return float(np.quantile(judged.logits[having, column], LOSS)) if having else -NEVER


def settled_share(
    examples: Sequence[Example], gate: Logits, clear: Bounds, certain: Bounds
) -> dict[str, tuple[int, float]]:
    """Per source, how many harmless texts it has, and the share of them whose safety the gate settles."""
    shares: dict[str, list[bool]] = {}
    for row, item in enumerate(examples):
        if item.safe and item.known:
            doubtful = any(
                clear[label] < gate[row, column] < certain[label]
                for column, label in enumerate(SAFETY_LABELS)
                if flagged_for(label, item.role)
            )
            shares.setdefault(item.source, []).append(not doubtful)
    return {source: (len(values), float(np.mean(values))) for source, values in sorted(shares.items())}


def _settled(both: Judged, gate: Logits, column: int, bound: float) -> tuple[float, float]:
    having, lacking = columns(both.examples, SAFETY_LABELS[column])
    low, high = NEVER, -NEVER
    if len(having):
        lost = np.sort(gate[having, column][both.logits[having, column] >= bound])
        allowed = int(LOSS * len(having))
        low = float(lost[allowed]) if allowed < len(lost) else NEVER
    if len(lacking):
        high = float(np.quantile(gate[lacking, column], 1 - SURE))
    return low, high
