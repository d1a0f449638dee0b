"""What people do wrong by accident is told as it is, in the form they asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, Run


@pytest.mark.parametrize(
    "arguments",
    [
        ("gate",),
        ("gate", "model", "--pakc", "x"),
        ("sign", "model", "model"),
        ("gat", "model"),
        ("serve", "admission", "--port", "x"),
    ],
)
def test_wrong_usage_is_json_where_json_was_asked_for(
    run: Run, workspace: Path, arguments: tuple[str, ...]
) -> None:
    failed = run(*arguments, "--json")
    assert failed.code == 2
    assert failed.json()["error"]["code"] == "cli.usage"
    assert run(*arguments).out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("gate", ""),
        ("gate", "model:"),
        ("sign", "model", "", "--key", KEY),
        ("attest", "", "--type", "model-card", "--predicate", "card.json", "--key", KEY),
        ("scan", ""),
        ("trust", "explain", ""),
        ("lineage", ""),
        ("dataset", "tree", "", "--key", KEY),
    ],
)
def test_an_unset_variable_is_not_the_current_folder(
    run: Run, workspace: Path, arguments: tuple[str, ...]
) -> None:
    Path("config.json").write_text("{}")
    Path("card.json").write_text("{}")
    failed = run(*arguments, "--json")
    assert failed.code == 2
    assert failed.json()["error"]["code"] in {"cli.path", "cli.artifact", "gate.no-such-path"}
    assert not list(Path().glob("*.sigstore.json"))


def test_a_path_that_is_not_there_is_told_as_such(run: Run, workspace: Path) -> None:
    Path("card.json").write_text("{}")
    failed = run(
        "attest", "modle", "--type", "model-card", "--predicate", "card.json", "--key", KEY, "--json"
    )
    assert failed.json()["error"]["code"] == "provenance.not-found"


def test_a_claim_that_is_not_json_is_named(run: Run, workspace: Path) -> None:
    Path("model").mkdir()
    Path("model/config.json").write_text("{}")
    Path("card.json").write_bytes(b"\xef\xbb\xbf{}")
    failed = run(
        "attest", "model", "--type", "model-card", "--predicate", "card.json", "--key", KEY, "--json"
    )
    error = failed.json()["error"]
    assert "card.json" in error["what"]
    assert "byte order mark" in error["why"]


def test_a_text_that_is_not_utf8_is_no_fault_of_a_detector(run: Run, workspace: Path) -> None:
    failed = run("screen", os.fsdecode(b"a\xffb"), "--json")
    assert failed.code == 2
    assert failed.json()["error"]["code"] == "screen.not-utf8"


def test_half_a_workspace_says_which_half_is_missing(run: Run, workspace: Path) -> None:
    Path(".govkernel/trust.yaml").unlink()
    error = run("init", "--json").json()["error"]
    assert error["code"] == "workspace.exists"
    assert "trust.yaml does not" in error["why"]
    assert "trust.yaml" in error["remedy"]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git on the PATH")
def test_public_keys_can_be_committed_and_nothing_secret(run: Run, workspace: Path) -> None:
    for name in (
        "audit.db",
        "audit.db-wal",
        "audit.spool.jsonl",
        "vault.db",
        "keys/.audit.key.0f",
        "keys/vault.key",
    ):
        Path(".govkernel", name).touch()
    subprocess.run(["git", "init", "-q"], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], check=True, capture_output=True, text=True
    )
    assert set(listed.stdout.split()) == {
        ".govkernel/.gitignore",
        ".govkernel/keys/audit.pub",
        ".govkernel/keys/release.pub",
        ".govkernel/trust.yaml",
        "govkernel.toml",
    }
