"""The Cedar schema of a pack, and the projection of our documents onto Cedar's types.

Cedar has no floating point: numbers with a fraction become ``decimal`` (4 places, rounded down, so that rounding
never lifts a score over a threshold). Source: Cedar reference, "Schema" and "Data types".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from importlib.resources import files
from typing import Any, Final

from govkernel.errors import PolicyError

_SCALARS: Final = {"boolean": "Bool", "integer": "Long", "string": "String", "number": "decimal"}
_UNSEEN: Final = ("attributes", "statements")
_PLACES: Final = Decimal("0.0001")


def pack_schema(parameters: Mapping[str, Any]) -> str:
    """The vocabulary plus ``type Parameters``, generated from the pack's JSON Schema.

    Raises:
        PolicyError: ``policy.parameters`` when a parameter has a type Cedar cannot hold.
    """
    vocabulary = files("govkernel.engines").joinpath("govkernel.cedarschema").read_text(encoding="utf-8")
    fields = ", ".join(
        f'"{name}": {_cedar_type(name, schema)}' for name, schema in parameters.get("properties", {}).items()
    )
    return f"{vocabulary}\ntype Parameters = {{ {fields} }};\n"


def parameter_values(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameter values as Cedar context JSON."""
    kinds = {name: schema.get("type") for name, schema in parameters.get("properties", {}).items()}
    return {
        name: decimal(value)
        if kinds[name] == "number"
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in values.items()
    }


def project(context: Mapping[str, Any]) -> dict[str, Any]:
    """Our context document with only what the Cedar schema declares, in Cedar's types."""
    projected = {key: value for key, value in context.items() if key not in _UNSEEN}
    evaluation = projected.get("evidence", {}).get("evaluation")
    if evaluation is not None:
        score = {**evaluation, "score": decimal(evaluation["score"])}
        projected["evidence"] = {**projected["evidence"], "evaluation": score}
    return projected


def decimal(value: float) -> dict[str, Any]:
    """A Cedar ``decimal`` in the JSON form of extension values."""
    exact = Decimal(repr(float(value))).quantize(_PLACES, rounding=ROUND_FLOOR)
    return {"__extn": {"fn": "decimal", "arg": f"{exact:f}"}}


def _cedar_type(name: str, schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array" and schema.get("items", {}).get("type") == "string":
        return "Set<String>"
    if kind in _SCALARS:
        return _SCALARS[str(kind)]
    raise PolicyError(
        "policy.parameters",
        f"Parameter {name!r} has a type Cedar cannot hold.",
        why=f"type {kind!r}",
        remedy="Use boolean, integer, number, string, or an array of strings.",
    )
