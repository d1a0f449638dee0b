"""The ancestry of what a decision is about: found on the way to it, kept in its record, and seen by policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from govkernel.domain import Ancestor, ArtifactKind, Digest, Judged, predicates
from govkernel.lineage.graph import REVOKED, Edge, Lineage
from govkernel.lineage.trace import Gatherer, ancestry

MAX_ANCESTORS: Final = 1000
"""Ancestors of one artifact that a decision looks at, and a record holds."""


async def with_ancestry(judged: Judged, gatherer: Gatherer, now: datetime) -> Judged:
    """The same, with what it was made from, if an accepted statement says that it was made from anything.

    Raises:
        GovkernelError: ``lineage.circle``, ``lineage.too-large``, or what gathering raises.
    """
    if not judged.evidence.of_type(predicates.DERIVATION):
        return judged
    lineage = await ancestry(judged, gatherer, now, limit=MAX_ANCESTORS)
    return judged.model_copy(update={"ancestry": tuple(_ancestors(lineage))})


def lineage_facts(ancestors: Sequence[Ancestor]) -> dict[str, Any]:
    """``LineageFacts`` of govkernel/engines/govkernel.cedarschema."""
    datasets = [item for item in ancestors if item.kind is ArtifactKind.DATASET]
    vouched = [item for item in ancestors if item.vouched]
    return {
        "ancestors": len(ancestors),
        "names": sorted({item.name for item in vouched}),
        "bases": sorted({str(item.digest) for item in vouched if item.kind is not ArtifactKind.DATASET}),
        "datasets": sorted({str(item.digest) for item in vouched if item.kind is ArtifactKind.DATASET}),
        "licenses": _licenses(ancestors),
        "datasetLicenses": _licenses(datasets),
        "unlicensed": sum(not item.license for item in ancestors),
        "unlicensedDatasets": sum(not item.license for item in datasets),
        "unsigned": sum(not item.signed for item in ancestors),
        "revoked": sum(REVOKED in item.rejections for item in ancestors),
    }


def _licenses(ancestors: Iterable[Ancestor]) -> list[str]:
    return sorted({item.license for item in ancestors if item.license})


def _ancestors(lineage: Lineage) -> Iterator[Ancestor]:
    distances = _distances(lineage, lineage.edges)
    vouched = _distances(lineage, [edge for edge in lineage.edges if edge.vouched])
    for node in lineage.others:
        yield Ancestor(
            digest=node.digest,
            name=node.name,
            kind=node.kind,
            distance=distances[node.digest],
            signed=node.signed,
            signers=node.signers,
            license=node.license,
            rejections=node.rejections,
            vouched=node.digest in vouched,
        )


def _distances(lineage: Lineage, edges: Sequence[Edge]) -> dict[Digest, int]:
    """Derivations between the root and each artifact that is reached, by the shortest way."""
    parents: dict[Digest, list[Digest]] = {}
    for edge in edges:
        parents.setdefault(edge.child, []).append(edge.parent)
    found = {lineage.root: 0}
    level = [lineage.root]
    while level:
        following = [parent for child in level for parent in parents.get(child, ())]
        distance = found[level[0]] + 1
        level = [item for item in dict.fromkeys(following) if item not in found]
        found.update(dict.fromkeys(level, distance))
    return found
