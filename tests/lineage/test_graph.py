"""Closures of random graphs, circles, and drawings that show only text."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    ArtifactKind,
    Digest,
    Evidence,
    Judged,
    Signer,
    Statement,
    Subject,
    predicates,
)
from govkernel.errors import GovkernelError, InputError
from govkernel.lineage import FORMATS, Lineage, ancestry, descendants, draw, trace

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script>\x1b[2J"];\n'
Graph = Mapping[int, Sequence[int]]


def digest(number: int) -> Digest:
    return Digest.sha256(f"{number:064x}")


def stated(number: int, kind: str, predicate: Mapping[str, Any]) -> AcceptedStatement:
    statement = Statement(
        subjects=(Subject(name=f"m{number}", digests=(digest(number),)),),
        predicate_type=kind,
        predicate=predicate,
        digest=digest(number + 1000),
    )
    return AcceptedStatement(statement=statement, signers=(Signer(name="release"),))


class World:
    """Evidence about numbered artifacts: each was made from some others."""

    def __init__(
        self, parents: Graph, *, name: str = "m", unsigned: Sequence[int] = (), backwards: bool = False
    ) -> None:
        self.parents = parents
        self.name = name
        self.unsigned = set(unsigned)
        self.backwards = backwards
        self.asked: list[str] = []

    async def about(self, artifacts: Sequence[Artifact], now: datetime) -> list[Judged]:
        self.asked += [artifact.name for artifact in artifacts]
        return [self.judged(artifact) for artifact in artifacts]

    def under_name(self, judged: Judged, name: str, now: datetime) -> Judged:
        return judged

    def judged(self, artifact: Artifact) -> Judged:
        known = artifact.digest
        if known is None:
            return Judged(artifact=artifact, evidence=Evidence())
        number = int(known.hex, 16)
        said = [stated(number, predicates.DERIVATION, self._derivation(part)) for part in self._parts(number)]
        if number not in self.unsigned:
            said.append(stated(number, predicates.SIGNATURE, {"kind": artifact.kind.value}))
        accepted = tuple(reversed(said)) if self.backwards else tuple(said)
        return Judged(
            artifact=artifact,
            evidence=Evidence(subject=known, accepted=accepted),
        )

    def _parts(self, number: int) -> list[Sequence[int]]:
        """One statement per parent: together they make the merge."""
        return [[parent] for parent in self.parents.get(number, ())]

    def _derivation(self, parents: Sequence[int]) -> dict[str, Any]:
        bases = [{"name": f"{self.name}{item}", "digest": {"sha256": digest(item).hex}} for item in parents]
        return {"method": "merge", "bases": bases, "datasets": []}

    @property
    def claims(self) -> list[tuple[Digest, Digest]]:
        return [(digest(child), digest(parent)) for child, items in self.parents.items() for parent in items]


def numbered(number: int) -> Artifact:
    return trace.known(digest(number), ArtifactKind.MODEL)


def ancestors(world: World, number: int = 0) -> Lineage:
    return asyncio.run(ancestry(world.judged(numbered(number)), world, NOW))


def closure(graph: Graph, start: int) -> set[int]:
    """The naive fixpoint."""
    found = {start}
    while True:
        more = found | {parent for child in found for parent in graph.get(child, ())}
        if more == found:
            return found
        found = more


EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20)


def graph_of(edges: Sequence[tuple[int, int]]) -> Graph:
    graph: dict[int, list[int]] = {}
    for child, parent in edges:
        graph.setdefault(child, []).append(parent)
    return graph


@settings(deadline=None)
@given(EDGES)
def test_ancestry_is_the_closure_whatever_the_order_of_evidence(edges: Sequence[tuple[int, int]]) -> None:
    graph = graph_of([(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]])
    found = ancestors(World(graph))
    assert set(found.nodes) == {digest(number) for number in closure(graph, 0)}
    assert found == ancestors(World(graph, backwards=True))
    turned = {child: [*reversed(parents)] for child, parents in graph.items()}
    assert found.edges == ancestors(World(turned)).edges


@settings(deadline=None)
@given(EDGES)
def test_descendants_are_the_closure_the_other_way(edges: Sequence[tuple[int, int]]) -> None:
    graph = graph_of([(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]])
    world = World(graph)
    found = asyncio.run(descendants(world.judged(numbered(9)), world, world.claims, NOW))
    down: dict[int, list[int]] = {}
    for child, parents in graph.items():
        for parent in parents:
            down.setdefault(parent, []).append(child)
    assert set(found.nodes) == {digest(number) for number in closure(down, 9)}


@settings(deadline=None)
@given(EDGES)
def test_a_circle_is_refused_and_nothing_else_is(edges: Sequence[tuple[int, int]]) -> None:
    graph = graph_of(edges)
    reached = closure(graph, 0)
    circular = any(number in closure(graph, parent) for number in reached for parent in graph.get(number, ()))
    if not circular:
        ancestors(World(graph))
        return
    with pytest.raises(GovkernelError) as caught:
        ancestors(World(graph))
    assert caught.value.code == "lineage.circle"
    assert caught.value.remedy


def test_a_long_chain_is_no_problem_and_too_long_a_one_is_refused() -> None:
    chain = {number: [number + 1] for number in range(3000)}
    assert len(ancestors(World(chain)).nodes) == 3001
    with pytest.raises(GovkernelError) as caught:
        asyncio.run(ancestry(World(chain).judged(numbered(0)), World(chain), NOW, limit=100))
    assert caught.value.code == "lineage.too-large"


def test_each_artifact_is_asked_about_once() -> None:
    world = World({0: [1, 2], 1: [3], 2: [3], 3: [4]})
    ancestors(world)
    assert len(world.asked) == len(set(world.asked)) == 4


def test_a_claim_that_is_not_accepted_makes_no_descendant() -> None:
    world = World({1: [0]})
    lies = [*world.claims, (digest(5), digest(0))]
    found = asyncio.run(descendants(world.judged(numbered(0)), world, lies, NOW))
    assert set(found.nodes) == {digest(0), digest(1)}


def test_what_is_not_signed_is_named() -> None:
    found = ancestors(World({0: [1, 2]}, unsigned=[0, 2]))
    assert [node.digest for node in found.untrusted] == [digest(2)]
    assert "NOT SIGNED" in draw(found, "tree")


def test_a_name_that_leads_nowhere_is_a_typed_error() -> None:
    with pytest.raises(InputError) as caught:
        asyncio.run(ancestry(World({}).judged(Artifact(kind="model", name="m")), World({}), NOW))
    assert caught.value.code == "lineage.unresolved"


def test_a_tree_shows_shared_ancestors_once() -> None:
    shown = draw(ancestors(World({0: [1, 2], 1: [3], 2: [3], 3: [4]})), "tree").splitlines()
    assert len(shown) == 6
    assert sum("see above" in line for line in shown) == 1
    assert sum(str(digest(4))[:19] in line and "m4" in line for line in shown) == 1


@pytest.mark.parametrize("form", FORMATS)
def test_names_of_strangers_are_text_in_every_format(form: str) -> None:
    shown = draw(ancestors(World({0: [1]}, name=HOSTILE)), form)
    assert "<script>" not in shown or form in {"tree", "json", "dot"}
    assert "\x1b" not in shown
    if form == "json":
        assert HOSTILE + "1" in {item["name"] for item in json.loads(shown)["artifacts"]}
    if form == "dot":
        assert all(re.fullmatch(r'[^"]*("(?:[^"\\]|\\.)*"[^"]*)*', line) for line in shown.splitlines())
    if form == "tree":
        assert len(shown.splitlines()) == 2
