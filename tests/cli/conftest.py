"""A workspace, and a way to run the command line in it."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from govkernel.cli import output
from govkernel.cli.main import main

KEY = ".govkernel/keys/release.key"
PUBLIC_KEY = ".govkernel/keys/release.pub"


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``govkernel ARGUMENTS`` in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["govkernel", *arguments])
        capsys.readouterr()
        # rich looks up the streams when it is made, pytest replaces them per test
        monkeypatch.setattr(output.console, "_file", sys.stdout)
        monkeypatch.setattr(output.stderr, "_file", sys.stderr)
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return Result(int(stopped.value.code or 0), captured.out, captured.err)

    return run_command


@pytest.fixture
def workspace(run: Run) -> Path:
    """A fresh workspace; the working directory."""
    assert run("init").code == 0
    return Path.cwd()


@pytest.fixture
def model(workspace: Path) -> Path:
    """A small, well-formed model directory."""
    folder = workspace / "model"
    folder.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    weights = struct.pack("<Q", len(header)) + header + struct.pack("<2f", 1.0, 2.0)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text('{"model_type": "tiny"}')
    return folder


@pytest.fixture
def approved(run: Run, model: Path) -> Path:
    """The model, signed, with everything the baseline pack asks of a model."""
    said = {
        "evaluation-result": {
            "suite": {"name": "unit"},
            "score": 0.93,
            "passed": True,
            "metrics": [{"name": "accuracy", "value": 0.93}],
            "harness": {"name": "tests", "version": "1"},
            "finishedOn": "2026-01-01T00:00:00Z",
        },
        "model-card": {"license": "Apache-2.0", "riskClass": "limited", "intendedUse": "tests"},
    }
    assert run("sign", "model", "model", "--key", KEY, "--name", "mlflow://models/tiny/1").code == 0
    for name, claim in said.items():
        (model.parent / f"{name}.json").write_text(json.dumps(claim))
        assert run("attest", "model", "--type", name, "--predicate", f"{name}.json", "--key", KEY).code == 0
    return model
