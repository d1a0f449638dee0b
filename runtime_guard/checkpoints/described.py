"""What a checkpoint's ``config.json`` says, checked before anything is built from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from runtime_guard.checkpoints.folder import CONFIG, Folder, malformed, unsafe

MAX_NUMBER: Final = 2**24
"""Largest whole number in a configuration: sizes, lengths and ids are smaller."""

MAX_LAYERS: Final = 1024
MAX_COUNT: Final = 65_536
"""Largest of other things that are counted: heads, experts, labels."""

_LAYERS: Final = re.compile(r"(?:.*_)?layers?|n_layers?|depths?")
_COUNTS: Final = re.compile(r"(?:num|n)_.*")
_FREE: Final = frozenset({"num_params", "num_parameters", "n_params", "total_flos"})
"""Numbers that describe and size nothing."""

_FOREIGN: Final = frozenset(
    {
        "auto_map",
        "custom_pipelines",
        "trust_remote_code",
        "quantization_config",
        "compression_config",
        "fusion_config",
        "transformers_weights",
        "base_model_name_or_path",
        "kernel_config",
    }
)
"""Keys that send a loader to code, kernels or files elsewhere."""

_ELSEWHERE: Final = "_implementation"
"""How keys end that can name a kernel to be fetched."""


@dataclass(frozen=True)
class Described:
    """A configuration that may be built from.

    Attributes:
        values: all of it.
        model_type: the architecture, as transformers calls it.
        tags: the model's own labels, by number; empty where it has none.
        problem_type: as transformers calls it; empty where it is not said.
    """

    values: Mapping[str, Any]
    model_type: str
    tags: tuple[str, ...]
    problem_type: str

    @classmethod
    def of(cls, folder: Folder) -> Self:
        """What a folder's configuration says.

        Raises:
            ConfigError: ``checkpoint.missing``, ``checkpoint.config``, or ``checkpoint.unsafe``: it asks for code,
                kernels or files from elsewhere.
        """
        if not folder.has(CONFIG):
            folder.read(CONFIG, 0)
        values = folder.document(CONFIG)
        for key, value in _entries(values):
            if (key in _FOREIGN or key.endswith(_ELSEWHERE)) and value:
                raise unsafe(folder.name, f"{CONFIG!r} has {key!r}.")
            if _too_much(key, value):
                raise malformed(folder.name, f"{key!r} is too large a number.")
        kind, problem = values.get("model_type"), values.get("problem_type") or ""
        if not isinstance(kind, str) or not isinstance(problem, str):
            raise malformed(folder.name, f"{CONFIG!r} does not say which architecture it is.")
        return cls(values, kind, _tags(values, folder.name), problem)


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth; members of a list stand under the key of the list."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        key, item = waiting.pop()
        yield key, item
        if isinstance(item, dict):
            waiting.extend(item.items())
        elif isinstance(item, list):
            waiting.extend((key, member) for member in item)


def _too_much(key: str, value: Any) -> bool:
    if not isinstance(value, int) or key in _FREE:
        return False
    bound = MAX_LAYERS if _LAYERS.fullmatch(key) else MAX_COUNT if _COUNTS.fullmatch(key) else MAX_NUMBER
    return abs(value) > bound


def _tags(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    named = values.get("id2label")
    if named is None:
        return ()
    if not isinstance(named, dict) or len(named) > MAX_COUNT:
        raise malformed(name, "'id2label' is not a list of labels.")
    found = [named.get(str(number)) for number in range(len(named))]
    tags = [tag for tag in found if isinstance(tag, str) and 0 < len(tag) <= 128]
    if len(tags) != len(named):
        raise malformed(name, "'id2label' does not number its labels from 0 on.")
    return tuple(tags)
