"""Files of several bundles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from govkernel.errors import InputError
from govkernel.provenance.collection import MAX_COLLECTED, split_bundles

ONE: dict[str, Any] = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {"a": 1}}
TWO: dict[str, Any] = {**ONE, "dsseEnvelope": {"b": [1, "é"]}}


def split(document: Any, **how: Any) -> list[Any]:
    return [json.loads(item) for item in split_bundles(json.dumps(document, **how).encode())]


@pytest.mark.parametrize("indent", [None, 2])
def test_bundles_are_found_in_every_kind_of_list(indent: int | None) -> None:
    assert split(ONE, indent=indent) == [ONE]
    assert split([ONE, TWO], indent=indent) == [ONE, TWO]
    listed = [{"bundle": ONE, "repository_id": 1}, {"predicateType": "x", "bundle": TWO}]
    assert split({"attestations": listed}, indent=indent) == [ONE, TWO]
    assert split(listed, indent=indent) == [ONE, TWO]


def test_lines_are_taken_as_they_are() -> None:
    raw = b"\n".join([json.dumps(ONE).encode(), b"", json.dumps(TWO).encode(), b""])
    assert split_bundles(raw) == [json.dumps(ONE).encode(), json.dumps(TWO).encode()]


@pytest.mark.parametrize(
    "other", [{}, [], {"attestations": []}, {"attestations": {"bundle": 1}}, {"a": [ONE]}]
)
def test_what_is_no_list_of_bundles_is_one_bundle_to_be_refused(other: Any) -> None:
    raw = json.dumps(other).encode()
    assert split_bundles(raw) == [raw]


@pytest.mark.parametrize(
    "raw", [b"[" * 1000, b'[{"a": 1, "a": 2}]', b"[1,", b'{"attestations": [{"bundle": }]}']
)
def test_a_list_that_cannot_be_read_is_one_bundle_to_be_refused(raw: bytes) -> None:
    assert split_bundles(raw) == [raw]


def test_there_is_an_end() -> None:
    for many in (json.dumps([ONE] * (MAX_COLLECTED + 1)), "\n".join(["{}"] * (MAX_COLLECTED + 1))):
        with pytest.raises(InputError) as caught:
            split_bundles(many.encode())
        assert caught.value.code == "provenance.bundle-many"
