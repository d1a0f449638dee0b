"""Sigstore bundles that a registry keeps beside an artifact, as cosign 3 and oras put them there, and cosign 2's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from govkernel.domain import Artifact
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle
from govkernel_oci.client import MAX_BLOB, Registry
from govkernel_oci.cosign import ENVELOPE, attestations_tag, bundle_of
from govkernel_oci.reference import Reference, is_digest, parse

MAX_REFERRERS: Final = 200
BUNDLE: Final = "application/vnd.dev.sigstore.bundle"
"""What media types of Sigstore bundles start with; versions follow."""


class ReferrersSource:
    """Follows :class:`govkernel.hookspecs.AttestationSource`; what it finds is not checked.

    Args:
        registry: asks.
    """

    name = "oci-referrers"

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def find(self, artifact: Artifact) -> Sequence[Bundle]:
        """The bundles that refer to an artifact of a registry that is asked; none for any other.

        Raises:
            GovkernelError: ``oci.*``: what cannot be read might have been a reason to deny.
        """
        reference = parse(artifact.name)
        if reference is None or artifact.digest is None or not self._registry.asks(reference):
            return []
        index = await self._registry.referrers(reference, str(artifact.digest))
        found = [
            Bundle(content=await self._bundle(reference, digest), source=_name(reference, digest))
            for digest in _bundles(index or {}, reference)
        ]
        return [*found, *await self._attestations(reference, str(artifact.digest))]

    async def _bundle(self, reference: Reference, digest: str) -> bytes:
        manifest = await self._registry.manifest(reference, digest)
        layers = manifest.document.get("layers") if manifest else None
        first = layers[0] if isinstance(layers, list) and len(layers) == 1 else None
        blob = first.get("digest") if isinstance(first, dict) else None
        if not is_digest(blob):
            raise _odd(reference, f"{digest} is said to be a bundle, and is not one layer.")
        return await self._registry.blob(reference, blob)

    async def _attestations(self, reference: Reference, digest: str) -> list[Bundle]:
        """What cosign 2 attested, as bundles."""
        manifest = await self._registry.manifest(reference, attestations_tag(digest))
        layers = manifest.document.get("layers", []) if manifest else []
        if not isinstance(layers, list) or len(layers) > MAX_REFERRERS:
            raise _odd(reference, f"cosign's tag has more than {MAX_REFERRERS} attestations, or no list.")
        said = [item for item in layers if isinstance(item, dict) and item.get("mediaType") == ENVELOPE]
        return [await self._attestation(reference, item) for item in said]

    async def _attestation(self, reference: Reference, layer: dict[str, Any]) -> Bundle:
        blob, notes = layer.get("digest"), layer.get("annotations") or {}
        if not is_digest(blob) or not isinstance(notes, dict):
            raise _odd(reference, "An attestation of cosign's tag has no digest, or odd annotations.")
        envelope = await self._registry.blob(reference, blob)
        try:
            content = bundle_of(envelope, notes)
        except ValueError as error:
            raise _odd(reference, f"The attestation {blob} is not what cosign writes: {error}.") from None
        if len(content) > MAX_BLOB:
            raise _odd(reference, f"The attestation {blob} is larger than {MAX_BLOB} bytes.")
        return Bundle(content=content, source=_name(reference, blob))


def _bundles(index: dict[str, Any], reference: Reference) -> Iterator[str]:
    """Digests of the manifests that say that they are bundles."""
    listed = index.get("manifests", [])
    if not isinstance(listed, list) or len(listed) > MAX_REFERRERS:
        raise _odd(reference, f"More than {MAX_REFERRERS} things refer to it, or the list is none.")
    for item in listed:
        kind, digest = (item.get("artifactType"), item.get("digest")) if isinstance(item, dict) else ("", "")
        if not isinstance(kind, str) or not kind.startswith(BUNDLE):
            continue
        if not is_digest(digest):
            raise _odd(reference, "A bundle is listed without a SHA-256 digest.")
        yield digest


def _name(reference: Reference, digest: str) -> str:
    return f"oci://{reference.host}/{reference.repository}@{digest}"


def _odd(reference: Reference, why: str) -> GovkernelError:
    return GovkernelError(
        "oci.referrers",
        f"What refers to an artifact of {reference.host}/{reference.repository} cannot be read.",
        why=why,
        remedy="Remove what does not belong there, e.g. with `oras discover` and `oras manifest delete`.",
    )
