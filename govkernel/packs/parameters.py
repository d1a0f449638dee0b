"""A pack's parameters: a small subset of JSON Schema, so that every engine can hold every value.

An object of boolean, integer, number, string and array-of-string properties (JSON Schema 2020-12 validation
vocabulary). Every property needs a value, given or by default: a policy never meets an absent parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from govkernel.domain import freeze, thaw
from govkernel.packs.files import refuse

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_OBJECT_KEYS: Final = frozenset({"type", "properties", "additionalProperties", "required", "description"})
_TEXT_KEYS: Final = frozenset({"type", "description", "default", "enum", "minLength", "maxLength"})
_NUMBER_KEYS: Final = frozenset({"type", "description", "default", "enum", "minimum", "maximum"})
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "boolean": frozenset({"type", "description", "default"}),
    "integer": _NUMBER_KEYS,
    "number": _NUMBER_KEYS,
    "string": _TEXT_KEYS,
    "array": frozenset({"type", "description", "default", "items", "minItems", "maxItems", "uniqueItems"}),
}
_SCHEMA_REMEDY: Final = (
    "Declare parameters as an object of boolean, integer, number, string or array-of-string properties."
)


def chosen_values(schema: Mapping[str, Any], given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The values of all parameters: those given, the schema's defaults for the rest.

    Args:
        schema: the manifest's ``parameters``.
        given: values from the configuration.
        path: the manifest, for messages.

    Raises:
        ConfigError: ``pack.parameter-schema`` or ``pack.parameter-value``.
    """
    check_schema(schema, path)
    properties: Mapping[str, Any] = schema.get("properties", {})
    values = {name: item["default"] for name, item in properties.items() if "default" in item} | dict(given)
    closed = {**schema, "additionalProperties": False, "required": sorted(properties)}
    errors = sorted(Draft202012Validator(thaw(closed)).iter_errors(thaw(values)), key=str)
    if errors:
        where = ".".join(str(part) for part in errors[0].absolute_path) or "parameters"
        raise refuse(
            "parameter-value",
            path,
            f"{where}: {errors[0].message[:300]}",
            f"Set [[packs]] parameters to what the pack declares: {', '.join(sorted(properties)) or 'none'}.",
        )
    return {name: freeze(value) for name, value in sorted(values.items())}


def check_schema(schema: Mapping[str, Any], path: str) -> None:
    """Refuse parameter schemas outside the subset.

    Raises:
        ConfigError: ``pack.parameter-schema``.
    """
    if schema.get("type") != "object" or not set(schema) <= _OBJECT_KEYS:
        raise _bad_schema(path, f"an object with only {', '.join(sorted(_OBJECT_KEYS))}")
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or len(properties) > 100:
        raise _bad_schema(path, "`properties` must be an object of at most 100 parameters")
    for name, item in properties.items():
        _check_property(str(name), item, path)
    try:
        Draft202012Validator.check_schema(thaw(schema))
    except SchemaError as error:
        raise _bad_schema(path, error.message[:300]) from None


def _check_property(name: str, schema: Any, path: str) -> None:
    if not _NAME.fullmatch(name):
        raise _bad_schema(path, f"{name[:80]!r} is not a parameter name: letters, digits and _, at most 64")
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(kind, str) or kind not in _KEYS:
        raise _bad_schema(path, f"{name}: type {kind!r}")
    unknown = sorted(set(schema) - _KEYS[kind])
    if unknown:
        raise _bad_schema(path, f"{name}: {unknown[0]!r} is not supported for {kind}")
    if kind == "array" and schema.get("items", {}) != {"type": "string"}:
        raise _bad_schema(path, f"{name}: items must be {{type: string}}")


def _bad_schema(path: str, why: str) -> Exception:
    return refuse("parameter-schema", path, why, _SCHEMA_REMEDY)
