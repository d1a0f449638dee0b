"""What can be chosen: how deep the guard looks, how often it may be mistaken, where its models run."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal

TIERS: Final = frozenset({0, 1, 2})
"""0: views of a text; 1: patterns, rules and the gate; 2: the encoder."""

Rate = Literal["0.1%", "1%", "5%"]
Ask = Literal["doubt", "always"]
Device = Literal["auto", "cpu", "cuda"]
OnFault = Literal["cpu", "refuse"]

RATES: Final[tuple[Rate, ...]] = ("0.1%", "1%", "5%")
"""Shares of harmless texts that a label may be seen in by mistake; the models have bounds for each."""

_ENCODER: Final = ("torch", "tokenizers", "safetensors")


def installed_tiers() -> frozenset[int]:
    """All tiers, without the encoder's where the extra ``encoder`` is not installed."""
    return TIERS if all(find_spec(name) for name in _ENCODER) else TIERS - {2}
