"""Predicate types: short names, and the JSON Schemas (draft 2020-12) of those that govkernel gives meaning to.

The schemas are data, under ``attestations/``; see docs/reference/predicates.md. Two libraries read them: jsonschema-rs
says within microseconds that a predicate is valid, jsonschema judges and explains every other one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from govkernel.domain import FrozenDict, Statement, strict_json, thaw
from govkernel.domain.predicates import OMS_SIGNATURE, SHORT_NAMES, SIGNATURE, SPDX_PLAIN
from govkernel.errors import ConfigError, ProvenanceError

if TYPE_CHECKING:
    import jsonschema_rs

NAMES: Final = {**SHORT_NAMES, "signature": SIGNATURE}
"""Short name to URI of every type that has a schema."""

KNOWN: Final = frozenset({*NAMES.values(), OMS_SIGNATURE, SPDX_PLAIN})
"""Types whose statements mean something to govkernel."""

_FOLDER: Final = {**{uri: name for name, uri in NAMES.items()}, SPDX_PLAIN: "spdx"}
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_FORMATS: Final = FormatChecker(formats=())


def resolve_type(text: str) -> str:
    """The URI of a predicate type given by short name or URI.

    Raises:
        ConfigError: ``predicate.unknown-name``: neither.
    """
    if text in NAMES:
        return NAMES[text]
    if _URI.fullmatch(text):
        return text
    raise ConfigError(
        "predicate.unknown-name",
        f"There is no predicate type {text[:80]!r}.",
        remedy=f"Use one of {', '.join(sorted(NAMES))}, or a full URI.",
    )


def schema(predicate_type: str) -> Mapping[str, Any] | None:
    """The JSON Schema of a type by URI; None when it has none."""
    folder = _FOLDER.get(predicate_type)
    return None if folder is None else _schema(folder)


def check_statement(statement: Statement) -> None:
    """Hold a statement's predicate to the schema of its type; once, since what it says cannot change.

    Raises:
        ProvenanceError: as :func:`check_predicate`.
    """
    if _CHECKED.get(id(statement)) is not statement:
        check_predicate(statement.predicate_type, statement.predicate)
        _CHECKED[id(statement)] = statement


_CHECKED: Final[WeakValueDictionary[int, Statement]] = WeakValueDictionary()
"""Statements that live and were found valid, by identity."""


def check_predicate(predicate_type: str, predicate: Mapping[str, Any]) -> None:
    """Hold a predicate to the schema of its type; a type without schema passes.

    Raises:
        ProvenanceError: ``provenance.predicate-invalid``; ``why`` names the place, never the value.
    """
    folder = _FOLDER.get(predicate_type)
    if folder is None or _valid_at_once(folder, predicate):
        return
    error = next(_validator(folder).iter_errors(thaw(predicate)), None)
    if error is not None:
        raise ProvenanceError(
            "provenance.predicate-invalid",
            f"The predicate is not a valid {folder}.",
            why=_explain(error),
            remedy=f"See attestations/{folder}/schema.json and example.json.",
        )


def _valid_at_once(folder: str, predicate: Mapping[str, Any]) -> bool:
    """Whether jsonschema-rs takes a predicate; False says nothing, jsonschema is asked then.

    Only what is frozen, and so JSON of bounded depth, is shown to it: it takes more than JSON (a whole Decimal for
    an integer, an Enum for its value) and recurses without end.
    """
    if not isinstance(predicate, FrozenDict):
        return False
    try:
        return _compiled(folder).is_valid(predicate)
    except ValueError:  # a text that has no UTF-8
        return False


@_FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    """RFC 3339 date and time with an offset; anything but text is not for a format to judge."""
    if not isinstance(value, str):
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return _RFC3339.fullmatch(value) is not None


@cache
def _schema(folder: str) -> dict[str, Any]:
    text = files("govkernel_attestations").joinpath(folder, "schema.json").read_bytes()
    document: dict[str, Any] = strict_json.loads(text)
    return document


@cache
def _validator(folder: str) -> Draft202012Validator:
    return Draft202012Validator(_schema(folder), format_checker=_FORMATS)


@cache
def _compiled(folder: str) -> jsonschema_rs.Draft202012Validator:
    """The schema for jsonschema-rs: formats as jsonschema judges them, linear regular expressions, no network."""
    import jsonschema_rs  # noqa: PLC0415 - 15 ms, and signing does without

    return jsonschema_rs.Draft202012Validator(
        _schema(folder),
        formats={"date-time": _is_moment},
        validate_formats=True,
        ignore_unknown_formats=False,
        pattern_options=jsonschema_rs.RegexOptions(),
        offline=True,
    )


def _explain(error: ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path) or "the predicate"
    if error.validator in {"required", "additionalProperties"}:
        return f"{place}: {error.message[:200]}"
    return f"{place}: does not satisfy {error.validator} {str(error.validator_value)[:120]}"
