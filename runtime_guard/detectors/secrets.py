"""Credentials: the published shapes of cloud, code-hosting and model API keys, and what words announce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from govkernel.domain import Finding
from runtime_guard.expressions.cache import Cache, user_cache
from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.secrets import ENTITY, secret_recognizers

NAME: Final = "secret-rules"


class SecretsDetector:
    """Credentials by their issuers' shapes, by entropy, and by what stands before them.

    Args:
        cache: where the compiled patterns are kept; by default the user's cache folder.
    """

    name = NAME
    labels = frozenset({ENTITY})

    def __init__(self, cache: Cache | None = None) -> None:
        self._engine = PatternEngine(secret_recognizers(), cache=cache or user_cache())

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """Findings in ``text``; the role does not matter to credentials."""
        return self.detect_since(text, role, 0)

    def detect_since(self, text: str, role: str, since: int) -> Sequence[Finding]:
        """See :class:`runtime_guard.readers.interface.Resuming`."""
        return [
            Finding(label=item.entity, start=item.start, end=item.end, score=item.score, detector=NAME)
            for item in self._engine.analyze(text, since)
        ]

    def pending(self, text: str, role: str) -> int:
        """See :class:`govkernel.hookspecs.Foreseeing`."""
        return self._engine.pending(text)
