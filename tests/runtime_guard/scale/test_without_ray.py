"""Nothing of what stays on one machine needs Ray, and what needs it says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from govkernel.errors import ConfigError

pytest.importorskip("presidio_analyzer", reason='pip install "govkernel[guard]"')
from runtime_guard.scale.parts import parts_of
from runtime_guard.scale.scan import scan_dataset
from runtime_guard.scale.serve import screening
from tests.runtime_guard.scale.colours import colour_screen


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ray", "ray.data", "ray.serve", "pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("without")
def test_the_error_says_what_to_install(tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    file.write_text("red")
    for needs in (
        lambda: scan_dataset(file, colour_screen),
        lambda: screening(colour_screen),
        lambda: list(parts_of(tmp_path / "rows.parquet")),
    ):
        with pytest.raises(ConfigError) as caught:
            needs()
        assert caught.value.code == "scale.not-installed"
        assert "govkernel[ray]" in (caught.value.remedy or "")


def test_importing_it_imports_no_ray() -> None:
    code = "import sys, govkernel.scaling, runtime_guard.scale.scan; print('ray' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
