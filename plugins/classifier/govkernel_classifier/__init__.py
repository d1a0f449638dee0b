"""Classifiers on other machines for govkernel: what they say of a text are findings of the guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import Detector, hookimpl
from govkernel_classifier.detector import RemoteClassifier
from govkernel_classifier.settings import ClassifierSettings, Endpoint

__all__ = ["ClassifierPlugin", "ClassifierSettings", "Endpoint", "RemoteClassifier"]


class ClassifierPlugin:
    """The plugin.

    Args:
        config: its table in govkernel.toml, see :class:`ClassifierSettings`.

    Raises:
        pydantic.ValidationError: the table is not valid.
        ConfigError: ``classifier.certificates``.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        settings = ClassifierSettings.model_validate(dict(config))
        self._detectors = [RemoteClassifier(endpoint) for endpoint in settings.endpoints]

    @hookimpl
    def govkernel_detectors(self) -> Sequence[Detector]:
        """One detector per endpoint."""
        return self._detectors
