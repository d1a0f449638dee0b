"""The cache saves time and is never believed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("hyperscan", reason="install hyperscan")
from runtime_guard.expressions import automaton
from runtime_guard.expressions.automaton import Expression, HyperscanAutomaton
from runtime_guard.expressions.cache import Cache, user_cache

EXPRESSIONS = [Expression(b"ab+c"), Expression(b"x{3}")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many expressions were compiled, each time."""
    counted: list[int] = []
    real = automaton._compiled

    def compile_and_count(expressions: dict[int, Expression]) -> object:
        counted.append(len(expressions))
        return real(expressions)

    monkeypatch.setattr(automaton, "_compiled", compile_and_count)
    return counted


def finds(folder: Path | None) -> bool:
    return HyperscanAutomaton(EXPRESSIONS, Cache(folder)).scan(b"..abbc.") == [(0, 6)]


def entry(folder: Path) -> Path:
    return next(folder.glob("*.hsdb"))


def test_is_compiled_once(folder: Path, compiled: list[int]) -> None:
    assert finds(folder)
    assert finds(folder)
    assert compiled == [2]


def test_other_expressions_are_another_entry(folder: Path, compiled: list[int]) -> None:
    assert finds(folder)
    HyperscanAutomaton(EXPRESSIONS[:1], Cache(folder))
    assert compiled == [2, 1]


@pytest.mark.parametrize("place", [0, 31, 32, 40, 200, -1])
def test_a_flipped_bit_is_compiled_anew(folder: Path, compiled: list[int], place: int) -> None:
    assert finds(folder)
    content = bytearray(entry(folder).read_bytes())
    content[place] ^= 1
    entry(folder).write_bytes(content)
    assert finds(folder)
    assert finds(folder)
    assert compiled == [2, 2]


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 5000])
def test_a_broken_entry_is_compiled_anew(folder: Path, compiled: list[int], content: bytes) -> None:
    assert finds(folder)
    entry(folder).write_bytes(content)
    assert finds(folder)
    assert compiled == [2, 2]


def test_an_entry_under_anothers_name_is_not_taken(folder: Path, compiled: list[int]) -> None:
    assert finds(folder)
    other = HyperscanAutomaton([Expression(b"zz")], Cache(folder))
    assert other.scan(b"zz") == [(0, 2)]
    first, second = sorted(folder.glob("*.hsdb"))
    body = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(body)
    assert finds(folder)
    assert compiled == [2, 1, 2]


def test_what_another_user_could_have_written_is_not_taken(folder: Path, compiled: list[int]) -> None:
    assert finds(folder)
    folder.chmod(0o777)
    assert finds(folder)
    assert compiled == [2, 2]


def test_a_lost_key_is_made_anew(folder: Path, compiled: list[int]) -> None:
    assert finds(folder)
    (folder / "key").unlink()
    assert finds(folder)
    assert finds(folder)
    assert compiled == [2, 2]


def test_without_a_folder(tmp_path: Path, compiled: list[int]) -> None:
    assert finds(None)
    (tmp_path / "file").write_text("no folder")
    assert finds(tmp_path / "file" / "cache")
    assert compiled == [2, 2]


def test_the_key_is_the_users_alone(folder: Path) -> None:
    assert finds(folder)
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert entry(folder).stat().st_mode & 0o777 == 0o600


def test_refused_expressions_are_remembered(folder: Path, compiled: list[int]) -> None:
    broken = [*EXPRESSIONS, Expression(b"a(")]
    assert HyperscanAutomaton(broken, Cache(folder)).refused == {2}
    tries = len(compiled)
    assert HyperscanAutomaton(broken, Cache(folder)).refused == {2}
    assert len(compiled) == tries


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    HyperscanAutomaton(EXPRESSIONS, user_cache())
    assert list((tmp_path / "govkernel" / "patterns").glob("*.hsdb"))
