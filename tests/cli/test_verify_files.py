"""govkernel verify told every lie about files: 1 with the code, in words and in JSON; 2 if it cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import RejectedStatement
from govkernel.provenance import sign_artifact
from tests.cli.conftest import Run
from tests.simulators import file_lies
from tests.simulators.file_lies import FILES
from tests.simulators.lie_scene import ANN, MODEL, Scene, refusal


@pytest.fixture
def scene(run: Run) -> Scene:
    """A model like that of the table of lies, in an empty folder with the signer's key."""
    root = Path.cwd() / "minilm"
    (root / "onnx").mkdir(parents=True)
    (root / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}" + b"weights")
    (root / "config.json").write_text("{}")
    (root / "onnx" / "model.onnx").write_bytes(b"\x08\x07")
    (root / "onnx.txt").write_text("text")
    Path("ann.pub").write_bytes(ANN.public_key_pem())
    return Scene(root)


def judged(run: Run, path: Path, raw: bytes, *more: str) -> RejectedStatement:
    """The refusal that the command prints, the same in words and in JSON."""
    Path("bundle.json").write_bytes(raw)
    ask = ("verify", str(path), "--bundle", "bundle.json", "--key", "ann.pub", *more)
    result, words = run(*ask, "--json"), run(*ask)
    assert (result.code, words.code) == (1, 1), result.out
    document: dict[str, Any] = result.json()
    assert document.pop("verified") is False
    refused = RejectedStatement.model_validate(document)
    assert refused.source == "bundle.json"
    assert all(item in words.out for item in ("refused", refused.code, "why", "fix"))
    return refused


@pytest.mark.parametrize("name", FILES)
def test_each_lie_about_files_is_a_refusal(
    name: str, run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = ("--kind", "model")
    monkeypatch.setattr(file_lies, "verified", lambda it, raw: judged(run, it.model, raw, *kind))
    monkeypatch.setattr(file_lies, "verify_path", lambda path, raw, *_, **__: judged(run, path, raw, *kind))
    lie, code = FILES[name]
    assert refusal(lie, scene) == code


def test_a_link_to_the_artifact_is_a_refusal(run: Run, scene: Scene) -> None:
    Path("link").symlink_to("minilm")
    assert judged(run, Path("link"), scene.signature).code == "provenance.symlink"


def test_a_copy_to_pin_is_refused_for_the_same(run: Run, scene: Scene) -> None:
    raw = scene.signature
    (scene.model / "link").symlink_to("config.json")
    assert judged(run, scene.model, raw, "--pin", "pinned").code == "provenance.symlink"
    assert not Path("pinned").exists()


def test_too_many_bundles_are_a_refusal(run: Run, scene: Scene) -> None:
    assert judged(run, scene.model, b"\n".join([scene.signature] * 101)).code == "provenance.bundle-many"


def test_what_is_not_there_cannot_be_told(run: Run, scene: Scene) -> None:
    Path("bundle.json").write_bytes(scene.signature)
    result = run("verify", "nowhere", "--bundle", "bundle.json", "--key", "ann.pub", "--json")
    assert (result.code, result.json()["error"]["code"]) == (2, "provenance.not-found")


@pytest.mark.parametrize("kind", ["prompt", "dataset"])
def test_a_model_signed_as_such_is_nothing_else(kind: str, run: Run, scene: Scene) -> None:
    found = judged(run, scene.model, scene.signature, "--kind", kind)
    assert found.code == "provenance.kind-mismatch"
    assert "model" in found.why


def test_a_signature_of_a_file_says_what_the_file_is(run: Run, scene: Scene) -> None:
    path = Path("faq.jsonl")
    path.write_text("{}\n")
    raw = sign_artifact(path, MODEL.__class__("dataset"), ANN).bundles[0].content
    assert judged(run, path, raw, "--kind", "model").code == "provenance.kind-mismatch"
