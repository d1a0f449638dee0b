"""Follows accepted derivation statements, level by level, within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from govkernel.domain import Artifact, ArtifactKind, Digest, Evidence, Judged, predicates
from govkernel.errors import GovkernelError, InputError
from govkernel.facts import evidence_facts
from govkernel.lineage.graph import Edge, Lineage, Node, Relation, lineage_of

MAX_ARTIFACTS: Final = 10_000
"""Artifacts in one lineage."""

_PARTS: Final = (
    ("bases", Relation.BASE, ArtifactKind.MODEL),
    ("datasets", Relation.DATASET, ArtifactKind.DATASET),
)


class Gatherer(Protocol):
    """Gathers evidence; what it rejects is not part of a lineage."""

    async def about(self, artifacts: Sequence[Artifact], now: datetime) -> Sequence[Judged]:
        """Evidence about artifacts that are known by their digests, in order."""


async def ancestry(root: Judged, gatherer: Gatherer, now: datetime, *, limit: int = MAX_ARTIFACTS) -> Lineage:
    """All that an artifact was made from.

    Args:
        root: the artifact.
        gatherer: verifies and judges.
        now: time of the judgement, aware.
        limit: artifacts, the root included.

    Raises:
        InputError: ``lineage.unresolved``: the artifact has no digest.
        GovkernelError: ``lineage.circle``, ``lineage.too-large``, or what gathering raises.
    """
    start = _digest(root.artifact)
    nodes = {start: _node(root, root.artifact.name, now)}
    edges: set[Edge] = set()
    level: Sequence[Judged] = [root]
    while level:
        named: dict[Digest, tuple[str, ArtifactKind]] = {}
        for item in level:
            for edge, name, kind in _derived(item):
                edges.add(edge)
                if edge.parent not in nodes:
                    named.setdefault(edge.parent, (name, kind))
        _bound(len(nodes) + len(named), limit)
        level = await gatherer.about([known(digest, kind) for digest, (_, kind) in named.items()], now)
        for (digest, (name, _)), item in zip(named.items(), level, strict=True):
            nodes[digest] = _node(item, name or item.artifact.name, now)
    return lineage_of(start, nodes.values(), edges)


async def descendants(
    root: Judged, gatherer: Gatherer, claims: Iterable[tuple[Digest, Digest]], now: datetime
) -> Lineage:
    """All that was made from an artifact, as far as bundles that are here say so.

    Args:
        root: the artifact.
        gatherer: verifies and judges.
        claims: child and parent of unverified derivation statements: where to look.
        now: time of the judgement, aware.

    Raises:
        InputError: ``lineage.unresolved``.
        GovkernelError: ``lineage.circle``, ``lineage.too-large``, or what gathering raises.
    """
    children: dict[Digest, set[Digest]] = {}
    for child, parent in claims:
        children.setdefault(parent, set()).add(child)
    start = _digest(root.artifact)
    nodes = {start: _node(root, root.artifact.name, now)}
    edges: set[Edge] = set()
    level = {start}
    while level:
        wanted = sorted({child for parent in level for child in children.get(parent, ())}, key=str)
        _bound(len(nodes) + len(wanted), MAX_ARTIFACTS)
        reached: set[Digest] = set()
        for item in await gatherer.about([known(digest, ArtifactKind.MODEL) for digest in wanted], now):
            for edge, _, _ in _derived(item):
                if edge.parent in level:
                    edges.add(edge)
                    if edge.child not in nodes:
                        nodes[edge.child] = _node(item, _name_of(item), now)
                        reached.add(edge.child)
        level = reached
    return lineage_of(start, nodes.values(), edges)


def known(digest: Digest, kind: ArtifactKind) -> Artifact:
    """An artifact of which nothing but its digest is known; the digest is its name."""
    return Artifact(kind=kind, name=str(digest), digest=digest, pinned=True)


def claimed_parents(predicate: Mapping[str, Any]) -> Iterator[Digest]:
    """What a derivation statement says its subjects were made from; tolerant, since nothing of it is verified."""
    for part, _, _ in _PARTS:
        for item in predicate.get(part) or ():
            digest = item.get("digest", {}).get("sha256") if isinstance(item, Mapping) else None
            try:
                yield Digest.sha256(str(digest))
            except ValueError:
                continue


def _derived(judged: Judged) -> Iterator[tuple[Edge, str, ArtifactKind]]:
    child = judged.artifact.digest
    if child is None:
        return
    for said in judged.evidence.of_type(predicates.DERIVATION):
        for part, relation, kind in _PARTS:
            for item in said.get(part) or ():
                parent = Digest.sha256(str(item["digest"]["sha256"]))
                edge = Edge(child, parent, relation, str(said["method"]))
                yield edge, str(item.get("name", "")), kind


def _node(judged: Judged, name: str, now: datetime) -> Node:
    artifact, evidence = judged.artifact, judged.evidence
    facts = evidence_facts(evidence, now, artifact.kind)
    return Node(
        digest=_digest(artifact),
        name=name,
        kind=artifact.kind,
        signed=facts["signed"],
        signers=tuple(facts["signers"]),
        license=_license(evidence),
        rejections=tuple(facts["rejections"]),
        evidence=evidence,
    )


def _license(evidence: Evidence) -> str:
    cards = evidence.of_type(predicates.MODEL_CARD) + evidence.of_type(predicates.DATASET_CARD)
    found = {str(said["license"]) for said in cards if said.get("license")}
    return " AND ".join(sorted(found))


def _name_of(judged: Judged) -> str:
    """A name that an accepted statement gives the artifact, else its digest."""
    names = {
        subject.name
        for item in judged.evidence.accepted
        for subject in item.statement.subjects
        if subject.name and judged.artifact.digest in subject.digests
    }
    return min(names, default=judged.artifact.name)


def _digest(artifact: Artifact) -> Digest:
    if artifact.digest is None:
        raise InputError(
            "lineage.unresolved",
            f"{artifact.name!r} leads to no digest, so nothing can be known about where it comes from.",
            remedy="Name a file or folder, a digest, or a name that a trusted signature binds.",
        )
    return artifact.digest


def _bound(count: int, limit: int) -> None:
    if count > limit:
        raise GovkernelError(
            "lineage.too-large",
            f"The lineage has more than {limit} artifacts.",
            remedy="Ask about an artifact further up.",
        )
