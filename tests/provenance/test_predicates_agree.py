"""Of two libraries that hold predicates to schemas, the quick one takes nothing that the explaining one refuses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import freeze
from govkernel.errors import ProvenanceError
from govkernel.provenance import predicates
from govkernel.provenance.predicates import NAMES, check_predicate, schema
from tests.provenance.test_predicates import example

MOMENTS = ["2026-03-01T09:00:00Z", "2026-03-01T09:00:00.5+02:00", "2026-02-30T00:00:00Z", "2026-03-01", "now"]
NUMBERS = [
    *(-1, -0.0, 0, 0.5, 1, 1.0, 1.0000000000000002, 256, 257, 1e15, 10**15 + 1, 1e300, math.nan, math.inf),
    *(2**53 - 1, 2**53, float(2**53), 2**63, 2**64, -(2**63) - 1, 10**30, -(10**30)),
]
TEXTS = [
    "",
    " ",
    "a",
    "A",
    "a\n",
    "a" * 129,
    "é" * 64,
    "\U0001f600",
    "\u0661",
    "\ud800",
    "\x00",
    "0" * 64,
    "f" * 64 + "\n",
]
ODD = st.sampled_from([None, True, False, [], {}, ["a", "a"], [1, True], *NUMBERS, *TEXTS, *MOMENTS]).map(
    deepcopy
)


def asked_for(part: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values near what a schema asks for: most are valid, its bounds are among them and what lies behind them."""
    if "$ref" in part:
        return asked_for(root["$defs"][part["$ref"].removeprefix("#/$defs/")], root)
    if "enum" in part or "const" in part:
        return st.sampled_from(part.get("enum") or [part["const"]])
    if "anyOf" in part and "type" not in part:
        return st.one_of([asked_for(item, root) for item in part["anyOf"]])
    kinds = part.get("type", [])
    return st.one_of(
        [of_type(kind, part, root) for kind in ([kinds] if isinstance(kinds, str) else kinds)] or [ODD]
    )


def of_type(kind: str, part: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match kind:
        case "object":
            return objects(part, root)
        case "array":
            least = part.get("minItems", 0)
            most = min(least + 2, part.get("maxItems", 1 << 20))
            return st.lists(asked_for(part.get("items", {}), root), min_size=least, max_size=most)
        case "string":
            return texts(part)
        case "integer" | "number":
            near = [part[bound] for bound in ("minimum", "maximum") if bound in part]
            whole = st.integers(part.get("minimum"), part.get("maximum"))
            return whole | st.sampled_from(near or [0]) | st.sampled_from(NUMBERS)
        case _:
            return st.booleans() if kind == "boolean" else st.none()


def objects(part: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    inside = {name: asked_for(item, root) for name, item in part.get("properties", {}).items()}
    needed = {name: inside.pop(name, ODD) for name in part.get("required", [])}
    named = st.fixed_dictionaries(needed, optional=inside)
    extra = part.get("additionalProperties", {})
    if extra is False:
        return named
    more = st.dictionaries(texts(part.get("propertyNames", {})), asked_for(extra, root), max_size=2)
    return st.builds(lambda left, right: {**right, **left}, named, more)


def texts(part: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if part.get("format") == "date-time":
        return st.sampled_from(MOMENTS[:2]) | st.sampled_from(MOMENTS)
    if "pattern" in part:
        return st.from_regex(part["pattern"])  # with and without a line break at the end
    least, most = part.get("minLength", 0), part.get("maxLength", 16)
    short = st.text(min_size=least, max_size=min(most, least + 8))
    return short | short | st.sampled_from([most, most + 1]).map(lambda length: "é" * length)


@st.composite
def claims(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A predicate from the schema or the example, in up to two places something else."""
    root = schema(NAMES[name])
    assert root is not None
    claim: dict[str, Any] = draw(st.builds(example, st.just(name)) | asked_for(root, root))
    for _ in range(draw(st.integers(0, 2))):
        holder = draw(st.sampled_from(list(holders(claim))))
        places = list(range(len(holder))) if isinstance(holder, list) else list(holder)
        place = draw(st.sampled_from([*places, len(places) if isinstance(holder, list) else "surprise"]))
        if place in places and draw(st.booleans()):
            del holder[place]
        elif isinstance(holder, list):
            holder[place:] = [draw(ODD | st.sampled_from(holder or [0]))]
        else:
            holder[place] = draw(ODD)
    return claim


def holders(value: Any) -> Iterator[Any]:
    """All objects and arrays in a value."""
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from holders(item)


def refusal(name: str, predicate: Mapping[str, Any]) -> tuple[str, str, str, str] | None:
    try:
        check_predicate(NAMES[name], predicate)
    except ProvenanceError as error:
        return error.code, error.what, error.why, error.remedy
    return None


def peculiar(value: Any) -> bool:
    """What the quick library does not take and leaves to the other: no UTF-8, no JSON number, a last line break."""
    if isinstance(value, dict):
        return any(peculiar(key) or peculiar(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(peculiar, value))
    if isinstance(value, str):
        return value.endswith("\n") or any("\ud800" <= letter <= "\udfff" for letter in value)
    return isinstance(value, float) and not math.isfinite(value)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_frozen_predicate_is_judged_in_the_words_of_the_explaining_library(
    name: str, data: st.DataObject
) -> None:
    claim = data.draw(claims(name))
    refused = refusal(name, claim)
    assert refusal(name, freeze(claim)) == refused
    at_once = predicates._valid_at_once(name, freeze(claim))
    assert at_once == (refused is None) or peculiar(claim)


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_predicate_is_not_shown_to_the_explaining_library(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicates, "_validator", lambda _folder: pytest.fail("asked"))
    check_predicate(NAMES[name], freeze(example(name)))


@pytest.mark.parametrize("value", [Decimal(1), Enum("Kind", {"one": 1}).one], ids=["decimal", "enum"])
def test_what_is_not_json_never_reaches_the_quick_library(value: object) -> None:
    """It would take a whole Decimal for an integer, and an Enum for its value."""
    claim = {**example("pii-scan"), "findings": value}
    assert refusal("pii-scan", claim) is not None
    with pytest.raises(ValueError, match="not a JSON value"):
        freeze(claim)


def test_a_text_without_utf8_is_refused_by_the_explaining_library() -> None:
    claim = {**example("pii-scan"), "finishedOn": "\ud800"}
    assert refusal("pii-scan", freeze(claim)) == refusal("pii-scan", claim) is not None


@pytest.mark.parametrize("name", NAMES)
def test_no_schema_has_a_keyword_by_which_a_refusal_inside_becomes_an_acceptance(name: str) -> None:
    """Where the quick library is the stricter one, inside of these it would be the laxer one."""
    assert not [
        part for part in holders(schema(NAMES[name])) if {"not", "if", "contains"} & set(map(str, part))
    ]
    parts = [part for part in holders(schema(NAMES[name])) if isinstance(part, dict) and "oneOf" in part]
    assert all(set(choice) == {"required"} for part in parts for choice in part["oneOf"])
