"""The nouns: what is written reads back, what is malformed is refused, what is made cannot be changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from govkernel.domain import (
    ArtifactRef,
    Digest,
    EntityRef,
    FrozenDict,
    Obligation,
    Record,
    Request,
    freeze,
    thaw,
)
from govkernel.domain.artifact import HEX_LENGTH
from tests.simulators.kernel_parts import NOW
from tests.simulators.records import sample_record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(sorted(HEX_LENGTH)), st.data())
def test_digests_round_trip(algorithm: str, data: st.DataObject) -> None:
    length = HEX_LENGTH[algorithm]
    text = f"{algorithm}:{data.draw(st.text('0123456789abcdef', min_size=length, max_size=length))}"
    assert str(Digest.parse(text)) == text


@given(st.text(max_size=90))
def test_other_texts_are_no_digests(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except ValidationError:
        return
    assert str(digest) == text


@pytest.mark.parametrize(
    "text", ["sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32, "a" * 64, "sha256:"]
)
def test_malformed_digests(text: str) -> None:
    with pytest.raises(ValidationError):
        Digest.parse(text)


@given(st.from_regex(r"\A[A-Z][a-z]{0,5}(::[A-Z][a-z]{0,5})?\Z"), st.text(max_size=40))
def test_entities_round_trip(kind: str, identity: str) -> None:
    entity = EntityRef(type=kind, id=identity)
    assert EntityRef.parse(str(entity)) == entity


@pytest.mark.parametrize(
    "text", ["User", 'User::"a', '::"a"', 'User::"a" ', 'User::"a""', "User::a", '1::"a"']
)
def test_malformed_entities(text: str) -> None:
    with pytest.raises(ValidationError):
        EntityRef.parse(text)


@pytest.mark.parametrize(
    ("uri", "pinned"),
    [
        ("oci://r/m@sha256:" + "a" * 64, True),
        ("oci://r/m:latest", False),
        ("oci://r/m:tag@sha256:" + "a" * 64, True),
        ("hf://org/m@" + "a" * 40, True),
        ("hf://org/m@main", False),
        ("hf://org/m", False),
        ("mlflow://models/m/3", True),
        ("mlflow://models/m@champion", False),
        ("mlflow://models/m/latest", False),
        ("prompt://team/greeting@v1", True),
        ("prompt://team/greeting", False),
        ("s3://bucket/m", False),
        ("s3://bucket/m?versionId=3sL4kqtJlcpXroDTDmJ", True),
        ("s3://bucket/m?versionId=null", False),
        ("s3://bucket/m?versionId=a/../b", False),
        ("s3://bucket/m?hidden", False),
        ("hf://org/m@main/x@" + "a" * 40, False),
        ("git://host/r@" + "a" * 40, True),
        ("git+https://host/r@" + "a" * 40, True),
        ("git+https://host/r@" + "a" * 40 + "//models/m", True),
        ("git+file:///srv/r@" + "a" * 40, True),
        ("git+https://host/r@main", False),
        ("git+https://host/r@main//x@" + "a" * 40, False),
        ("git+https://u@" + "a" * 40 + "//r@main", False),
        ("git+https://host/r", False),
        ("file:m", True),
        ("unknown:x", False),
    ],
)
def test_which_names_can_only_mean_one_content(uri: str, pinned: bool) -> None:
    assert ArtifactRef(uri=uri, kind="model").pinned is pinned


@pytest.mark.parametrize("uri", ["model", "://x", "file:a\nb", "file:\x7f", "x" * 3000, ""])
def test_malformed_references(uri: str) -> None:
    with pytest.raises(ValidationError):
        ArtifactRef(uri=uri, kind="model")


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_what_is_frozen_is_equal_and_cannot_be_changed(value: dict[str, object]) -> None:
    frozen = freeze(value)
    assert freeze(frozen) is frozen
    assert thaw(frozen) == value
    with pytest.raises(TypeError):
        frozen["new"] = 1
    for change in (frozen.clear, frozen.popitem):
        with pytest.raises(TypeError):
            change()
    assert set(frozen) == set(value)


def test_only_json_can_be_frozen_and_not_too_deep() -> None:
    for value in ({1: 2}, {"a": object()}, {"a": b"x"}):
        with pytest.raises(ValueError, match="JSON"):
            freeze(value)
    deep: object = 1
    for _ in range(70):
        deep = [deep]
    with pytest.raises(ValueError, match="deeper"):
        freeze(deep)


def test_models_cannot_be_changed_or_extended() -> None:
    obligation = Obligation(type="redact")
    with pytest.raises(ValidationError):
        obligation.type = "block"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Obligation.model_validate({"type": "redact", "surprise": 1})


def test_attributes_of_a_request_are_frozen_deeply() -> None:
    request = Request(
        principal='User::"a"', action="admit", resource='Model::"m"', door="ci", attributes={"a": [{"b": 1}]}
    )
    assert isinstance(request.attributes, FrozenDict)
    with pytest.raises(TypeError):
        request.attributes["a"][0]["b"] = 2


def test_records_round_trip_through_their_payload() -> None:
    for number in range(40):
        record = sample_record(number, NOW + timedelta(seconds=number))
        payload = record.model_dump_json()
        again = Record.model_validate_json(payload)
        assert again == record
        assert again.model_dump_json() == payload
