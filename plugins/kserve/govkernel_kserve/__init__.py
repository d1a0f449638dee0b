"""KServe for govkernel: which models an InferenceService, LLMInferenceService or their relatives would load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import ArtifactExtractor, hookimpl
from govkernel_kserve.extractor import KServeExtractor

__all__ = ["KServeExtractor", "KServePlugin"]


class KServePlugin:
    """The plugin.

    Args:
        config: its table in govkernel.toml; there is nothing to set.

    Raises:
        ValueError: the table is not empty.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        if config:
            raise ValueError(f"unknown settings: {', '.join(sorted(config))}")

    @hookimpl
    def govkernel_artifact_extractors(self) -> Sequence[ArtifactExtractor]:
        """The extractor of KServe objects."""
        return [KServeExtractor()]
