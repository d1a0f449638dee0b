"""Predicates as Python values say what their JSON Schemas say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from govkernel.domain.predicates import SHORT_NAMES
from govkernel.provenance import check_predicate
from govkernel.provenance.claims import CLAIMS, Approval, Claim, EvaluationResult, Metric, Suite, Tool
from govkernel.provenance.predicates import schema

ROOT = Path(__file__).parents[2] / "attestations"
KEPT = (
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "maxProperties",
)


def name_of(claim: type[Claim]) -> str:
    return next(short for short, uri in SHORT_NAMES.items() if uri == claim.TYPE)


def plain(document: Any, defs: Mapping[str, Any]) -> Any:
    """A schema as its bounds and its parts, without references, titles and the null of what may be left out."""
    if "$ref" in document:
        return plain(defs[document["$ref"].rpartition("/")[2]], defs)
    for either in document.get("anyOf", ()):
        rest = [item for item in document["anyOf"] if item.get("type") != "null"]
        if len(rest) == 1:
            return plain(rest[0], defs)
        return {"type": sorted(item["type"] for item in rest)} if either else {}
    found = {key: document[key] for key in KEPT if key in document}
    if isinstance(document.get("type"), list):
        return {"type": sorted(document["type"])}
    if "properties" in document:
        found["properties"] = {key: plain(item, defs) for key, item in document["properties"].items()}
        found["required"] = sorted(document.get("required", ()))
    if "items" in document:
        found["items"] = plain(document["items"], defs)
    if isinstance(document.get("additionalProperties"), dict):
        found["values"] = plain(document["additionalProperties"], defs)
        found["keys"] = document.get("propertyNames", {}).get("pattern") or "".join(
            document.get("patternProperties", {})
        )
    if document.get("patternProperties"):
        ((pattern, values),) = document["patternProperties"].items()
        found |= {"keys": pattern, "values": plain(values, defs)}
    if found.get("values") == {}:
        del found["values"], found["keys"]  # any value under any key
    return {key: value for key, value in found.items() if value != 0 or key == "minimum"}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_a_model_has_the_fields_and_bounds_of_its_schema(claim: type[Claim]) -> None:
    written = schema(claim.TYPE)
    assert written is not None
    ours = claim.model_json_schema(by_alias=True)
    theirs = plain(written, written.get("$defs", {}))
    assert plain(ours, ours.get("$defs", {})) == theirs


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_examples_read_and_written_are_the_same(claim: type[Claim]) -> None:
    text = (ROOT / name_of(claim) / "example.json").read_text()
    said = claim.model_validate_json(text)
    assert said.predicate() == json.loads(text)
    check_predicate(claim.TYPE, said.predicate())
    with pytest.raises(ValidationError):
        claim.model_validate({**json.loads(text), "surprise": 1})


def test_what_is_written_in_python_is_a_predicate() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    said = EvaluationResult(
        suite=Suite(name="unit"),
        score=0.9,
        passed=True,
        metrics=(Metric(name="accuracy", value=0.9, lower=0.8, upper=0.95),),
        harness=Tool(name="tests", version="1"),
        finished_on=now,
    )
    assert said.predicate()["finishedOn"] == "2026-06-01T12:00:00Z"
    check_predicate(said.TYPE, said.predicate())
    approval = Approval(approver="dana", role="risk-officer", decision="approve", valid_until=now)
    check_predicate(approval.TYPE, approval.predicate())
    with pytest.raises(ValidationError):
        Approval(approver="", role="risk-officer", decision="approve")
    with pytest.raises(ValidationError):
        Approval(approver="dana", role="r", decision="approve", valid_until=datetime(2026, 1, 1))
