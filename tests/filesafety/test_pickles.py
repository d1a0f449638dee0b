"""Pickles: what data needs is accepted, everything else is refused, whatever it is wrapped in."""

from __future__ import annotations

import bz2
import collections
import datetime
import gzip
import io
import lzma
import pickle
import zlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govkernel.filesafety import Limits, Verdict
from govkernel.filesafety.budget import Budget
from govkernel.filesafety.dispatch import examine
from govkernel.filesafety.interface import Place, verdict_of
from govkernel.filesafety.source import BytesSource
from tests.filesafety.conftest import Judge, rules
from tests.filesafety.payloads import CALLABLES, SYSTEM, TRICKS, WAYS

DATA: dict[str, Any] = {
    "plain": {"a": [1, 2.5, "x", None, True, b"y", 10**30], "t": (1, (2, 3)), "s": {1, 2}},
    "frozen": frozenset([1]),
    "ordered": collections.OrderedDict(a=1),
    "default": collections.defaultdict(list, {"a": [1]}),
    "counter": collections.Counter("abc"),
    "deque": collections.deque([1]),
    "moment": datetime.datetime(2026, 1, 2, tzinfo=None),
    "complex": 1j,
    "slice": slice(1, 2),
    "bytearray": bytearray(b"xy"),
    "long list": list(range(20_000)),
    "long text": "ä" * 70_000,
    "shared": [(1, 2)] * 3,
}


def quick(content: bytes, name: str = "x.pkl") -> set[str]:
    place = Place(name, name, Budget(), examine, {})
    return {finding.rule for finding in examine(BytesSource(content), place)}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", DATA)
def test_data_of_the_standard_library_is_safe(name: str, protocol: int) -> None:
    assert quick(pickle.dumps(DATA[name], protocol)) == set()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", CALLABLES)
def test_a_callable_outside_the_list_is_refused_however_it_is_named(name: str, way: Any) -> None:
    for loaded_as in ("x.pkl", "model.bin", "x.joblib", "x.unknown-suffix"):
        found = _findings(way(name), loaded_as)
        assert verdict_of(found) is not Verdict.SAFE, loaded_as
        if loaded_as != "x.unknown-suffix":
            assert verdict_of(found) is Verdict.UNSAFE


def _findings(content: bytes, name: str) -> list[Any]:
    return list(examine(BytesSource(content), Place(name, name, Budget(), examine, {})))


@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_are_refused(trick: str) -> None:
    found = _findings(TRICKS[trick], "x.pkl")
    assert verdict_of(found) is Verdict.UNSAFE, found
    assert "examiner-failed" not in {item.rule for item in found}


def test_the_finding_names_what_is_called(judged: Judge) -> None:
    report = judged({"a/pytorch_model.bin": SYSTEM})
    assert [(item.path, item.rule, item.detail) for item in report.findings] == [
        ("a/pytorch_model.bin", "pickle-global", "posix.system")
    ]


def test_every_refused_name_is_listed_and_not_only_the_first() -> None:
    content = b"(cposix\nsystem\ncnt\nsystem\nl."
    assert [item.detail for item in _findings(content, "x.pkl")] == ["posix.system", "nt.system"]


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        zlib.compress,
        lzma.compress,
        lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ],
    ids=["gzip", "bzip2", "zlib", "xz", "lzma"],
)
def test_compression_hides_nothing(pack: Any) -> None:
    for name in ("x.pkl", "x.joblib", "x.pkl.gz", "x.bin"):
        assert quick(pack(SYSTEM), name) == {"pickle-global"}
        assert quick(pack(pickle.dumps([1, 2])), name) == set()
        assert "archive-malformed" in quick(pack(SYSTEM)[:-6], name)


def test_the_second_gzip_stream_is_judged_too() -> None:
    assert quick(gzip.compress(pickle.dumps(1)) + gzip.compress(SYSTEM), "x.joblib") == {"pickle-global"}


@pytest.mark.parametrize(
    "head", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"]
)
def test_a_container_that_cannot_be_opened_is_refused(head: bytes) -> None:
    assert quick(head + bytes(40), "model.pt") == {"name-mismatch"}
    assert quick(head + bytes(40), "model.7z") == {"unknown-container"}


def test_raw_bytes_called_bin_are_not_safe_and_not_accused() -> None:
    assert quick(b"\x00\x01\x02\x03", "weights.bin") == {"not-a-pickle"}
    assert quick(b"", "weights.bin") == {"not-a-pickle"}


def test_limits_are_unknown_not_safe(judged: Judge) -> None:
    content = pickle.dumps(list(range(10_000)))
    assert rules(judged({"x.pkl": content}, Limits(opcodes=500))) == {"too-many-opcodes"}
    assert rules(judged({"x.pkl": content}, Limits(held=500))) == {"too-large"}
    assert judged({"x.pkl": content}, Limits(opcodes=500)).verdict is Verdict.UNKNOWN


class Anything:
    """Pickled by reference to itself: outside every list."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("never",)


@pytest.mark.parametrize("protocol", range(6))
def test_what_pickle_itself_writes_is_refused_too(protocol: int) -> None:
    assert quick(pickle.dumps({"a": [Anything()]}, protocol)) == {"pickle-global"}
    assert quick(pickle.dumps(Anything, protocol)) == {"pickle-global"}


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["x.pkl", "x.joblib", "x.pt", "x.npy"]))
@example(b"\x80\x02}(K\x01K\x02K\x03u.", "x.pkl")
@example(b"0.", "x.pkl")
@example(b"1.", "x.pkl")
def test_any_bytes_get_a_verdict(content: bytes, name: str) -> None:
    assert "examiner-failed" not in quick(content, name)


OPCODES = bytes(sorted({ord(item.code) for item in __import__("pickletools").opcodes}))


@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(OPCODES).map(lambda code: bytes([code])), st.binary(max_size=6)),
        max_size=40,
    )
)
def test_any_opcodes_get_a_verdict(parts: list[bytes]) -> None:
    assert "examiner-failed" not in quick(b"".join(parts) + b".")


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.integers(0, 5),
)
def test_any_plain_data_is_safe(value: Any, protocol: int) -> None:
    stream = io.BytesIO()
    pickle.dump(value, stream, protocol)
    assert quick(stream.getvalue()) == set()
