"""The shape of a BERT-shaped model directory, read from its configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from govkernel.domain import strict_json
from govkernel.errors import ConfigError, InputError

MAX_CONFIG: Final = 1024 * 1024
WEIGHTS: Final = "model.safetensors"

_Size = Annotated[int, Field(gt=0, le=65536)]
_Length = Annotated[int, Field(ge=8, le=65536)]


class EncoderConfig(BaseModel):
    """What must be known to run the model; names are those of ``config.json``.

    Attributes:
        hidden_size: width of an embedding.
        num_hidden_layers, num_attention_heads, intermediate_size, hidden_act: the transformer.
        max_position_embeddings: most word pieces in one text, special ones included.
        layer_norm_eps: added to variances.
        max_seq_length: where texts are cut, in word pieces; from ``sentence_bert_config.json``.
        pooling: ``mean`` over word pieces or the first (``cls``); from ``1_Pooling/config.json``.
        do_lower_case: used only where there is a ``vocab.txt`` and no ``tokenizer.json``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    model_type: Literal["bert"]
    hidden_size: _Size
    num_hidden_layers: Annotated[int, Field(gt=0, le=256)]
    num_attention_heads: Annotated[int, Field(gt=0, le=1024)]
    intermediate_size: _Size
    hidden_act: Literal["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"] = "gelu"
    max_position_embeddings: _Length
    position_embedding_type: Literal["absolute"] = "absolute"
    layer_norm_eps: Annotated[float, Field(gt=0, lt=1)] = 1e-12
    max_seq_length: _Length = 512
    pooling: Literal["mean", "cls"] = "mean"
    do_lower_case: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError("hidden_size is not a multiple of num_attention_heads")
        return self

    @property
    def max_tokens(self) -> int:
        """Where texts are cut, in word pieces."""
        return min(self.max_seq_length, self.max_position_embeddings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the configuration of a model directory.

        Raises:
            ConfigError: ``encoder.config``: a file is missing or malformed, or describes another architecture.
        """
        values = dict(_object(folder / "config.json"))
        values.update(_chosen(folder / "sentence_bert_config.json", "max_seq_length"))
        values.update(_chosen(folder / "tokenizer_config.json", "do_lower_case"))
        if _chosen(folder / "1_Pooling" / "config.json", "pooling_mode_cls_token") == {
            "pooling_mode_cls_token": True
        }:
            values["pooling"] = "cls"
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise _unusable(folder / "config.json", f"{place}: {first['msg']}".lstrip(": ")) from None


def is_bert(folder: Path) -> bool:
    """Whether a directory says it holds a BERT-shaped model with safetensors weights and a tokenizer."""
    if not (folder / WEIGHTS).is_file():
        return False
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        return False
    try:
        return _object(folder / "config.json").get("model_type") == "bert"
    except ConfigError:
        return False


def _chosen(path: Path, key: str) -> dict[str, Any]:
    """One key of an optional file, when it is there and not null."""
    if not path.is_file():
        return {}
    value = _object(path).get(key)
    return {} if value is None else {key: value}


def _object(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as stream:
            value = strict_json.loads(stream.read(MAX_CONFIG + 1), max_bytes=MAX_CONFIG)
    except OSError as error:
        raise _unusable(path, type(error).__name__) from None
    except InputError as error:
        raise _unusable(path, f"{error.what} {error.why}") from None
    if not isinstance(value, dict):
        raise _unusable(path, "It is not a JSON object.")
    return value


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "encoder.config",
        f"The model configuration {path.name!r} cannot be used.",
        why=why,
        remedy="Use a BERT-shaped sentence encoder (model_type bert, absolute positions).",
    )
