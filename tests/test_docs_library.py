"""The examples of docs/reference/library.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import runtime_guard
from govkernel.workspace import create_workspace

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "library.md"


def run(heading: str) -> dict[str, Any]:
    """The names that the example below a heading defines."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(found.group(1), f"{PAGE.name}:{heading}", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace with a model in it."""
    create_workspace(tmp_path, key_name="release")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)


def test_deciding(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("Decide")["promoted"] is False
    assert "baseline/unsigned" in capsys.readouterr().out


def test_signing_and_verifying() -> None:
    assert run("Sign and verify")["verified"] is True


def test_stating() -> None:
    assert b"dsseEnvelope" in run("State something")["bundle"]


def test_screening() -> None:
    pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
    assert run("Screen text")["found"] == [("PERSON", "Jane Roe"), ("PHONE_NUMBER", "+1 212-555-0123")]


@pytest.mark.parametrize("name", runtime_guard.__all__)
def test_public_names_of_the_guard_are_there_and_on_the_page(name: str) -> None:
    pytest.importorskip("confusable_homoglyphs", reason="install the extra: govkernel[guard]")
    assert getattr(runtime_guard, name).__name__ == name
    assert f"`runtime_guard.{name}" in PAGE.read_text(encoding="utf-8")
