"""What was made from what: a directed graph without circles; its arrows lead from a child to its parents.

Pure: evidence comes in as values, and their order never matters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from govkernel.domain import ArtifactKind, Digest, Evidence
from govkernel.errors import GovkernelError

REVOKED: Final = "provenance.revoked"
"""Code by which evidence says that an artifact is revoked."""


class Relation(StrEnum):
    """What a parent was to its child."""

    BASE = "base"
    DATASET = "dataset"


@dataclass(frozen=True)
class Node:
    """An artifact of a lineage.

    Attributes:
        digest: its subject digest.
        name: what it, or a statement that names it, calls it.
        kind: what it is used as.
        signed: an accepted signature says that it is somebody's.
        signers: who made accepted statements about it.
        license: SPDX id of its accepted model card; empty when none says so.
        rejections: codes of refused bundles about it.
        evidence: what was accepted about it.
    """

    digest: Digest
    name: str
    kind: ArtifactKind
    signed: bool = False
    signers: tuple[str, ...] = ()
    license: str = ""
    rejections: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence, compare=False, repr=False)

    @property
    def revoked(self) -> str:
        """Why it is revoked; empty when it is not."""
        told = (item.why for item in self.evidence.rejected if item.code == REVOKED)
        return next(told, REVOKED if REVOKED in self.rejections else "")


@dataclass(frozen=True)
class Edge:
    """An accepted statement's word that ``child`` was made from ``parent``.

    Attributes:
        child: what was made.
        parent: what from.
        relation: what the parent was to it.
        method: how it was made.
        vouched: its signer may speak about the name by which the child is called.
    """

    child: Digest
    parent: Digest
    relation: Relation
    method: str
    vouched: bool = True

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What edges are sorted by."""
        return str(self.child), str(self.parent), self.relation.value, self.method


@dataclass(frozen=True)
class Lineage:
    """An artifact with its whole ancestry, or all that descends from it.

    Attributes:
        root: whose lineage it is.
        nodes: every artifact in it, the root included.
        edges: sorted.
    """

    root: Digest
    nodes: Mapping[Digest, Node]
    edges: tuple[Edge, ...]

    @property
    def others(self) -> tuple[Node, ...]:
        """Every artifact but the root, by name."""
        found = (node for digest, node in self.nodes.items() if digest != self.root)
        return tuple(sorted(found, key=lambda node: (node.name, str(node.digest))))

    @property
    def untrusted(self) -> tuple[Node, ...]:
        """Those that are revoked, or of which no accepted signature says whose they are; but for the root."""
        return tuple(node for node in self.others if node.revoked or not node.signed)

    @property
    def below_revoked(self) -> tuple[tuple[Node, Node], ...]:
        """Each artifact that descends from a revoked one, with the nearest such; by name."""
        origin = {digest: node for digest, node in self.nodes.items() if node.revoked}
        children: dict[Digest, list[Digest]] = {}
        for edge in self.edges:
            children.setdefault(edge.parent, []).append(edge.child)
        waiting, found = deque(sorted(origin, key=str)), dict[Digest, Node]()
        while waiting:
            parent = waiting.popleft()
            for child in children.get(parent, ()):
                if child not in found:
                    found[child] = origin[parent]
                    origin.setdefault(child, origin[parent])
                    waiting.append(child)
        pairs = ((self.nodes[child], revoked) for child, revoked in found.items())
        return tuple(sorted(pairs, key=lambda pair: (pair[0].name, str(pair[0].digest))))

    @property
    def licenses(self) -> frozenset[str]:
        """The licences that accepted model cards state, of the root too."""
        return frozenset(node.license for node in self.nodes.values() if node.license)

    def parents(self, digest: Digest) -> Iterator[tuple[Edge, Node]]:
        """What an artifact was made from."""
        yield from ((edge, self.nodes[edge.parent]) for edge in self.edges if edge.child == digest)

    def children(self, digest: Digest) -> Iterator[tuple[Edge, Node]]:
        """What was made from an artifact."""
        yield from ((edge, self.nodes[edge.child]) for edge in self.edges if edge.parent == digest)


def lineage_of(root: Digest, nodes: Iterable[Node], edges: Iterable[Edge]) -> Lineage:
    """A lineage, checked.

    Raises:
        GovkernelError: ``lineage.circle``: statements say that something was made from itself.
    """
    found = Lineage(root, {node.digest: node for node in nodes}, tuple(sorted(set(edges), key=_place)))
    circle = _circle(found)
    if circle:
        names = " ← ".join(found.nodes[digest].name for digest in circle)
        raise GovkernelError(
            "lineage.circle",
            "The statements say that an artifact was made from itself.",
            why=names[:500],
            remedy="Find out which derivation statement is wrong, and revoke it.",
        )
    return found


def _place(edge: Edge) -> tuple[str, str, str, str]:
    return edge.place


def _circle(lineage: Lineage) -> list[Digest]:
    """The artifacts of a circle, in order; empty when there is none. Without recursion: chains may be long."""
    parents: dict[Digest, list[Digest]] = {}
    for edge in lineage.edges:
        parents.setdefault(edge.child, []).append(edge.parent)
    done: set[Digest] = set()
    for start in sorted(parents, key=str):
        path: list[Digest] = []
        on_path: set[Digest] = set()
        stack: list[tuple[Digest, Iterator[Digest]]] = []
        following: Digest | None = start
        while following is not None or stack:
            if following is not None:
                if following in on_path:
                    return [*path[path.index(following) :], following]
                if following not in done:
                    path.append(following)
                    on_path.add(following)
                    stack.append((following, iter(parents.get(following, ()))))
                following = None
                continue
            current, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                path.pop()
                on_path.discard(current)
                done.add(current)
    return []
