"""CycloneDX 1.6 ML-BOM (ECMA-424): components by cyclonedx-python-lib, model cards and data, which it lacks, by us."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion

from govkernel.bom.inventory import Inventory, Item
from govkernel.domain import ArtifactKind
from govkernel.lineage import Edge, Relation

_TYPES: Final = {
    ArtifactKind.MODEL: ComponentType.MACHINE_LEARNING_MODEL,
    ArtifactKind.ADAPTER: ComponentType.MACHINE_LEARNING_MODEL,
    ArtifactKind.DATASET: ComponentType.DATA,
    ArtifactKind.PROMPT: ComponentType.DATA,
    ArtifactKind.TOKENIZER: ComponentType.DATA,
    ArtifactKind.TOOL: ComponentType.APPLICATION,
    ArtifactKind.IMAGE: ComponentType.CONTAINER,
}
_LICENSES: Final = LicenseFactory()


def to_cyclonedx(inventory: Inventory) -> str:
    """The bill as CycloneDX 1.6 JSON; the same inventory gives the same text."""
    components = {digest: _component(item, inventory) for digest, item in inventory.items.items()}
    root = components[inventory.root]
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"{inventory.root} {inventory.made.isoformat()}"),
        components=[item for item in components.values() if item is not root],
        metadata=BomMetaData(component=root, timestamp=inventory.made, tools=None),
        dependencies=[
            Dependency(
                components[digest].bom_ref,
                [
                    Dependency(components[parent].bom_ref)
                    for parent in {edge.parent for edge in inventory.parents(digest)}
                ],
            )
            for digest in components
        ],
    )
    written = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    return json.dumps(_completed(json.loads(written), inventory), indent=2, ensure_ascii=False) + "\n"


def _component(item: Item, inventory: Inventory) -> Component:
    properties = [("subjectDigest", str(item.digest))]
    properties += [("signer", name) for name in item.signers]
    properties += [
        ("derivation", f"{edge.method} from {edge.parent}") for edge in inventory.parents(item.digest)
    ]
    if item.digest == inventory.root and inventory.trust_policy:
        properties.append(("trustPolicy", str(inventory.trust_policy)))
    return Component(
        name=item.name or str(item.digest),
        type=_TYPES[item.kind],
        bom_ref=str(item.digest),
        licenses=[_LICENSES.make_from_string(item.license)] if item.license else None,
        properties=[Property(name=f"govkernel:{name}", value=value) for name, value in properties],
        components=[_file(item, path, sha256) for path, sha256 in item.files],
    )


def _file(item: Item, path: str, sha256: str) -> Component:
    return Component(
        name=path,
        type=ComponentType.FILE,
        bom_ref=f"{item.digest}/{path}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
    )


def _completed(document: dict[str, Any], inventory: Inventory) -> dict[str, Any]:
    """With what the library cannot write: the tool, model cards, and what is known of data."""
    ours = {"type": "application", "name": "govkernel", "version": version("govkernel")}
    document["metadata"]["tools"] = {"components": [ours]}
    by_ref = {str(item.digest): item for item in inventory.items.values()}
    for component in (document["metadata"]["component"], *document.get("components", ())):
        item = by_ref[component["bom-ref"]]
        if component["type"] == "machine-learning-model":
            component["modelCard"] = _model_card(item, inventory.parents(item.digest))
        elif component["type"] == "data":
            component["data"] = [_data(item)]
    return document


def _model_card(item: Item, made_from: Iterable[Edge]) -> dict[str, Any]:
    datasets = sorted({str(edge.parent) for edge in made_from if edge.relation is Relation.DATASET})
    card: dict[str, Any] = {}
    if datasets:
        card["modelParameters"] = {"datasets": [{"ref": ref} for ref in datasets]}
    if item.metrics:
        card["quantitativeAnalysis"] = {
            "performanceMetrics": [_metric(item, number) for number in range(len(item.metrics))]
        }
    considerations = {"useCases": list(item.uses), "technicalLimitations": list(item.limitations)}
    if any(considerations.values()):
        card["considerations"] = {name: texts for name, texts in considerations.items() if texts}
    if item.risks:
        card["properties"] = [{"name": "govkernel:riskClass", "value": risk} for risk in item.risks]
    return card


def _metric(item: Item, number: int) -> dict[str, Any]:
    metric = item.metrics[number]
    found: dict[str, Any] = {"type": metric.name, "value": repr(metric.value), "slice": metric.suite}
    if metric.lower is not None and metric.upper is not None:
        found["confidenceInterval"] = {"lowerBound": repr(metric.lower), "upperBound": repr(metric.upper)}
    return found


def _data(item: Item) -> dict[str, Any]:
    kind = "dataset" if item.kind is ArtifactKind.DATASET else "other"
    found: dict[str, Any] = {"type": kind, "name": item.name or str(item.digest)}
    if item.personal:
        found["sensitiveData"] = list(item.personal)
    return found
