"""The rows of all parts together are the rows of the file, whatever the bytes and wherever the cuts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govkernel.errors import InputError

pytest.importorskip("presidio_analyzer", reason='pip install "govkernel[guard]"')
from runtime_guard import scan
from runtime_guard.scale import parts
from runtime_guard.scale.parts import lines_of, parts_of, plain


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\n\n", b"\xff", b"long enough"])),
    st.integers(1, 12),
)
def test_rows_are_those_of_the_file_in_order(tmp_path: Path, pieces: list[bytes], size: int) -> None:
    file = tmp_path / "rows.txt"
    file.write_bytes(b"".join(pieces))
    with file.open("rb") as stream:
        whole = list(scan._lines(stream))
    assert [line for part in parts_of(file, size) for line in lines_of(part)] == whole


def test_a_line_longer_than_a_row_may_be_comes_in_pieces_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (scan, parts):
        monkeypatch.setattr(module, "MAX_ROW", 4)
    file = tmp_path / "rows.txt"
    file.write_bytes(b"0123456789\nabc\n")
    with file.open("rb") as stream:
        whole = list(scan._lines(stream))
    for size in range(1, 20):
        assert [line for part in parts_of(file, size) for line in lines_of(part)] == whole


def test_a_json_file_is_one_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text("[\n1\n]")
    (part,) = parts_of(file, 1)
    assert list(lines_of(part)) == [b"[\n1\n]"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(parts_of(tmp_path / "gone.jsonl"))
    assert caught.value.code == "scan.unreadable"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [b"text", 1, None, 1.5, True]}, {"a": ["text", 1, None, 1.5, True]}),
        (Decimal("4111111111111111"), "4111111111111111"),
        (date(2026, 1, 1), "2026-01-01"),
    ],
)
def test_values_of_parquet_are_values_of_json(value: Any, said: Any) -> None:
    assert plain(value) == said


def test_bytes_that_are_no_text_are_not_passed_over() -> None:
    with pytest.raises(UnicodeDecodeError):
        plain({"picture": b"\xff\xd8"})
