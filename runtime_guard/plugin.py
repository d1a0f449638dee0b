"""The guard's detectors as a plugin: the same hook that strangers get."""

from __future__ import annotations

from collections.abc import Sequence

from govkernel.hookspecs import Detector, hookimpl
from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.detectors.rules import injection_detector, secrets_detector
from runtime_guard.screen import Screen


class DetectorsPlugin:
    """Presidio's patterns, secrets, and injection rules."""

    def __init__(self) -> None:
        self._detectors: tuple[Detector, ...] = (PresidioDetector(), secrets_detector(), injection_detector())

    @hookimpl
    def govkernel_detectors(self) -> Sequence[Detector]:
        """The detectors that ship with the guard."""
        return self._detectors


def default_screen() -> Screen:
    """A screen of exactly the detectors that ship with the guard."""
    return Screen(DetectorsPlugin().govkernel_detectors())
