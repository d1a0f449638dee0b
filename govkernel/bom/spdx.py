"""SPDX 3.0.1 with its AI and Dataset profiles, as JSON-LD, by the bindings generated from the model itself."""

from __future__ import annotations

import io
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote

from cyclonedx.spdx import is_expression
from spdx_python_model import v3_0_1 as spdx

from govkernel.bom.inventory import Inventory, Item
from govkernel.domain import ArtifactKind, Digest
from govkernel.lineage import Relation

_BASE: Final = "https://govkernel.dev/spdx/"
_RELATIONS: Final = {
    Relation.BASE: spdx.RelationshipType.descendantOf,
    Relation.DATASET: spdx.RelationshipType.trainedOn,
}


def to_spdx(inventory: Inventory) -> str:
    """The bill as SPDX 3.0.1 JSON-LD; the same inventory gives the same text."""
    writer = _Writer(inventory)
    buffer = io.BytesIO()
    spdx.JSONLDSerializer().write(writer.objects(), buffer, indent=2)
    return buffer.getvalue().decode("utf-8") + "\n"


class _Writer:
    """Makes the elements of one document; every id starts with the root's digest."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._namespace = f"{_BASE}{inventory.root}/"
        self._info = spdx.CreationInfo(
            _id="_:creation", specVersion="3.0.1", created=inventory.made.replace(microsecond=0)
        )
        self._agent = self._made(spdx.SoftwareAgent, "agent", name=f"govkernel {version('govkernel')}")
        self._info.createdBy = [self._agent._id]
        self._elements: list[Any] = [self._agent]

    def objects(self) -> Any:
        """The document with everything in it."""
        inventory = self._inventory
        packages = {digest: self._package(item) for digest, item in inventory.items.items()}
        for number, edge in enumerate(inventory.edges):
            self._relate(
                f"derivation/{number}",
                packages[edge.child],
                _RELATIONS[edge.relation],
                [packages[edge.parent]],
                comment=edge.method,
            )
        for digest, item in inventory.items.items():
            self._license(digest, item, packages[digest])
            self._files(digest, item, packages[digest])
        document = self._made(
            spdx.SpdxDocument,
            "document",
            name=f"Bill of materials of {inventory.items[inventory.root].name or inventory.root}",
            rootElement=[packages[inventory.root]],
            element=list(self._elements),
            profileConformance=[
                getattr(spdx.ProfileIdentifierType, name)
                for name in ("core", "software", "ai", "dataset", "simpleLicensing")
            ],
        )
        return spdx.SHACLObjectSet([self._info, *self._elements, document])

    def _package(self, item: Item) -> Any:
        kind = _kind(item.kind)
        package = self._made(kind, f"artifact/{item.digest}", name=item.name or str(item.digest))
        package.software_packageVersion = str(item.digest)
        package.comment = f"Statements accepted of: {', '.join(item.signers) or 'nobody'}."
        if kind is spdx.ai_AIPackage:
            self._describe_model(package, item)
        elif kind is spdx.dataset_DatasetPackage:
            package.dataset_datasetType = [spdx.dataset_DatasetType.noAssertion]
            _describe(package, dataset_intendedUse=item.uses)
            package.dataset_hasSensitivePersonalInformation = _presence(item.personal)
        self._elements.append(package)
        return package

    def _describe_model(self, package: Any, item: Item) -> None:
        _describe(package, ai_informationAboutApplication=item.uses, ai_limitation=item.limitations)
        package.ai_metric = [
            spdx.DictionaryEntry(key=f"{metric.suite}: {metric.name}", value=repr(metric.value))
            for metric in item.metrics
        ]

    def _license(self, digest: Digest, item: Item, package: Any) -> None:
        if not item.license:
            return
        known = is_expression(item.license)
        expression = self._made(
            spdx.simplelicensing_LicenseExpression,
            f"license/{digest}",
            simplelicensing_licenseExpression=item.license if known else "NOASSERTION",
        )
        _describe(expression, comment=() if known else (item.license,))
        self._elements.append(expression)
        kind = spdx.RelationshipType.hasDeclaredLicense
        self._relate(f"licensed/{digest}", package, kind, [expression])

    def _files(self, digest: Digest, item: Item, package: Any) -> None:
        files = [
            self._made(
                spdx.software_File,
                f"file/{digest}/{quote(path)}",
                name=path,
                verifiedUsing=[spdx.Hash(algorithm=spdx.HashAlgorithm.sha256, hashValue=sha256)],
            )
            for path, sha256 in item.files
        ]
        if files:
            self._elements += files
            self._relate(f"contains/{digest}", package, spdx.RelationshipType.contains, files)

    def _relate(self, name: str, start: Any, kind: Any, ends: Iterable[Any], comment: str = "") -> None:
        found = self._made(spdx.Relationship, name, from_=start, relationshipType=kind, to=list(ends))
        _describe(found, comment=(comment,))
        self._elements.append(found)

    def _made(self, kind: Any, place: str, /, **fields: Any) -> Any:
        return kind(_id=self._namespace + place, creationInfo=self._info, **fields)


def _describe(element: Any, **fields: Iterable[str]) -> None:
    for name, texts in fields.items():
        if text := " ".join(texts):
            setattr(element, name, text)


def _kind(kind: ArtifactKind) -> Any:
    if kind in {ArtifactKind.MODEL, ArtifactKind.ADAPTER}:
        return spdx.ai_AIPackage
    return spdx.dataset_DatasetPackage if kind is ArtifactKind.DATASET else spdx.software_Package


def _presence(personal: tuple[str, ...] | None) -> Any:
    if personal is None:
        return spdx.PresenceType.noAssertion
    return spdx.PresenceType.yes if personal else spdx.PresenceType.no
