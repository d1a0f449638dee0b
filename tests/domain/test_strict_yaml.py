"""YAML from strangers is bounded before anything is built from it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import strict_yaml
from govkernel.errors import InputError

_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"], exclude_characters="\ufeff\u2028\u2029\x85")
)
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
)
_KEYS = _TEXT.filter(lambda key: key != "<<")
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED = {
    "bomb": (BOMB, "yaml.too-many-nodes"),
    "many aliases": ("a: &a 1\nb: [" + "*a, " * 300 + "]", "yaml.too-many-aliases"),
    "recursion": ("a: &a [*a]", "yaml.alias"),
    "alias to nothing": ("a: *b", "yaml.malformed|yaml.alias"),
    "alias from another document": ("a: &a 1\n---\nb: *a", "yaml.malformed|yaml.alias"),
    "duplicate key": ("a: 1\nb: 2\na: 3", "yaml.duplicate-key"),
    "duplicate key in JSON": ('{"a": 1, "\\u0061": 2}', "yaml.duplicate-key"),
    "merge key": ("a: &a {b: 1}\nc: {<<: *a}", "yaml.key"),
    "number as key": ("1: a", "yaml.key"),
    "list as key": ("? [a]\n: b", "yaml.key"),
    "python object": ("!!python/object/apply:os.system ['true']", "yaml.tag"),
    "binary": ("a: !!binary aGVsbG8=", "yaml.tag"),
    "custom tag": ("a: !secret b", "yaml.tag"),
    "deep flow": ("[" * 10_000, "yaml.too-deep"),
    "deep block": ("\n".join(" " * n + "a:" for n in range(100)), "yaml.too-deep"),
    "deep by aliases": ("a: &a [[[[[[[[[[]]]]]]]]]]\n" + "b: " + "[" * 58 + "*a" + "]" * 58, "yaml.too-deep"),
    "infinity": ("a: .inf", "yaml.not-finite"),
    "overflow": ("a: 1e999", "yaml.not-finite"),
    "huge integer": ("a: " + "9" * 5000, "yaml.malformed"),
    "not utf-8": (b"a: \xff", "yaml.not-utf8"),
    "utf-16": ("a: b".encode("utf-16"), "yaml.not-utf8"),
    "lone surrogate": ("a: \ud800", "yaml.not-utf8"),
    "broken": ("a: [", "yaml.malformed"),
    "control characters": ("a: \x00", "yaml.malformed"),
    "too large": ("a" * (strict_yaml.MAX_BYTES + 1), "yaml.too-large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    text, codes = REFUSED[name]
    with pytest.raises(InputError) as refused:
        strict_yaml.load_all(text)
    assert refused.value.code in codes.split("|")
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2024-01-01", "2024-01-01"),
        ("a: 1:30", "1:30"),
        ("a: 0644", 0o644),
        ("a: 0x1F", 31),
        ("a: -7", -7),
        ("a: 1e3", 1000.0),
        ("a: on", True),
        ("a: 'on'", "on"),
        ("a: ~", None),
        ("a:", None),
        ("a: v1.2.3", "v1.2.3"),
        ("a: 1_000", "1_000"),
        ('a: "\\ud83d"', "?"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    if value == "?":
        with pytest.raises(InputError):
            strict_yaml.load(text)
        return
    assert strict_yaml.load(text) == {"a": value}


def test_documents_in_order() -> None:
    assert strict_yaml.load_all("a: 1\n---\n---\n- b\n...\n") == [{"a": 1}, None, ["b"]]
    assert strict_yaml.load_all("") == []
    with pytest.raises(InputError, match=r"yaml\.documents"):
        strict_yaml.load("a\n---\nb")


def test_a_few_aliases_are_fine() -> None:
    assert strict_yaml.load("a: &a {b: [1]}\nc: *a") == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_the_line_is_named() -> None:
    with pytest.raises(InputError) as refused:
        strict_yaml.load("a: 1\nb: 2\na: 3")
    assert refused.value.why == "line 3"


@given(_JSON)
def test_json_is_read_as_it_is(value: Any) -> None:
    assert strict_yaml.load(json.dumps(value, ensure_ascii=False)) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_values_or_a_typed_error(data: bytes) -> None:
    try:
        strict_yaml.load_all(data)
    except InputError as error:
        assert error.code.startswith("yaml.")
