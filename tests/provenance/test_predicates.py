import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from govkernel.domain import Digest, Statement, Subject, predicates
from govkernel.domain.base import freeze
from govkernel.errors import ConfigError, ProvenanceError
from govkernel.provenance import TrustPolicy, check_predicate, resolve_type
from govkernel.provenance.predicates import NAMES, check_statement, schema

ROOT = Path(__file__).parents[2] / "attestations"


def example(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / name / "example.json").read_text())
    return loaded


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas_and_examples_examples(name: str) -> None:
    document = schema(NAMES[name])
    assert document is not None
    Draft202012Validator.check_schema(document)
    assert document["$id"] == f"{NAMES[name]}/schema.json"
    check_predicate(NAMES[name], example(name))
    check_predicate(NAMES[name], freeze(example(name)))
    assert NAMES[name] in (ROOT / name / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_each_required_field_is_required_and_no_other_is_allowed(name: str) -> None:
    document = schema(NAMES[name])
    assert document is not None
    closed = document.get("additionalProperties") is False
    assert closed is NAMES[name].startswith("https://govkernel.dev/")
    wrong = [{**example(name), "surprise": 1}] if closed else []
    wrong += [
        {key: value for key, value in example(name).items() if key != gone} for gone in document["required"]
    ]
    for predicate in wrong:
        with pytest.raises(ProvenanceError) as caught:
            check_predicate(NAMES[name], predicate)
        assert caught.value.code == "provenance.predicate-invalid"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("evaluation-result", {"score": 1.01}),
        ("evaluation-result", {"score": "0.9"}),
        ("evaluation-result", {"score": True}),
        ("evaluation-result", {"passed": 1}),
        ("evaluation-result", {"finishedOn": "yesterday"}),
        ("evaluation-result", {"finishedOn": "2026-03-01"}),
        ("evaluation-result", {"finishedOn": "2026-03-01T09:00:00"}),
        ("evaluation-result", {"finishedOn": "2026-13-01T09:00:00Z"}),
        ("evaluation-result", {"metrics": [{"name": "x", "value": float("inf")}]}),
        ("pii-scan", {"records": -1}),
        ("pii-scan", {"findings": 1.5}),
        ("pii-scan", {"entityTypes": {"email": 1}}),
        ("pii-scan", {"records": 10**20}),
        ("model-card", {"riskClass": "none"}),
        ("approval", {"decision": "maybe"}),
        ("approval", {"validUntil": "2027"}),
        ("derivation", {"bases": [{"name": "x", "digest": {"md5": "00"}}]}),
        ("signature", {"kind": "poem"}),
        ("prompt-release", {"environments": []}),
    ],
)
def test_values_that_mean_nothing(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ProvenanceError) as caught:
        check_predicate(NAMES[name], {**example(name), **change})
    assert next(iter(change)) in caught.value.why


def test_a_message_never_quotes_the_value() -> None:
    with pytest.raises(ProvenanceError) as caught:
        check_predicate(NAMES["model-card"], {**example("model-card"), "riskClass": "SECRET"})
    assert "SECRET" not in f"{caught.value.why}{caught.value.what}{caught.value.remedy}"


def test_names_of_types() -> None:
    assert resolve_type("approval") == NAMES["approval"]
    assert resolve_type("https://slsa.dev/provenance/v1") == "https://slsa.dev/provenance/v1"
    for text in ("aproval", "", "https://with space/"):
        with pytest.raises(ConfigError) as caught:
            resolve_type(text)
        assert caught.value.code == "predicate.unknown-name"


@pytest.mark.parametrize("path", sorted((ROOT / "trust").glob("*.yaml")), ids=lambda path: path.name)
def test_example_trust_policies_load(path: Path) -> None:
    assert TrustPolicy.load(path).rules


def test_a_statement_is_held_to_its_schema_once_and_another_is_not_believed_for_it() -> None:
    digest = Digest.sha256("ab" * 32)
    said = Statement(
        subjects=(Subject(name="p", digests=(digest,)),),
        predicate_type=predicates.MODEL_CARD,
        predicate={"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."},
        digest=digest,
    )
    check_statement(said)
    check_statement(said)
    other = said.model_copy(update={"predicate": {"license": 7}})
    for _ in range(2):
        with pytest.raises(ProvenanceError, match=r"provenance\.predicate-invalid"):
            check_statement(other)
