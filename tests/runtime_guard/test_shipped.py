"""Models that ship are what was signed by the pinned key, or an error; never a guard without them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govkernel.domain import ArtifactKind
from govkernel.errors import ConfigError
from govkernel.provenance import LocalKey, sign_artifact
from runtime_guard.shipped import BUNDLE, KEY, MAX_FILE, shipped, verified

MODELS = Path(__file__).parent.parent.parent / "runtime_guard" / "models"


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, str]:
    """A folder with one signed model, and the id of its key."""
    folder = tmp_path / "models"
    (folder / "small").mkdir(parents=True)
    (folder / "small" / "weights").write_bytes(b"weights")
    (folder / "small" / "card.md").write_bytes(b"card")
    return folder, sign(folder, LocalKey.generate())


def sign(folder: Path, key: LocalKey) -> str:
    made = sign_artifact(folder / "small", ArtifactKind.MODEL, key, now=datetime(2026, 1, 1, tzinfo=UTC))
    (folder / f"small{BUNDLE}").write_bytes(made.bundles[0].content)
    (folder / KEY).write_bytes(key.public_key_pem())
    return key.key_id


def test_the_models_of_this_release_verify() -> None:
    for name in ("gate", "encoder"):
        files = shipped(name)
        assert {"README.md", "bom.cdx.json", f"{name}.json", f"{name}.safetensors"} <= set(files)
        assert files["README.md"] == (MODELS / name / "README.md").read_bytes()


def test_what_was_signed_is_what_is_given(models: tuple[Path, str]) -> None:
    folder, pinned = models
    assert verified(folder, "small", pinned) == {"weights": b"weights", "card.md": b"card"}


def other_bytes(folder: Path) -> None:
    (folder / "small" / "weights").write_bytes(b"Weights")


def file_gone(folder: Path) -> None:
    (folder / "small" / "card.md").unlink()


def bundle_gone(folder: Path) -> None:
    (folder / f"small{BUNDLE}").unlink()


def bundle_nonsense(folder: Path) -> None:
    (folder / f"small{BUNDLE}").write_bytes(b"{}")


def signed_by_another(folder: Path) -> None:
    sign(folder, LocalKey.generate())


def key_of_another(folder: Path) -> None:
    (folder / KEY).write_bytes(LocalKey.generate().public_key_pem())


def too_large(folder: Path) -> None:
    with (folder / "small" / "weights").open("wb") as stream:
        stream.truncate(MAX_FILE + 1)


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (other_bytes, "model.unverified"),
        (file_gone, "model.missing"),
        (bundle_gone, "model.missing"),
        (bundle_nonsense, "model.unverified"),
        (signed_by_another, "model.unverified"),
        (key_of_another, "model.unverified"),
        (too_large, "model.unverified"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_anything_else_is_an_error(models: tuple[Path, str], lie: Callable[[Path], None], code: str) -> None:
    folder, pinned = models
    lie(folder)
    with pytest.raises(ConfigError) as caught:
        verified(folder, "small", pinned)
    assert caught.value.code == code
    assert caught.value.remedy


def test_what_was_not_signed_is_not_given(models: tuple[Path, str]) -> None:
    folder, pinned = models
    (folder / "small" / "extra.py").write_text("print()")
    assert "extra.py" not in verified(folder, "small", pinned)
