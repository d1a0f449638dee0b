"""The detectors that ship with the guard, by tier."""

from __future__ import annotations

from collections.abc import Collection

from govkernel.hookspecs import Detector
from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.detectors.rules import injection_detector
from runtime_guard.detectors.secrets import SecretsDetector


def default_detectors(tiers: Collection[int]) -> tuple[Detector, ...]:
    """The detectors of the tiers; see :data:`runtime_guard.screen.TIERS`."""
    found: list[Detector] = []
    if 1 in tiers:
        found += [PresidioDetector(), SecretsDetector(), injection_detector()]
    return tuple(found)
