"""Tags become digests: that of the manifest or index which the registry has now. File names in it tell the formats."""

from __future__ import annotations

from govkernel.domain import Artifact, ArtifactKind, ArtifactRef, Digest
from govkernel_oci.client import Registry
from govkernel_oci.contents import formats_in
from govkernel_oci.reference import parse


class OciResolver:
    """Follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        registry: asks.
    """

    schemes = frozenset({"oci"})

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact of a tag, or of a digest, of which only the formats are news.

        Returns:
            None where the registry has no such thing, or is not asked. A digest needs nobody to be known, and the
            layers of images have no names, so that nothing is asked about an image by digest.

        Raises:
            GovkernelError: ``oci.*``.
        """
        reference = parse(ref.uri)
        if reference is None or not self._registry.asks(reference):
            return None
        if reference.digest and ref.kind is ArtifactKind.IMAGE:
            return None
        found = await self._registry.manifest(reference, reference.digest or reference.tag or "latest")
        if found is None:
            return None
        return Artifact(
            kind=ref.kind,
            name=ref.uri,
            digest=Digest.parse(found.digest),
            formats=await formats_in(self._registry, reference, found.document),
            where=ref.where,
        )
