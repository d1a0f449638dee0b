"""Texts to embeddings: load a model directory, tokenize, run in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from govkernel.errors import ConfigError
from runtime_guard.encoder.bert import Bert, checked
from runtime_guard.encoder.config import WEIGHTS, EncoderConfig

BATCH: Final = 32
MAX_TOKENIZER: Final = 64 * 1024 * 1024
_PAD: Final = "[PAD]"
_UNKNOWN: Final = "[UNK]"


class SentenceEncoder:
    """Embeds texts; not to be shared between threads while in use.

    Args:
        bert: the model.
        tokenizer: cuts at the model's length, does not pad.
    """

    def __init__(self, bert: Bert, tokenizer: Tokenizer) -> None:
        self.bert = bert
        """The model."""
        self.tokenizer = tokenizer
        """Cuts at the model's length, does not pad."""
        self._pad = tokenizer.token_to_id(_PAD) or 0

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a BERT-shaped directory: ``config.json``, ``model.safetensors``, ``tokenizer.json`` or ``vocab.txt``.

        Raises:
            ConfigError: ``encoder.config``, ``encoder.weights`` or ``encoder.tokenizer``.
        """
        config = EncoderConfig.load(folder)
        try:
            tensors = load_file(folder / WEIGHTS)
        except (OSError, SafetensorError, ValueError) as error:
            raise ConfigError(
                "encoder.weights",
                f"The weights {WEIGHTS!r} cannot be read.",
                why=type(error).__name__,
                remedy="Restore the file from its release.",
            ) from None
        bert = checked(config, tensors)
        rows = bert.weights["embeddings.word_embeddings.weight"].shape[0]
        return cls(bert, _tokenizer(folder, config, rows))

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self.bert.config.hidden_size

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit-length embeddings, float32, (texts, dimension), in the order of ``texts``.

        Texts longer than the model's limit are cut there.
        """
        encodings = self.tokenizer.encode_batch(list(texts))
        result = torch.empty((len(encodings), self.dimension))
        order = sorted(range(len(encodings)), key=lambda index: len(encodings[index].ids))
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                ids, mask = self._padded([encodings[index].ids for index in chosen])
                result[chosen] = self.bert.embed(ids, mask)
        return result

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        length = max(len(row) for row in rows)
        ids = torch.full((len(rows), length), self._pad, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
            mask[index, : len(row)] = 1
        return ids, mask


def _tokenizer(folder: Path, config: EncoderConfig, rows: int) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.is_file():
        path = folder / "vocab.txt"
    try:
        if path.stat().st_size > MAX_TOKENIZER:
            raise ValueError(f"larger than {MAX_TOKENIZER} bytes")
        text = path.read_text(encoding="utf-8")
        tokenizer = Tokenizer.from_str(text) if path.suffix == ".json" else word_pieces(text, config)
        if max(tokenizer.get_vocab().values(), default=rows) >= rows:
            raise ValueError(f"ids beyond the {rows} embeddings there are")
    except Exception as error:  # the tokenizers library raises bare Exception
        raise ConfigError(
            "encoder.tokenizer",
            f"The tokenizer {path.name!r} cannot be used.",
            why=type(error).__name__,
            remedy="Restore the file from the model's release.",
        ) from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_tokens)
    return tokenizer


def word_pieces(text: str, config: EncoderConfig) -> Tokenizer:
    """BERT's tokenizer from its vocabulary, one piece per line; it neither pads nor cuts."""
    pieces = text.removesuffix("\n").split("\n")  # a piece may be a character that splitlines() splits at
    vocabulary = {piece.removesuffix("\r"): number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=_UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=config.do_lower_case)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(piece, vocabulary[piece]) for piece in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer
