"""Rows in, findings out, in order; a bad row is told apart and the run goes on."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Finding
from govkernel.errors import ConfigError
from runtime_guard.cells import BLOCK, blocks
from runtime_guard.readers.interface import Reading
from runtime_guard.rows.lines import MAX_LINE, BadRow, Pause, Row, paused_rows, read_rows, row_of

pytest.importorskip("presidio_analyzer", reason='pip install "govkernel[guard]"')
from govkernel.cli.arriving import Arriving, arriving
from govkernel.cli.main import main
from runtime_guard import Screen


class Reds:
    """Finds the word red."""

    name = "reds"
    labels = frozenset({"RED"})

    def detect(self, text: str, role: str) -> list[Finding]:
        at = text.find("red")
        return [Finding(label="RED", start=at, end=at + 3, detector=self.name)] if at >= 0 else []


class Model:
    """A reader whose glance settles nothing."""

    name = "model"
    labels: frozenset[str] = frozenset()

    def glance(self, text: str, role: str) -> Reading:
        return Reading(settled=False, by=self.name)

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        return [self.one(text) for text in texts]

    def detect(self, text: str, role: str) -> list[Finding]:
        return self.one(text).as_findings()

    def one(self, text: str) -> Reading:
        raise NotImplementedError


class Anger(Model):
    """Judges by capitals; answers for many."""

    name = "anger"
    labels = frozenset({"hate"})

    def __init__(self) -> None:
        self.batches: list[int] = []

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        self.batches.append(len(texts))
        return super().read(texts, roles)

    def one(self, text: str) -> Reading:
        loud = text.isupper()
        return Reading(
            {"hate": 0.9 if loud else 0.1}, frozenset({"hate"}) if loud else frozenset(), by=self.name
        )


class Digits(Model):
    """Finds every digit."""

    name = "digits"
    labels = frozenset({"DIGIT"})

    def one(self, text: str) -> Reading:
        found = [
            Finding(label="DIGIT", start=at, end=at + 1, detector=self.name)
            for at, char in enumerate(text)
            if char.isdigit()
        ]
        return Reading(findings=found, by=self.name)


def documents(rows: Sequence[Any], **choices: Any) -> list[dict[str, Any]]:
    return list(Screen([Reds(), Anger(), Digits()], **choices).screen_many(rows))


def test_a_row_gets_spans_scores_and_flags() -> None:
    (found,) = documents([{"id": "a", "text": "A RED 1 red"}])
    assert found == {
        "id": "a",
        "findings": [
            {"type": "DIGIT", "start": 6, "end": 7, "score": 1.0, "detector": "digits"},
            {"type": "RED", "start": 8, "end": 11, "score": 1.0, "detector": "reds"},
        ],
        "labels": {"hate": 0.1},
        "flagged": [],
    }
    assert documents([{"id": 1, "text": "LOUD"}])[0]["flagged"] == ["hate"]


def test_entities_choose_what_is_reported() -> None:
    (found,) = documents([{"id": "a", "text": "1 red"}], entities=["RED"])
    assert [item["type"] for item in found["findings"]] == ["RED"]


def test_an_unknown_entity_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as refused:
        documents([], entities=["DIGITS"])
    assert refused.value.code == "guard.unknown-entity"
    assert "DIGIT?" in refused.value.remedy


def test_no_detectors_are_needed_where_disguises_are_undone() -> None:
    (found,) = Screen([], tiers={0}).screen_many([{"id": 1, "text": "a \u202eterces\u202c z"}])
    assert [item["type"] for item in found["findings"]] == ["hidden_text"]
    with pytest.raises(ConfigError) as refused:
        Screen([], tiers={1})
    assert refused.value.code == "guard.no-detectors"


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\x00", "?! __"])
def test_models_are_not_asked_about_a_text_that_says_nothing(text: str) -> None:
    class Hateful(Anger):
        def one(self, text: str) -> Reading:
            return Reading({"hate": 0.9}, frozenset({"hate"}), by=self.name)

    screen = Screen([Hateful()])
    (found,) = screen.screen_many([{"id": 1, "text": text}])
    assert (found["labels"], found["flagged"]) == ({"hate": 0.0}, [])
    assert asyncio.run(screen.message(text)) == ()
    (loud,) = screen.screen_many([{"id": 1, "text": "\U000e0061\U000e0062"}])
    assert loud["flagged"] == ["hate"]


def test_a_judge_is_asked_for_many_rows_at_once_and_rows_stay_in_order() -> None:
    anger = Anger()
    rows = ({"id": number, "text": "LOUD" if number % 3 else "calm"} for number in range(200))
    found = list(Screen([anger]).screen_many(rows))
    assert [item["id"] for item in found] == list(range(200))
    assert [bool(item["flagged"]) for item in found] == [bool(number % 3) for number in range(200)]
    assert len(anger.batches) <= 4


def test_a_judge_sees_through_disguises_when_tier_0_is_on() -> None:
    text = "%4C%4F%55%44"  # LOUD
    assert documents([{"id": 0, "text": text.lower() + " x"}])[0]["labels"] == {"hate": 0.1}
    assert documents([{"id": 0, "text": text}])[0]["flagged"] == ["hate"]
    lower = text.replace("%4C", "%4c")
    assert documents([{"id": 0, "text": lower}], tiers={1})[0]["flagged"] == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (7, "row.malformed"),
        ({"id": "a"}, "row.malformed"),
        ({"id": "a", "text": None}, "row.malformed"),
        ({"id": ["a"], "text": "x"}, "row.malformed"),
        ({"id": "a" * 2000, "text": "x"}, "row.malformed"),
        ({"id": "a", "text": "x", "role": "king"}, "row.malformed"),
        ({"id": "a", "text": "x", "role": 1}, "row.malformed"),
        ({"id": "a", "text": "half \ud800"}, "row.not-text"),
        ({"id": "a", "text": "x" * (4 * 1024 * 1024 + 1)}, "guard.too-long"),
    ],
)
def test_a_bad_row_gets_an_error_and_the_run_goes_on(row: Any, code: str) -> None:
    bad, good = documents([row, {"id": "z", "text": "red"}])
    assert bad["error"]["code"] == code
    assert good["findings"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"id": "a", "text": "\xff"}', "json.not-utf8"),
        (b'{"id": "a", "text": "\\ud800"}', "row.not-text"),
        (b'{"id": "\\ud800", "text": "a"}', "row.not-text"),
        (b'{"id": 1.5, "text": "a"}', "row.malformed"),
        (b'{"id": ' + b"7" * 4000 + b', "text": "a"}', "row.malformed"),
        (b'{"id": ' + b"7" * 5000 + b', "text": "a"}', "json.malformed"),
        (b"[" * 100 + b"]" * 100, "json.too-deep"),
        (b"{", "json.malformed"),
        (b'{"text": "a", "text": "b"}', "json.duplicate-key"),
    ],
)
def test_a_bad_line_is_told_apart(line: bytes, code: str) -> None:
    bad, good = read_rows(io.BytesIO(line + b'\n\n{"id": 1, "text": "x"}'))
    assert isinstance(bad, BadRow)
    assert bad.error.code == code
    assert good == Row(1, "x", "user")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b'{"id": "a", "text": "\\ud800"}', "a"),
        (b'{"id": "a", "text": "\xff"}', "a"),
        (b'{"id": -7, "text": ', -7),
        (b'{"text": "x", "id": ', None),
        (b'{"id": "a\\u0062", "text": ', None),
        (b'{"id": 12', None),
        (b"nonsense", None),
        (b'{"id": "big", "text": "' + b"x" * MAX_LINE + b'"}', "big"),
    ],
)
def test_a_bad_row_keeps_its_id_and_tells_its_line(line: bytes, name: str | int | None) -> None:
    _, bad = read_rows(io.BytesIO(b'{"id": 1, "text": "x"}\n\n' + line))
    assert isinstance(bad, BadRow)
    assert bad.id == name
    assert bad.error.why.startswith("line 3")
    assert "sys." not in bad.error.why


def test_what_an_id_may_be_is_said() -> None:
    (bad,) = read_rows(io.BytesIO(b'{"id": 1.5, "text": "a"}'))
    assert isinstance(bad, BadRow)
    assert "whole number" in bad.error.what
    (bad,) = read_rows(io.BytesIO(b'{"id": ' + b"7" * 5000 + b', "text": "a"}'))
    assert isinstance(bad, BadRow)
    assert "set_int_max_str_digits" not in bad.error.why


def test_a_byte_order_mark_is_passed_over() -> None:
    assert list(read_rows(io.BytesIO(b'\xef\xbb\xbf{"id": 1, "text": "x"}'))) == [Row(1, "x", "user")]


def test_a_pause_ends_a_batch() -> None:
    anger = Anger()
    rows = [Row(1, "calm", "user"), Pause.PAUSE, Pause.PAUSE, Row(2, "calm", "user")]
    assert [item["id"] for item in Screen([anger]).screen_many(rows)] == [1, 2]
    assert anger.batches == [1, 1]


def test_rows_of_a_pipe_are_answered_as_they_come() -> None:
    come, go = os.pipe()
    pipe = Arriving(come)
    found = Screen([Reds()]).screen_many(paused_rows(cast(BinaryIO, pipe), pipe.waits))
    for number in range(3):
        os.write(go, b'{"id": %d, "text": "red"}\n' % number)
        assert next(found)["id"] == number
    os.write(go, b'{"id": 3, "text": "red"}')
    os.close(go)
    assert [item["id"] for item in found] == [3]
    os.close(come)


@given(st.lists(st.binary(max_size=9), max_size=9), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_a_pipe_has_the_lines_that_went_in(parts: list[bytes], size: int) -> None:
    come, go = os.pipe()
    os.write(go, b"\n".join(parts))
    os.close(go)
    pipe, expected = Arriving(come), io.BytesIO(b"\n".join(parts))
    while line := expected.readline(size):
        assert not pipe.waits()
        assert pipe.readline(size) == line
    assert pipe.readline(size) == b""
    os.close(come)


def test_only_what_comes_piece_by_piece_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"")
    with (tmp_path / "rows").open("rb") as stream:
        assert arriving(stream) is None
    assert arriving(io.BytesIO()) is None


def test_a_line_that_is_too_long_is_dropped_and_the_next_is_read() -> None:
    long = b'{"id": 1, "text": "' + b"x" * (MAX_LINE + 5_000_000) + b'"}\n'
    bad, good = read_rows(io.BytesIO(long + b'{"id": 2, "text": "x"}\n'))
    assert isinstance(bad, BadRow)
    assert bad.error.code == "row.too-large"
    assert isinstance(good, Row)
    assert good.id == 2


def test_nul_is_a_character_like_others() -> None:
    (found,) = documents([{"id": 0, "text": "\x00 red"}])
    assert found["findings"][0]["start"] == 2


def test_a_million_invisible_characters_are_answered() -> None:
    (found,) = documents([{"id": 0, "text": "red" + "\u200b" * 1_000_000}])
    assert found["findings"][0]["type"] == "RED"


@pytest.mark.parametrize(
    ("given_role", "meant"),
    [(None, "user"), ("user", "user"), ("tool", "tool"), ("response", "assistant"), ("system", "system")],
)
def test_roles(given_role: str | None, meant: str) -> None:
    row = row_of({"id": 1, "text": "x"} | ({"role": given_role} if given_role else {}))
    assert isinstance(row, Row)
    assert row.role == meant


def test_rows_are_screened_where_a_loop_is_running() -> None:
    async def inside() -> list[dict[str, Any]]:
        return documents([{"id": 1, "text": "red"}])

    assert asyncio.run(inside())[0]["findings"]


@given(st.text(alphabet="ab \n", max_size=3 * BLOCK))
@settings(max_examples=50, deadline=None)
def test_blocks_cover_a_text_once(text: str) -> None:
    cells = list(blocks(text))
    assert "".join(text[cell.start : cell.end] for cell in cells) == text
    assert all(text[cell.offset : cell.offset + len(cell.text)] == cell.text for cell in cells)


def test_a_value_across_blocks_is_found_once() -> None:
    text = "x" * (BLOCK - 6) + " bob@example.com " + "y" * BLOCK
    found = next(Screen(tiers={1}).screen_many([{"id": 1, "text": text}]))["findings"]
    spans = [text[item["start"] : item["end"]] for item in found if item["type"] == "EMAIL_ADDRESS"]
    assert spans == ["bob@example.com"]


def test_lines_end_only_where_rows_do(tmp_path: Path) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"id": "a\\u2028b\\u2029\\u00e9", "text": "x"}')
    assert run("screen", "--jsonl", str(rows), "--out", str(out), "--tiers", "0") == 0
    (line,) = out.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["id"] == "a\u2028b\u2029\u00e9"
    assert "\u00e9" in line


def test_tier_0_alone_tells_hidden_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("screen", "--tiers", "0", "a \u202eterces\u202c z") == 1
    assert "hidden_text" in capsys.readouterr().out


def test_the_command_writes_one_document_per_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"id": "a", "text": "bob@example.com"}\nnonsense\n{"id": "c", "text": "fine"}\n')
    assert run("screen", "--jsonl", str(rows), "--out", str(out), "--tiers", "0,1") == 0
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [item["id"] for item in found] == ["a", None, "c"]
    assert found[0]["findings"][0]["type"] == "EMAIL_ADDRESS"
    assert found[1]["error"]["code"] == "json.malformed"
    assert run("screen", "--jsonl", str(rows), "--tiers", "1", "--entities", "US_SSN") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["findings"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--jsonl", "absent.jsonl"),
        ("--jsonl", "rows.jsonl", "--out", "rows.jsonl"),
        ("--jsonl", "rows.jsonl", "--out", "absent/out.jsonl"),
        ("--jsonl", "rows.jsonl", "--tiers", "0,9"),
        ("--jsonl", "rows.jsonl", "--tiers", "1", "--entities", "EMAIL"),
        ("--jsonl", "rows.jsonl", "--role", "user"),
        ("--jsonl", "rows.jsonl", "a text"),
        ("a text", "--out", "out.jsonl"),
        ("a text", "--entities", "URL"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("{}\n")
    assert run("screen", *arguments) == 2
    assert (tmp_path / "rows.jsonl").read_text() == "{}\n"


def run(*arguments: str) -> int:
    """Exit code of a command."""
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit) as ended:
        patched.setattr(sys, "argv", ["govkernel", *arguments])
        main()
    return int(ended.value.code or 0)
