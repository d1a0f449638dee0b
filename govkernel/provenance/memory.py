"""Manifests of artifacts that were read, kept a while to name files that differ; content-addressed, so never stale."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from govkernel.domain import Artifact, Digest
from govkernel.provenance.manifest import ModelManifest

MAX_MANIFESTS: Final = 64


class ManifestMemory:
    """The last manifests, by the subject digest of the artifact they were read from. Safe to share by threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Digest, ModelManifest] = OrderedDict()

    def remember(self, artifact: Artifact, manifest: ModelManifest) -> None:
        """Keep a manifest under the digest of its artifact."""
        if artifact.digest is None:
            return
        with self._lock:
            self._kept[artifact.digest] = manifest
            self._kept.move_to_end(artifact.digest)
            while len(self._kept) > MAX_MANIFESTS:
                self._kept.popitem(last=False)

    def recall(self, artifact: Artifact) -> ModelManifest | None:
        """The manifest of an artifact, if it was read lately."""
        with self._lock:
            return self._kept.get(artifact.digest) if artifact.digest else None
