"""Reports of the commands in a CI job name files from the root of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import KEY, Run

MANIFEST = """apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - {name: s, image: "vllm/vllm-openai:v1", args: [--model, a/b]}
"""


@pytest.fixture
def repository(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace is what a job of GitHub Actions checked out."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(workspace))
    return workspace


def test_a_gate_shows_the_file_that_was_changed(run: Run, repository: Path, model: Path) -> None:
    assert run("sign", "model", "model", "--key", KEY).code == 0
    (model / "config.json").write_text("{ }")
    for path in (str(model), "model"):
        shown = run("gate", path, "--format", "github")
        assert shown.code == 1
        assert "::error file=model/config.json,line=1," in shown.out


def test_admission_of_a_manifest_below_the_root(
    run: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "sub").mkdir()
    (repository / "sub" / "man.yaml").write_text(MANIFEST)
    monkeypatch.chdir(repository / "sub")
    shown = run("admit", "man.yaml", "--format", "github", "--config", "../govkernel.toml")
    assert (shown.code, "file=sub/man.yaml,line=6," in shown.out) == (1, True), shown
