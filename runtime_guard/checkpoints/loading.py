"""Build a model from the bytes of its files: transformers gets a configuration and tensors, never a folder or a name.

So nothing is looked up, fetched, unpickled or run, whatever the files say. Needs the extra ``models``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from tokenizers import Tokenizer
from torch import Tensor
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto
from transformers.utils import logging as their_logging

from govkernel.errors import ConfigError
from runtime_guard.checkpoints.described import Described
from runtime_guard.checkpoints.folder import MAX_TOKENIZER, MAX_WEIGHTS, TOKENIZER, Folder, malformed
from runtime_guard.checkpoints.placed import Placed
from runtime_guard.choices import Device, OnFault

Head = Literal["tokens", "labels", "judge"]

_CLASSES: Final[Mapping[Head, Mapping[Any, Any]]] = {
    "tokens": modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    "labels": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    "judge": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING,
}
_SLACK: Final = 2**20
"""Parameters that a model may have beyond twice those that are stored, e.g. because two of them are one."""


@dataclass(frozen=True)
class Loaded:
    """A model that can be run.

    Attributes:
        placed: the model, in evaluation mode, on its device.
        tokenizer: neither pads nor cuts.
        config: as transformers understood it.
        rows: pieces it has embeddings for.
        name: of the detector, for messages.
    """

    placed: Placed
    tokenizer: Tokenizer
    config: PreTrainedConfig
    rows: int
    name: str


def load(
    folder: Folder, described: Described, head: Head, device: Device = "auto", on_fault: OnFault = "cpu"
) -> Loaded:
    """Read, check and build a model.

    Args:
        folder: its files.
        described: its configuration.
        head: what it is to do.
        device: where it is to run.
        on_fault: when a GPU fails, go on on the CPU, or fail what is asked.

    Raises:
        ConfigError: ``checkpoint.config``, ``checkpoint.weights``, ``checkpoint.tokenizer``, ``checkpoint.no-device``,
            or as :meth:`Folder.read`.
    """
    where = _device(device, folder.name)
    config, kind = _class_of(described, head, folder.name)
    tokenizer = _tokenizer(folder)
    model = _model(folder, kind, config, where)
    rows: int = model.get_input_embeddings().weight.shape[0]
    if max(tokenizer.get_vocab().values(), default=rows) >= rows:
        raise _bad_tokenizer(folder.name, f"It has ids beyond the {rows} embeddings there are.")
    spare = partial(_model, folder, kind, config, "cpu") if on_fault == "cpu" else None
    return Loaded(Placed(model, where, spare, folder.name), tokenizer, config, rows, folder.name)


def _model(
    folder: Folder, kind: type[PreTrainedModel], config: PreTrainedConfig, device: str
) -> PreTrainedModel:
    """The model, its weights read and checked."""
    with _quiet():
        state = _state(folder)
        _check_size(kind, config, state, folder.name)
        return _built(kind, config, state, device, folder.name)


def _device(device: Device, name: str) -> str:
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ConfigError(
            "checkpoint.no-device",
            f"There is no CUDA device for the model {name!r}.",
            remedy="Check the driver and that torch was built for CUDA, or set its device to cpu.",
        )
    return "cuda" if there and device != "cpu" else "cpu"


def _class_of(described: Described, head: Head, name: str) -> tuple[PreTrainedConfig, type[PreTrainedModel]]:
    try:
        config = CONFIG_MAPPING[described.model_type].from_dict(dict(described.values))
        kind: type[PreTrainedModel] = _CLASSES[head][type(config)]
    except KeyError:
        raise malformed(name, f"transformers knows no {described.model_type[:64]!r} for {head!r}.") from None
    except Exception as error:
        raise malformed(name, f"{type(error).__name__} at building it.") from None
    return config, kind


def _tokenizer(folder: Folder) -> Tokenizer:
    if not folder.has(TOKENIZER):
        raise _bad_tokenizer(folder.name, f"There is no {TOKENIZER!r}.")
    content = folder.read(TOKENIZER, MAX_TOKENIZER)
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except Exception as error:  # the tokenizers library raises bare Exception
        raise _bad_tokenizer(folder.name, type(error).__name__) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _state(folder: Folder) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for file in folder.weights():
        try:
            state |= tensors_of(folder.read(file, MAX_WEIGHTS))
        except (SafetensorError, ValueError, KeyError) as error:
            raise _bad_weights(folder.name, f"{file!r}: {type(error).__name__}") from None
    return state


def _check_size(
    kind: type[PreTrainedModel], config: PreTrainedConfig, state: Mapping[str, Tensor], name: str
) -> None:
    """Refuse a configuration that asks for much more memory than its weights fill, before any is taken."""
    try:
        with torch.device("meta"):
            outline = kind(config)
    except Exception as error:
        raise malformed(name, f"{type(error).__name__} at building it.") from None
    wanted = sum(value.numel() for value in outline.parameters())
    stored = sum(value.numel() for value in state.values())
    if wanted > 2 * stored + _SLACK:
        raise _bad_weights(name, f"It is described with {wanted} parameters and comes with {stored}.")


def _built(
    kind: type[PreTrainedModel], config: PreTrainedConfig, state: dict[str, Tensor], device: str, name: str
) -> PreTrainedModel:
    try:
        model, said = kind.from_pretrained(
            None,
            config=config,
            state_dict=state,
            dtype=torch.bfloat16 if device == "cuda" else torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        raise _bad_weights(name, f"{type(error).__name__} at loading them.") from None
    absent = sorted(said["missing_keys"])
    if absent:  # transformers would go on with random numbers
        raise _bad_weights(name, f"{len(absent)} are missing, {absent[0][:100]!r} among them.")
    return model.to(device).eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' reports and progress bars; what it was set to is restored."""
    level, bars = their_logging.get_verbosity(), their_logging.is_progress_bar_enabled()
    their_logging.set_verbosity(their_logging.CRITICAL)
    their_logging.disable_progress_bar()
    try:
        yield
    finally:
        their_logging.set_verbosity(level)
        if bars:
            their_logging.enable_progress_bar()


def _bad_tokenizer(name: str, why: str) -> ConfigError:
    return ConfigError(
        "checkpoint.tokenizer",
        f"The tokenizer of the model {name!r} cannot be used.",
        why=why,
        remedy="It needs a tokenizer.json that fits the weights; transformers writes one: "
        "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER).",
    )


def _bad_weights(name: str, why: str) -> ConfigError:
    return ConfigError(
        "checkpoint.weights",
        f"The weights of the model {name!r} do not fit what it is to do.",
        why=why,
        remedy="Restore them from one release, with the head for this kind of model.",
    )
