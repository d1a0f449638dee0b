"""JSON from strangers: what is read is exactly what was written, or a typed refusal."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import strict_json
from govkernel.errors import InputError

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=25,
)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = strict_json.loads(data)
    except InputError as error:
        assert error.code.startswith("json.")
        assert error.remedy
    else:
        assert json.loads(data) == value


@given(VALUES)
def test_the_canonical_form_round_trips_and_is_stable(value: object) -> None:
    encoded = strict_json.canonical(value)
    again = strict_json.loads(encoded)
    assert strict_json.canonical(again) == encoded
    assert again == value


@given(
    VALUES | st.recursive(TEXT, lambda inner: st.dictionaries(st.text("ab\x7f\ue000𝄞"), inner, max_size=4))
)
def test_the_canonical_form_is_that_of_the_reference(value: object) -> None:
    assert strict_json.canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value", [2**53, {"a": -(2**53)}, ["\ud800"], {"\ud800": 1}, {1: 2}, float("nan"), {1}]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(InputError) as refused:
        strict_json.canonical(value)
    assert refused.value.code == "json.not-canonical"


@given(st.dictionaries(TEXT, NUMBERS, min_size=2, max_size=6))
def test_the_order_of_keys_does_not_count(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert strict_json.canonical(turned) == strict_json.canonical(value)


@given(st.integers(0, 200), st.sampled_from(["[", '{"a":']))
def test_depth_is_bounded_exactly(depth: int, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    data = opening * depth + "1" + closing * depth
    if depth > 64:
        with pytest.raises(InputError) as refused:
            strict_json.loads(data)
        assert refused.value.code == "json.too-deep"
    else:
        strict_json.loads(data)


@given(TEXT)
def test_brackets_inside_strings_are_not_depth(text: str) -> None:
    assert strict_json.loads(json.dumps("[{" * 100 + text)) == "[{" * 100 + text


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert strict_json.loads(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert strict_json.loads(rb'"\\ud800"') == r"\ud800"


def test_half_of_a_pair_is_taken_where_the_other_half_may_follow() -> None:
    assert strict_json.loads(b'"\\ud83d"', halves=True) == "\ud83d"
    with pytest.raises(InputError):
        strict_json.loads(b'"\\ud83d"')


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a": 1, "a": 2}', "json.duplicate-key"),
        (b'{"a": {"b": 1, "b": 1}}', "json.duplicate-key"),
        (b'{"a": 1, "\\u0061": 2}', "json.duplicate-key"),
        (b"NaN", "json.not-finite"),
        (b"[-Infinity]", "json.not-finite"),
        (b"[1e999]", "json.not-finite"),
        (b"-1e999", "json.not-finite"),
        (b'"\xff"', "json.not-utf8"),
        (b'{"a": ["\\ud800"]}', "json.not-utf8"),
        (b'{"\\uDFFF": 1}', "json.not-utf8"),
        (b"\xef\xbb\xbf{}", "json.malformed"),
        ("\ud800", "json.not-utf8"),
        (b"", "json.malformed"),
        (b"{", "json.malformed"),
        (b"1 2", "json.malformed"),
        (b"[" * 10_000, "json.too-deep"),
        (b"[" * 10_000 + b"]" * 10_000, "json.too-deep"),
        (b'"' + b"x" * (8 * 1024 * 1024) + b'"', "json.too-large"),
        (b"9" * 5000, "json.malformed"),
    ],
    ids=str,
)
def test_what_is_refused(data: bytes | str, code: str) -> None:
    with pytest.raises(InputError) as refused:
        strict_json.loads(data)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "value", [2**53, float("nan"), float("inf"), "\ud800", {1: 2}, object(), b"x"], ids=repr
)
def test_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(InputError) as refused:
        strict_json.canonical(value)
    assert refused.value.code == "json.not-canonical"
