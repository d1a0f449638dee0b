"""What a bill of materials says, whatever its format: read from a lineage and accepted statements only. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from govkernel.domain import ArtifactKind, Digest, Evidence, predicates
from govkernel.lineage import Edge, Lineage, Node

MAX_FILES: Final = 10_000
"""Files listed of one artifact; a longer list is cut."""

Files = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Metric:
    """A measured number.

    Attributes:
        name: of the metric.
        value: what was measured.
        suite: what it was measured with.
        lower, upper: confidence interval; None where none is stated.
    """

    name: str
    value: float
    suite: str
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Item:
    """An artifact of the bill.

    Attributes:
        digest: its subject digest, which binds file names; not the hash of a file unless it is one.
        name: what it is called.
        kind: what it is.
        license: SPDX expression or free text; empty when no accepted card states one.
        signers: who made accepted statements about it.
        files: path and SHA-256 hex of its files, if they were read; at most :data:`MAX_FILES`.
        uses: intended uses, of its cards.
        limitations: of its cards.
        risks: risk classes, of its cards.
        metrics: of its evaluation results.
        personal: entity types that scans for personal data found; None when none was made.
    """

    digest: Digest
    name: str
    kind: ArtifactKind
    license: str = ""
    signers: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    uses: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    personal: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Inventory:
    """A bill of materials.

    Attributes:
        root: whose it is.
        items: every artifact, by digest, the root first.
        edges: what was made from what.
        made: when it was drawn up, aware, UTC.
        trust_policy: digest of the trust policy by which statements were accepted, if there was one.
    """

    root: Digest
    items: Mapping[Digest, Item]
    edges: tuple[Edge, ...]
    made: datetime
    trust_policy: Digest | None = None

    def parents(self, digest: Digest) -> Iterator[Edge]:
        """What an artifact was made from."""
        return (edge for edge in self.edges if edge.child == digest)


def inventory_of(lineage: Lineage, now: datetime, files: Files = ()) -> Inventory:
    """The bill of an artifact with its whole ancestry.

    Args:
        lineage: traced upwards.
        now: when it is drawn up.
        files: path and SHA-256 hex of the root's files, where they were read; records hold no lists of files.
    """
    root = lineage.nodes[lineage.root]
    items = {node.digest: _item(node) for node in (root, *lineage.others)}
    items[root.digest] = replace(items[root.digest], files=tuple(sorted(files))[:MAX_FILES])
    return Inventory(lineage.root, items, lineage.edges, now, root.evidence.trust_policy)


def _item(node: Node) -> Item:
    cards = node.evidence.of_type(predicates.MODEL_CARD)
    scans = node.evidence.of_type(predicates.PII_SCAN)
    return Item(
        digest=node.digest,
        name=node.name,
        kind=node.kind,
        license=node.license,
        signers=node.signers,
        uses=_texts(cards, "intendedUse"),
        limitations=_texts(cards, "limitations"),
        risks=_texts(cards, "riskClass"),
        metrics=tuple(_metrics(node.evidence)),
        personal=tuple(sorted({str(label) for scan in scans for label in scan.get("entityTypes", {})}))
        if scans
        else None,
    )


def _texts(cards: list[dict[str, Any]], field: str) -> tuple[str, ...]:
    return tuple(sorted({str(card[field]) for card in cards if card.get(field)}))


def _metrics(evidence: Evidence) -> Iterator[Metric]:
    results = evidence.of_type(predicates.EVALUATION_RESULT)
    for said in sorted(results, key=lambda item: (str(item["suite"]["name"]), str(item["finishedOn"]))):
        suite = str(said["suite"]["name"])
        yield Metric("score", float(said["score"]), suite)
        for metric in said.get("metrics", ()):
            yield Metric(
                str(metric["name"]),
                float(metric["value"]),
                suite,
                _number(metric.get("lower")),
                _number(metric.get("upper")),
            )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
