"""Tags become digests: that of the manifest or index which the registry has for them now."""

from __future__ import annotations

from govkernel.domain import Artifact, ArtifactRef, Digest
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
        return Artifact(
            kind=ref.kind,
            name=ref.uri,
            digest=Digest.parse(found.digest),
            formats=await formats_in(self._registry, reference, found.document),
            where=ref.where,
        )
