"""A repository as CI jobs find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ci.test_integrations import govkernel


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A repository with a workspace, an unsigned model, and a prompt with a space in its name."""
    govkernel(tmp_path, "init")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "greet me.txt").write_text("Greet {name}.")
    return tmp_path
