"""How deep the guard looks, and how deep it can look here."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

TIERS: Final = frozenset({0, 1, 2})
"""0: views of a text; 1: patterns, rules and the gate; 2: the encoder."""

_ENCODER: Final = ("torch", "tokenizers", "safetensors")


def installed_tiers() -> frozenset[int]:
    """All tiers, without the encoder's where the extra ``encoder`` is not installed."""
    return TIERS if all(find_spec(name) for name in _ENCODER) else TIERS - {2}
