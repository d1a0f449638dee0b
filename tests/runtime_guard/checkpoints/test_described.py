"""A configuration that asks for code, kernels, files from elsewhere or memory that no weights fill is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from govkernel.errors import ConfigError
from runtime_guard.checkpoints.opening import open_checkpoint
from runtime_guard.checkpoints.settings import Checkpoint


def changed(folder: Path, said: dict[str, Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | said))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"auto_map": {"AutoModel": "modeling.Own"}}, "checkpoint.unsafe"),
        ({"trust_remote_code": True}, "checkpoint.unsafe"),
        ({"text_config": {"auto_map": {"AutoConfig": "configuration.Own"}}}, "checkpoint.unsafe"),
        ({"parts": [{"auto_map": "x"}]}, "checkpoint.unsafe"),
        ({"quantization_config": {"quant_method": "gptq"}}, "checkpoint.unsafe"),
        ({"base_model_name_or_path": "somebody/else"}, "checkpoint.unsafe"),
        ({"_attn_implementation": "somebody/kernel"}, "checkpoint.unsafe"),
        ({"attn_implementation": {"text": "hub/kernel"}}, "checkpoint.unsafe"),
        ({"num_hidden_layers": 10_000_000}, "checkpoint.config"),
        ({"num_attention_heads": 70_000}, "checkpoint.config"),
        ({"vocab_size": 2**40}, "checkpoint.config"),
        ({"hidden_size": -(2**40)}, "checkpoint.config"),
        ({"model_type": "own"}, "checkpoint.config"),
        ({"model_type": 1}, "checkpoint.config"),
        ({"model_type": "llama4_vision_model"}, "checkpoint.config"),
        ({"hidden_size": "wide"}, "checkpoint.config"),
        ({"num_attention_heads": 3}, "checkpoint.weights"),
        ({"id2label": ["O", "B-PER"]}, "checkpoint.config"),
        ({"id2label": {"1": "O", "2": "B-PER"}}, "checkpoint.config"),
        ({"id2label": {"0": "O", "1": "B-PER"}}, "checkpoint.labels"),
        ({"id2label": None}, "checkpoint.labels"),
        ({"intermediate_size": 65_536}, "checkpoint.weights"),
        ({"num_hidden_layers": 2}, "checkpoint.weights"),
        ({"vocab_size": 4}, "checkpoint.weights"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_a_configuration_that_cannot_be_used_is_refused(
    tagger: Checkpoint, said: dict[str, Any], code: str
) -> None:
    changed(tagger.path, said)
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(tagger)
    assert (caught.value.code, bool(caught.value.remedy)) == (code, True)


def test_code_in_the_folder_is_not_run_where_nothing_names_it(tagger: Checkpoint, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (tagger.path / "modeling_own.py").write_text(f"open({str(mark)!r}, 'w')")
    open_checkpoint(tagger)
    assert not mark.exists()


def test_what_says_that_there_is_nothing_of_it_is_harmless(tagger: Checkpoint) -> None:
    changed(tagger.path, {"quantization_config": None, "auto_map": {}, "total_flos": 10**30})
    open_checkpoint(tagger)


def test_a_head_that_was_never_trained_is_refused(classifier: Checkpoint) -> None:
    """transformers would go on with random numbers."""
    from safetensors.torch import load_file, save_file

    file = classifier.path / "model.safetensors"
    kept = {name: value for name, value in load_file(file).items() if not name.startswith("classifier")}
    save_file(kept, file)
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(classifier)
    assert caught.value.code == "checkpoint.weights"


def test_a_tokenizer_of_another_model_is_refused(tagger: Checkpoint) -> None:
    from tests.simulators.checkpoints import word_pieces

    more = word_pieces([f"word{number}" for number in range(100)])
    (tagger.path / "tokenizer.json").write_text(more.to_str())
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(tagger)
    assert caught.value.code == "checkpoint.tokenizer"


def test_where_there_is_no_gpu_none_is_used(tagger: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(replace(tagger, device="cuda"))
    assert caught.value.code == "checkpoint.no-device"
    assert open_checkpoint(replace(tagger, device="auto")).name == "names"


def test_without_the_extra_the_error_says_what_to_install(
    tagger: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime_guard.checkpoints import opening

    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(tagger)
    assert caught.value.code == "checkpoint.not-installed"
    assert "govkernel[models]" in (caught.value.remedy or "")
