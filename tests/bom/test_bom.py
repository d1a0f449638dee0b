"""Bills of materials: valid by the official schema and model, whatever strangers call their artifacts."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

pytest.importorskip("cyclonedx", reason='install "govkernel[bom]"')

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_python_model import v3_0_1 as spdx

from govkernel.bom import FORMATS, Inventory, Item, Metric, write
from govkernel.domain import ArtifactKind, Digest
from govkernel.lineage import Edge, Relation
from tests.cli.conftest import Run, run, workspace
from tests.cli.test_lineage import made

__all__ = ["run", "workspace"]
NOW = datetime(2026, 6, 1, 12, 0, 3, 55, tzinfo=UTC)
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
SPDX_SCHEMA = Path.home() / ".cache" / "govkernel" / "spdx-json-schema-3.0.1.json"
SPDX_SCHEMA_SHA256 = "582c64e809d5b3ef9bd0c4de13a32391b47b0284a3e8d199569fb96f649234b1"
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
SHA = st.text("0123456789abcdef", min_size=64, max_size=64)


def digest(number: int) -> Digest:
    return Digest.sha256(f"{number:064x}")


def items(number: int) -> st.SearchStrategy[Item]:
    return st.builds(
        Item,
        digest=st.just(digest(number)),
        name=TEXT,
        kind=st.sampled_from(ArtifactKind),
        license=st.one_of(TEXT, st.sampled_from(["Apache-2.0", "MIT AND CC-BY-4.0", "NOASSERTION"])),
        signers=st.lists(TEXT, max_size=2).map(tuple),
        files=st.dictionaries(TEXT.filter(bool), SHA, max_size=3).map(lambda found: tuple(found.items())),
        uses=st.lists(TEXT, max_size=2, unique=True).map(tuple),
        limitations=st.lists(TEXT, max_size=2, unique=True).map(tuple),
        risks=st.lists(TEXT, max_size=2).map(tuple),
        metrics=st.lists(st.builds(Metric, TEXT, st.floats(0, 1), TEXT), max_size=2).map(tuple),
        personal=st.one_of(st.none(), st.lists(TEXT, max_size=2, unique=True).map(tuple)),
    )


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    found = {digest(number): draw(items(number)) for number in range(3)}
    edges = (
        Edge(digest(0), digest(1), Relation.DATASET, draw(TEXT)),
        Edge(digest(0), digest(2), Relation.BASE, "merge"),
    )
    return Inventory(digest(0), found, edges, NOW, draw(st.sampled_from([None, digest(9)])))


def graph(text: str) -> Any:
    found = spdx.SHACLObjectSet()
    spdx.JSONLDDeserializer().read(io.BytesIO(text.encode()), found)
    return found


@settings(deadline=None)
@given(inventories())
def test_any_bill_is_valid_cyclonedx(inventory: Inventory) -> None:
    text = write(inventory, "cyclonedx")
    assert VALIDATOR.validate_str(text) is None
    assert write(inventory, "cyclonedx") == text


@settings(deadline=None)
@given(inventories())
def test_any_bill_can_be_read_by_the_model_of_spdx(inventory: Inventory) -> None:
    text = write(inventory, "spdx")
    found = graph(text)
    assert len(list(found.foreach_type(spdx.SpdxDocument))) == 1
    assert not found.missing_ids
    relations = [item for item in found.foreach_type(spdx.Relationship) if "/derivation/" in item._id]
    assert len(relations) == 2


def spdx_schema() -> Draft202012Validator:
    """The official JSON Schema of SPDX 3.0.1, where somebody put it."""
    if not SPDX_SCHEMA.is_file():
        pytest.skip(f"put https://spdx.org/schema/3.0.1/spdx-json-schema.json at {SPDX_SCHEMA}")
    content = SPDX_SCHEMA.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SPDX_SCHEMA_SHA256
    return Draft202012Validator(json.loads(content))


@pytest.mark.slow
def test_any_bill_is_valid_by_the_official_schema_of_spdx() -> None:
    schema = spdx_schema()

    @settings(deadline=None, max_examples=30)
    @given(inventories())
    def check(inventory: Inventory) -> None:
        assert [item.message[:300] for item in schema.iter_errors(json.loads(write(inventory, "spdx")))] == []

    check()


def test_a_model_card_is_written() -> None:
    model = Item(
        digest(0),
        "helper",
        ArtifactKind.MODEL,
        license="Apache-2.0",
        uses=("search",),
        metrics=(Metric("accuracy", 0.9, "faq", 0.8, 0.95),),
    )
    data = Item(digest(1), "faq", ArtifactKind.DATASET, personal=("EMAIL_ADDRESS",))
    edges = (Edge(digest(0), digest(1), Relation.DATASET, "fine-tune"),)
    said = json.loads(
        write(Inventory(digest(0), {digest(0): model, digest(1): data}, edges, NOW), "cyclonedx")
    )
    root = said["metadata"]["component"]
    assert root["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert root["modelCard"]["modelParameters"]["datasets"] == [{"ref": str(digest(1))}]
    measured = root["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][0]
    assert measured["confidenceInterval"] == {"lowerBound": "0.8", "upperBound": "0.95"}
    assert said["components"][0]["data"][0]["sensitiveData"] == ["EMAIL_ADDRESS"]


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_writes_what_was_signed(run: Run, workspace: Path, form: str) -> None:
    base = made(run, "base")
    made(run, "tuned", base)
    written = run("bom", "tuned", "--format", form, "--out", "bom.json")
    assert "wrote bom.json" in written.out
    assert written.code == 0, written.err
    text = Path("bom.json").read_text()
    assert base in text
    assert "config.json" in text
    if form == "cyclonedx":
        assert VALIDATOR.validate_str(text) is None


def test_an_unknown_format_is_a_typed_error(run: Run, workspace: Path) -> None:
    failed = run("bom", ".", "--format", "xml")
    assert failed.code == 2
    assert "cyclonedx" in failed.err
