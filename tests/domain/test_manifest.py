"""The subject digest binds names, and is the same wherever it is computed."""

from __future__ import annotations

import hashlib
import json

import pytest

from govkernel.domain.manifest import MANIFEST_TYPE, model_manifest_digest, oms_root
from govkernel.provenance.manifest import ModelManifest

FILES = {"model.safetensors": "ab" * 32, "a/b.json": "cd" * 32, "a.txt": "ef" * 32}


def test_the_formula() -> None:
    listed = [{"path": path, "sha256": FILES[path]} for path in sorted(FILES)]
    text = json.dumps({"files": listed, "type": MANIFEST_TYPE}, sort_keys=True, separators=(",", ":"))
    assert model_manifest_digest(FILES).hex == hashlib.sha256(text.encode()).hexdigest()


def test_provenance_agrees() -> None:
    assert model_manifest_digest(FILES) == ModelManifest.of(FILES.items()).digest


def test_names_are_bound() -> None:
    renamed = {("model.txt" if path == "model.safetensors" else path): item for path, item in FILES.items()}
    assert model_manifest_digest(renamed) != model_manifest_digest(FILES)


@pytest.mark.parametrize("files", [{}, {"a": "AB" * 32}, {"a": "ab"}])
def test_what_has_no_digest(files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"digest"):
        model_manifest_digest(files)


def test_the_oms_root_is_that_of_provenance_and_forgets_names() -> None:
    assert oms_root(FILES) == ModelManifest.of(FILES.items()).oms_root
    assert oms_root({f"z{path}": digest for path, digest in FILES.items()}).hex
