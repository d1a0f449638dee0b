"""The guard's detectors as a plugin: the same hook that strangers get."""

from __future__ import annotations

from collections.abc import Sequence

from govkernel.hookspecs import Detector, hookimpl
from runtime_guard.detectors.defaults import default_detectors
from runtime_guard.options import Options
from runtime_guard.screen import Screen


class DetectorsPlugin:
    """Presidio's patterns, secrets, rules, the gate and the encoder.

    Args:
        options: which detectors are offered, and how they work.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._detectors = default_detectors(options or Options())

    @hookimpl
    def govkernel_detectors(self) -> Sequence[Detector]:
        """The detectors that ship with the guard."""
        return self._detectors


def default_screen() -> Screen:
    """A screen of exactly the detectors that ship with the guard."""
    return Screen(DetectorsPlugin().govkernel_detectors())
