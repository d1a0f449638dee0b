"""Follows accepted derivation statements, level by level, within bounds.

An ancestor is known by its digest, and by what its descendant's statement calls it. What it was made from counts if its
signer may say so of anything by a name that it gives: an ancestor more can only deny. What speaks for it, a signature
or a licence, counts only if its signer may speak about the name that the ancestor was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from govkernel.domain import Artifact, ArtifactKind, Digest, Evidence, Judged, predicates
from govkernel.errors import GovkernelError, InputError
from govkernel.facts import evidence_facts
from govkernel.lineage.graph import Edge, Lineage, Node, Relation, lineage_of

MAX_ARTIFACTS: Final = 10_000
"""Artifacts in one lineage."""

_KIND_CODES: Final = frozenset({"provenance.kind-not-allowed", "provenance.kind-mismatch"})
_PARTS: Final = (
    ("bases", Relation.BASE, ArtifactKind.MODEL),
    ("datasets", Relation.DATASET, ArtifactKind.DATASET),
)


class Gatherer(Protocol):
    """Gathers evidence; what it rejects is not part of a lineage."""

    async def about(self, artifacts: Sequence[Artifact], now: datetime) -> Sequence[Judged]:
        """Evidence about artifacts that are known by their digests, in order."""

    def under_name(self, judged: Judged, name: str, now: datetime) -> Judged:
        """As much of the evidence as counts for an artifact of that name."""


@dataclass(frozen=True)
class _Wanted:
    """An artifact to look at: its digest, what it is used as, and what it is called, if anybody calls it anything."""

    digest: Digest
    kind: ArtifactKind
    name: str = ""


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
    edges: dict[Edge, bool] = {}
    level = [_Seen(root, root)]
    while level:
        wanted: dict[Digest, _Wanted] = {}
        for item in level:
            for edge, vouched, parent in item.derived():
                edges[edge] = edges.get(edge, False) or vouched
                if parent.digest not in nodes:
                    known_as = wanted.setdefault(parent.digest, parent)
                    wanted[parent.digest] = min(known_as, parent, key=lambda it: (it.kind, it.name))
        _bound(len(nodes) + len(wanted), limit)
        level = await _look(list(wanted.values()), gatherer, now)
        for parent, item in zip(wanted.values(), level, strict=True):
            nodes[parent.digest] = item.node(parent.name, now)
    return lineage_of(start, nodes.values(), (replace(edge, vouched=said) for edge, said in edges.items()))


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
        for item in await _look([_Wanted(digest, ArtifactKind.MODEL) for digest in wanted], gatherer, now):
            for edge, _, _ in item.derived():
                if edge.parent in level:
                    edges.add(edge)
                    if edge.child not in nodes:
                        nodes[edge.child] = item.node(_name_of(item.named), now)
                        reached.add(edge.child)
        level = reached
    return lineage_of(start, nodes.values(), edges)


@dataclass(frozen=True)
class _Seen:
    """An artifact that was looked at.

    Attributes:
        plain: by its digest alone: what was made from what, and what is revoked.
        named: by the name it was given: who speaks for it.
        others: what was found about it as something of another kind.
    """

    plain: Judged
    named: Judged
    others: tuple[Judged, ...] = ()

    def derived(self) -> Iterator[tuple[Edge, bool, _Wanted]]:
        """What it was made from; and whether who says so may speak about the name it was given."""
        for judged in (self.plain, *self.others):
            yield from _derived(judged, self.named)

    def node(self, name: str, now: datetime) -> Node:
        """The artifact with what counts for it, and everything that was refused about it."""
        made = _node(self.named, name or self.named.artifact.name, now)
        refused = {*made.rejections, *(item.code for item in self.plain.evidence.rejected)}
        return replace(made, rejections=tuple(sorted(refused)))


async def _look(wanted: Sequence[_Wanted], gatherer: Gatherer, now: datetime) -> list[_Seen]:
    """Each artifact, also as another kind where its statements say that it is of one."""
    plain = await gatherer.about([known(item.digest, item.kind) for item in wanted], now)
    odd = [judged.artifact for judged in plain if _other_kind(judged)]
    kinds = [(artifact, kind) for artifact in odd for kind in ArtifactKind if kind is not artifact.kind]
    again = await gatherer.about([known(_digest(artifact), kind) for artifact, kind in kinds], now)
    others: dict[Digest, list[Judged]] = {}
    for (artifact, _), judged in zip(kinds, again, strict=True):
        others.setdefault(_digest(artifact), []).append(judged)
    found: list[_Seen] = []
    for item, judged in zip(wanted, plain, strict=True):
        more = tuple(others.get(item.digest, ()))
        best = max((judged, *more), key=_spoken_for)  # the first of equals, so the kind it is used as
        named = gatherer.under_name(best, item.name, now) if item.name else best
        found.append(_Seen(judged, named, more))
    return found


def _other_kind(judged: Judged) -> bool:
    """Whether something was refused only because the artifact is used as another kind than was said."""
    return any(item.code in _KIND_CODES for item in judged.evidence.rejected)


def _spoken_for(judged: Judged) -> int:
    """Number of accepted statements that sign it as what it is used for."""
    kind = judged.artifact.kind
    return sum(said.get("kind") == kind for said in judged.evidence.of_type(predicates.SIGNATURE))


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


def _derived(judged: Judged, named: Judged) -> Iterator[tuple[Edge, bool, _Wanted]]:
    child = judged.artifact.digest
    if child is None:
        return
    vouched = {
        item.statement.digest
        for item in named.evidence.accepted
        if item.statement.predicate_type == predicates.DERIVATION
    }
    for item in judged.evidence.accepted:
        said = item.statement.predicate
        if item.statement.predicate_type != predicates.DERIVATION:
            continue
        for part, relation, kind in _PARTS:
            for entry in said.get(part) or ():
                parent = Digest.sha256(str(entry["digest"]["sha256"]))
                edge = Edge(child, parent, relation, str(said["method"]))
                wanted = _Wanted(parent, kind, str(entry.get("name", "")))
                yield edge, item.statement.digest in vouched, wanted


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
    """A name that an accepted statement gives the artifact, best one with a scheme, else its digest."""
    names = {
        subject.name
        for item in judged.evidence.accepted
        for subject in item.statement.subjects
        if subject.name and judged.artifact.digest in subject.digests
    }
    return min(names, key=lambda name: ("://" not in name, name), default=judged.artifact.name)


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
