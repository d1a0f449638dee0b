"""Personal data by Presidio's pattern recognizers: its entities, patterns, checksums, context words and scores.

They are compiled (:mod:`runtime_guard.patterns`); no language model is loaded and nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from govkernel.domain import Finding
from runtime_guard.expressions.cache import Cache, user_cache
from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.recognizers import (
    PrivateEmailRecognizer,
    country_recognizers,
    default_recognizers,
    registry_recognizers,
)

NAME: Final = "presidio"
THRESHOLD: Final = 0.4


class PresidioDetector:
    """Personal data by pattern, checksum and context.

    Args:
        threshold: findings below this score are dropped.
        entities: those of Presidio's default English set that are looked for; all of them by default.
        countries: those whose identifiers are looked for too, e.g. ``de``.
        registry: a registry of recognizers, as Presidio's YAML describes it; its recognizers are added.
        cache: where the compiled patterns are kept; by default the user's cache folder.

    Raises:
        ConfigError: ``guard.unknown-country``, ``guard.bad-recognizers``.
    """

    name = NAME

    def __init__(
        self,
        threshold: float = THRESHOLD,
        *,
        entities: Collection[str] | None = None,
        countries: Collection[str] = (),
        registry: Path | None = None,
        cache: Cache | None = None,
    ) -> None:
        chosen = [
            item
            for item in (*default_recognizers(), PrivateEmailRecognizer())
            if entities is None or not set(entities).isdisjoint(item.supported_entities)
        ]
        known = {type(item) for item in chosen}
        chosen += [item for item in country_recognizers(countries) if type(item) not in known]
        chosen += registry_recognizers(registry) if registry is not None else []
        self.recognizers = tuple(chosen)
        self.labels = frozenset(entity for item in chosen for entity in item.supported_entities)
        self._engine = PatternEngine(chosen, threshold=threshold, cache=cache or user_cache())

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """Findings in ``text``; the role does not matter to patterns."""
        return self.detect_since(text, role, 0)

    def detect_since(self, text: str, role: str, since: int) -> Sequence[Finding]:
        """See :class:`runtime_guard.readers.interface.Resuming`."""
        return [
            Finding(
                label=item.entity, start=item.start, end=item.end, score=min(1.0, item.score), detector=NAME
            )
            for item in self._engine.analyze(text, since)
        ]

    def pending(self, text: str, role: str) -> int:
        """See :class:`govkernel.hookspecs.Foreseeing`."""
        return self._engine.pending(text)
