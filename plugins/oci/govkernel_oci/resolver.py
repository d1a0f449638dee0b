"""Tags become digests: that of the manifest or index which the registry has for them now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from govkernel.domain import Artifact, ArtifactRef, Digest
from govkernel.domain.formats import formats_of
from govkernel_oci.client import Registry
from govkernel_oci.reference import parse

MAX_LAYERS: Final = 1000
_TITLES: Final = ("org.opencontainers.image.title", "org.cncf.model.filepath")
"""Annotations that name the file in a layer: ORAS and KitOps, and the CNCF model specification."""


class OciResolver:
    """Follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        registry: asks.
    """

    schemes = frozenset({"oci"})

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact of a tag; None for a digest, which needs nobody, and for registries that are not asked.

        Raises:
            GovkernelError: ``oci.*``.
        """
        reference = parse(ref.uri)
        if reference is None or reference.digest or not self._registry.asks(reference):
            return None
        found = await self._registry.manifest(reference, reference.tag or "latest")
        if found is None:
            return None
        named = ((name, None) for name in _files(found.document))
        return Artifact(
            kind=ref.kind,
            name=ref.uri,
            digest=Digest.parse(found.digest),
            formats=formats_of(named),
            where=ref.where,
        )


def _files(manifest: dict[str, Any]) -> Iterator[str]:
    """Names of files that the layers of an artifact hold, where the manifest, which the digest covers, says so."""
    layers = manifest.get("layers")
    for layer in layers[:MAX_LAYERS] if isinstance(layers, list) else ():
        notes = layer.get("annotations") if isinstance(layer, dict) else None
        for title in _TITLES:
            name = notes.get(title) if isinstance(notes, dict) else None
            if isinstance(name, str) and name:
                yield name
