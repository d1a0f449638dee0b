"""The encoder that ships with the guard: labels of texts, and the personal data in them that has no pattern."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from runtime_guard.choices import Rate
from runtime_guard.encoder.bert import Bert, checked, entrances
from runtime_guard.encoder.boundaries import Span, bounded
from runtime_guard.encoder.config import EncoderConfig
from runtime_guard.encoder.encoder import word_pieces
from runtime_guard.encoder.engine import CpuEngine, Engine, Windows
from runtime_guard.encoder.heads import ROLES, Heads, head_shapes
from runtime_guard.encoder.packed import unpack
from runtime_guard.encoder.pieces import Pieces, grouped, windows_of_each
from runtime_guard.encoder.plain import Plain
from runtime_guard.encoder.shapes import SHAPES, shapes
from runtime_guard.encoder.tags import decode
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.shipped import shipped

NAME: Final = "encoder"
WEIGHTS: Final = "encoder.safetensors"
CONFIG: Final = "encoder.json"
VOCABULARY: Final = "vocab.txt"
PLAIN: Final = "plain.json"
REACH: Final = ".reach"
"""Ends the names of the tensors of :attr:`runtime_guard.encoder.bert.Bert.reach`."""
_NOTHING: Final = 0.5
"""Chance that a piece is no personal data above which no word that it is part of can be."""


@dataclass(frozen=True)
class Encoded:
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
        engine: runs encoder and heads.
        tokenizer: cuts nothing off.
        slopes, offsets: calibration per safety label.
        mix: per safety label, what the gate's logit and this encoder's count, and an offset; (labels, 3).
        bounds: per safety label, the logit of both together from which on it is flagged.
        clear: per output of the gate, its logit below which a text is settled as without it.
        certain: per safety label, the gate's logit above which a text is settled as having it.
        plain: tells texts in which it would find no personal data.
    """

    engine: Engine
    tokenizer: Tokenizer
    slopes: NDArray[np.float32]
    offsets: NDArray[np.float32]
    mix: NDArray[np.float32]
    bounds: Mapping[str, float]
    clear: Mapping[str, float]
    certain: Mapping[str, float]
    plain: Plain

    @classmethod
    def load(cls, make: Callable[[Bert, Heads], Engine] = CpuEngine, rate: Rate = "1%") -> Self:
        """The encoder that ships with the guard.

        Args:
            make: the engine; see :func:`runtime_guard.encoder.devices.engine_maker`.
            rate: how often a label may be flagged by mistake.

        Raises:
            ConfigError: ``model.unverified``, ``model.missing`` or ``model.malformed``.
        """
        return cls.from_files(shipped(NAME), make, rate)

    @classmethod
    def from_files(
        cls,
        content: Mapping[str, bytes],
        make: Callable[[Bert, Heads], Engine] = CpuEngine,
        rate: Rate = "1%",
    ) -> Self:
        """An encoder from the bytes of its files, already verified.

        Args:
            content: the files by name.
            make: the engine.
            rate: how often a label may be flagged by mistake.

        Raises:
            ConfigError: ``model.malformed``.
        """
        try:
            config: dict[str, Any] = strict_json.loads(content[CONFIG])
            shape = EncoderConfig.model_validate(config["encoder"])
            weights = unpack(load(content[WEIGHTS]))
            bert = replace(
                checked(shape, weights), reach={name: weights[name + REACH] for name in entrances(shape)}
            )
            heads = Heads({name: weights[name] for name in head_shapes(shape.hidden_size)})
            tokenizer = word_pieces(content[VOCABULARY].decode("utf-8"), shape)
            slopes, offsets, mix = (
                np.array(config[name], np.float32) for name in ("slopes", "offsets", "mix")
            )
            if mix.shape != (len(SAFETY_LABELS), 3):
                raise ValueError("mix")
            bounds = {label: float(config["bounds"][rate][label]) for label in SAFETY_LABELS}
            certain = {label: float(config["certain"][label]) for label in SAFETY_LABELS}
            clear = {name: float(config["clear"][name]) for name in (*SAFETY_LABELS, "entities")}
            plain = Plain.from_bytes(content[PLAIN])
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
        return cls(make(bert, heads), tokenizer, slopes, offsets, mix, bounds, clear, certain, plain)

    def encode(self, texts: Sequence[str], roles: Sequence[str]) -> list[Encoded]:
        """What the encoder makes of texts, in their order.

        Args:
            texts: of any length.
            roles: as many, who wrote each.
        """
        cut = windows_of_each(texts, self.tokenizer)
        work = [(owner, window) for owner, windows in enumerate(cut) for window in windows]
        logits = np.full((len(texts), len(SAFETY_LABELS)), -np.inf, np.float32)
        chances: list[dict[int, NDArray[np.float32]]] = [{} for _ in texts]
        for group in grouped([len(window.ids) for _, window in work], self.engine.tokens):
            chosen = [work[index] for index in group]
            safety, tags = (part.numpy() for part in self.engine.run(_padded(chosen, texts, roles)))
            np.maximum.at(logits, [owner for owner, _ in chosen], safety)
            for row, (index, (owner, window)) in enumerate(zip(group, chosen, strict=True)):
                chances[owner][index] = tags[row, window.first : window.last]
        return [
            Encoded(
                logits[owner] * self.slopes + self.offsets, _spans(texts[owner], cut[owner], chances[owner])
            )
            for owner in range(len(texts))
        ]


def _padded(work: Sequence[tuple[int, Pieces]], texts: Sequence[str], roles: Sequence[str]) -> Windows:
    lengths = np.array([len(window.ids) for _, window in work])
    there = np.arange(lengths.max()) < lengths[:, None]
    ids = np.zeros(there.shape, np.int64)
    ids[there] = np.concatenate([window.ids for _, window in work])
    written = np.zeros((*there.shape, SHAPES), np.float32)
    written[there] = _written(work, texts)
    return Windows(
        torch.from_numpy(ids),
        torch.from_numpy(there.astype(np.int64)),
        torch.from_numpy(written),
        torch.tensor([ROLES[roles[owner]] for owner, _ in work]),
    )


def _written(work: Sequence[tuple[int, Pieces]], texts: Sequence[str]) -> NDArray[np.float32]:
    """How the pieces of all windows are written; line by line, one text after the other, each is what it is alone."""
    starts: dict[int, int] = {}
    length = 0
    for owner, _ in work:
        if owner not in starts:
            starts[owner] = length
            length += len(texts[owner]) + 1
    places = [np.array(window.offsets, np.int64) + starts[owner] for owner, window in work]
    return shapes("\n".join(texts[owner] for owner in starts), np.concatenate(places))


def _spans(text: str, windows: Sequence[Pieces], chances: Mapping[int, NDArray[np.float32]]) -> list[Span]:
    """Spans of a whole text from what its windows decide, with the bounds a reader would give them."""
    said = np.concatenate([chances[index] for index in sorted(chances)])
    if not len(said) or said[:, 0].min() > _NOTHING:
        return []
    offsets = [place for window in windows for place in window.offsets[window.first : window.last]]
    return bounded(text, decode(text, said, offsets))
