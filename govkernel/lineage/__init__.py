"""Lineage: from any artifact, all it was made from, and all that was made from it, by accepted statements only."""

from govkernel.lineage.drawing import FORMATS, as_dict, draw
from govkernel.lineage.facts import MAX_ANCESTORS, lineage_facts, with_ancestry
from govkernel.lineage.graph import Edge, Lineage, Node, Relation, lineage_of
from govkernel.lineage.trace import MAX_ARTIFACTS, Gatherer, ancestry, descendants

__all__ = [
    "FORMATS",
    "MAX_ANCESTORS",
    "MAX_ARTIFACTS",
    "Edge",
    "Gatherer",
    "Lineage",
    "Node",
    "Relation",
    "ancestry",
    "as_dict",
    "descendants",
    "draw",
    "lineage_facts",
    "lineage_of",
    "with_ancestry",
]
