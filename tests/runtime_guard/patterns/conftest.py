"""Presidio's own engine beside ours, with the same recognizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.recognizers import default_recognizers
from runtime_guard.patterns.words import Tokens


class Peers:
    """Two engines that must say the same.

    Args:
        recognizers: both have them.
        settings: of ours.
    """

    def __init__(self, recognizers: Sequence[Any], **settings: Any) -> None:
        self.ours = PatternEngine(recognizers, **settings)
        registry = RecognizerRegistry(recognizers=list(recognizers))
        nlp_engine = settings.get("nlp_engine") or Tokens()
        self._theirs = AnalyzerEngine(registry=registry, nlp_engine=nlp_engine, supported_languages=["en"])
        self._threshold = settings.get("threshold")

    def theirs(self, text: str) -> list[tuple[str, int, int, float]]:
        """What Presidio's engine finds."""
        found = self._theirs.analyze(text, language="en", score_threshold=self._threshold)
        return [(item.entity_type, item.start, item.end, item.score) for item in found]

    def agree_on(self, text: str) -> None:
        """Assert that both find the same, in the same order."""
        assert [tuple(item) for item in self.ours.analyze(text)] == self.theirs(text)


@pytest.fixture(scope="session")
def detector() -> PresidioDetector:
    return PresidioDetector()


@pytest.fixture(scope="session")
def default() -> Peers:
    """Presidio's default recognizers."""
    return Peers(default_recognizers())
