"""The admission room as a plugin: the same hook that strangers get."""

from __future__ import annotations

from collections.abc import Sequence

from govkernel.admission.extractors.workloads import PodExtractor
from govkernel.hookspecs import ArtifactExtractor, hookimpl


class WorkloadsPlugin:
    """Reads every pod specification; kinds that name models otherwise need a plugin of their own."""

    @hookimpl
    def govkernel_artifact_extractors(self) -> Sequence[ArtifactExtractor]:
        """The extractor of pod specifications."""
        return [PodExtractor()]
