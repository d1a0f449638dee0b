"""Models by digest in registries, at the admission door under the baseline pack: formats are known, or it is a deny."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from registry import MANIFEST, Store, serving

from govkernel.domain import Artifact, ArtifactKind, Digest
from tests.simulators.admitting import Workspace

SCANNED = {
    "verdict": "safe",
    "complete": True,
    "checked": {"sha256": "ab" * 32},
    "files": 2,
    "rules": {},
    "scanner": {"name": "layers", "version": "1"},
    "finishedOn": "2026-03-01T09:30:00Z",
}


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as running:
        yield running


def example(predicate: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files("govkernel_attestations").joinpath(predicate, "example.json").read_bytes()
    )
    return found


def decided(store: Store, folder: Path, digest: str, *, asked: bool = True, **said: Any) -> set[str]:
    """The forbids about a model that is signed, evaluated and described; none when it is admitted."""
    name = f"oci://{store.host}/acme/helper@{digest}"
    workspace = Workspace(folder)
    workspace.vouch(
        Artifact(kind=ArtifactKind.MODEL, name=name, digest=Digest.parse(digest)),
        signature={"kind": "model"},
        evaluation_result=example("evaluation-result"),
        model_card={**example("model-card"), "riskClass": "minimal"},
        **said,
    )
    settings = {"registries": [store.host] if asked else [], "insecure": [store.host]}
    decision = workspace.admit(name, {"oci": settings}, "baseline").decision
    assert decision.faults == ()
    return set() if decision.allowed else {reason.policy for reason in decision.reasons}


def test_safe_weights_are_admitted(store: Store, tmp_path: Path) -> None:
    assert decided(store, tmp_path, store.artifact("v1", "model.safetensors")) == set()


def test_pickled_weights_are_not(store: Store, tmp_path: Path) -> None:
    digest = store.artifact("v1", "model.bin", "config.json")
    assert decided(store, tmp_path, digest) == {"baseline/unsafe-format"}


def test_weights_of_a_registry_that_is_not_asked_are_not(store: Store, tmp_path: Path) -> None:
    digest = store.artifact("v1", "model.safetensors")
    assert decided(store, tmp_path, digest, asked=False) == {"baseline/unknown-formats"}
    assert store.asked == []


def test_weights_in_layers_without_names_are_not_unless_they_were_scanned(
    store: Store, tmp_path: Path
) -> None:
    digest = store.put({"mediaType": MANIFEST, "layers": [{}]})
    assert decided(store, tmp_path / "a", digest) == {"baseline/unknown-formats"}
    assert decided(store, tmp_path / "b", digest, file_safety=SCANNED) == set()
