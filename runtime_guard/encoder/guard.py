"""The encoder that ships with the guard: labels of texts, and the personal data in them that has no pattern."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load
from tokenizers import Tokenizer

from govkernel.domain import strict_json
from govkernel.errors import ConfigError, InputError
from runtime_guard.encoder.bert import Bert, checked
from runtime_guard.encoder.boundaries import Span, bounded
from runtime_guard.encoder.config import EncoderConfig
from runtime_guard.encoder.encoder import word_pieces
from runtime_guard.encoder.heads import ROLES, Heads, head_shapes
from runtime_guard.encoder.packed import quantized_linears, unpack
from runtime_guard.encoder.pieces import Pieces, windows_of
from runtime_guard.encoder.tags import SHAPES, decode, shapes
from runtime_guard.judge import SAFETY_LABELS
from runtime_guard.shipped import shipped

NAME: Final = "encoder"
WEIGHTS: Final = "encoder.safetensors"
CONFIG: Final = "encoder.json"
VOCABULARY: Final = "vocab.txt"
TOKENS: Final = 4096
"""Word pieces that are run together, padding included."""


@dataclass(frozen=True)
class Reading:
    """What the encoder makes of a text.

    Attributes:
        logits: calibrated, per safety label, the highest of its windows.
        spans: start, end, entity and score.
    """

    logits: NDArray[np.float32]
    spans: Sequence[Span]


@dataclass(frozen=True)
class GuardEncoder:
    """Reads texts in batches of similar length.

    Attributes:
        bert: the encoder.
        heads: its heads.
        tokenizer: cuts nothing off.
        slopes, offsets: calibration per safety label.
        thresholds: calibrated score from which on a label is flagged.
    """

    bert: Bert
    heads: Heads
    tokenizer: Tokenizer
    slopes: NDArray[np.float32]
    offsets: NDArray[np.float32]
    thresholds: Mapping[str, float]

    @classmethod
    def load(cls, *, quantized: bool = True) -> Self:
        """The encoder that ships with the guard.

        Raises:
            ConfigError: ``model.unverified``, ``model.missing`` or ``model.malformed``.
        """
        return cls.read(shipped(NAME), quantized=quantized)

    @classmethod
    def read(cls, content: Mapping[str, bytes], *, quantized: bool = True) -> Self:
        """An encoder from the bytes of its files, already verified.

        Args:
            content: the files by name.
            quantized: compute in int8 where the CPU can.

        Raises:
            ConfigError: ``model.malformed``.
        """
        try:
            config: dict[str, Any] = strict_json.loads(content[CONFIG])
            packed = load(content[WEIGHTS])
            shape = EncoderConfig.model_validate(config["encoder"])
            weights = unpack(packed)
            bert = checked(shape, weights)
            heads = Heads({name: weights[name] for name in head_shapes(shape.hidden_size)})
            tokenizer = word_pieces(content[VOCABULARY].decode("utf-8"), shape)
            slopes, offsets = (np.array(config[name], np.float32) for name in ("slopes", "offsets"))
            thresholds = {label: float(config["thresholds"][label]) for label in SAFETY_LABELS}
        except (
            KeyError,
            TypeError,
            ValueError,
            ValidationError,
            SafetensorError,
            InputError,
            ConfigError,
        ) as error:
            raise ConfigError(
                "model.malformed",
                "The encoder's files do not make an encoder.",
                why=type(error).__name__,
                remedy="Install govkernel anew.",
            ) from None
        if quantized:
            bert = Bert(bert.config, bert.weights, quantized_linears(packed))
        return cls(bert, heads, tokenizer, slopes, offsets, thresholds)

    def read_texts(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        """What the encoder makes of texts, in their order.

        Args:
            texts: of any length.
            roles: as many, who wrote each.
        """
        cut = [list(windows_of(text, self.tokenizer)) for text in texts]
        work = [(owner, window) for owner, windows in enumerate(cut) for window in windows]
        logits = np.full((len(texts), len(SAFETY_LABELS)), -np.inf, np.float32)
        chances: list[dict[int, NDArray[np.float32]]] = [{} for _ in texts]
        with torch.inference_mode():
            for group in _grouped([len(window.ids) for _, window in work]):
                chosen = [work[index] for index in group]
                safety, tags = self._run(chosen, texts, roles)
                np.maximum.at(logits, [owner for owner, _ in chosen], safety)
                for row, (index, (owner, window)) in enumerate(zip(group, chosen, strict=True)):
                    chances[owner][index] = tags[row, window.first : window.last]
        return [
            Reading(
                logits[owner] * self.slopes + self.offsets, _spans(texts[owner], cut[owner], chances[owner])
            )
            for owner in range(len(texts))
        ]

    def _run(
        self, work: Sequence[tuple[int, Pieces]], texts: Sequence[str], roles: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        length = max(len(window.ids) for _, window in work)
        ids = torch.zeros(len(work), length, dtype=torch.int64)
        mask = torch.zeros(len(work), length, dtype=torch.int64)
        written = torch.zeros(len(work), length, SHAPES)
        for row, (owner, window) in enumerate(work):
            size = len(window.ids)
            ids[row, :size] = torch.tensor(window.ids)
            mask[row, :size] = 1
            written[row, :size] = torch.from_numpy(shapes(texts[owner], window.offsets))
        hidden = self.bert.layers(self.bert.begin(ids), mask, 0, self.bert.config.num_hidden_layers)
        by = torch.tensor([ROLES[roles[owner]] for owner, _ in work])
        tags = self.heads.tags(hidden, written).softmax(-1)
        return self.heads.safety(hidden, mask, by).numpy(), tags.numpy()


def _grouped(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices in batches of similar length."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and lengths[index] * (len(group) + 1) > TOKENS:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _spans(text: str, windows: Sequence[Pieces], chances: Mapping[int, NDArray[np.float32]]) -> list[Span]:
    """Spans of a whole text from what its windows decide, with the bounds a reader would give them."""
    offsets = [place for window in windows for place in window.offsets[window.first : window.last]]
    if not offsets:
        return []
    found = decode(text, np.concatenate([chances[index] for index in sorted(chances)]), offsets)
    return bounded(text, found)
