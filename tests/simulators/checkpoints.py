"""Tiny Hugging Face checkpoints whose weights are written by hand, so that what they say follows from the words.

Every word of the vocabulary has a number of its own among the hidden ones. Layers pass it on (attention adds the mean
of all words where ``mixing`` is set), and the head reads it: a word leads to the outputs it is scripted for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
)

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WIDTH = 32
STRENGTH = 12.0

_PASSED_ON = r"pooler\.dense|pre_classifier|classifier\.dense"
_MIXED = r"value|v_lin|attention\.output\.dense|out_lin|attention.*out_proj"


def word_pieces(words: Sequence[str]) -> Tokenizer:
    """BERT's kind of tokenizer, lower-casing, for these words and pieces (``##x``)."""
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *words))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def byte_level(texts: Sequence[str]) -> Tokenizer:
    """RoBERTa's kind: bytes, no merges that are not in ``texts``, ids of specials as in :data:`SPECIAL`."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=[*SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2), trim_offsets=True)
    return tokenizer


def shape(kind: str, vocabulary: int, **more: Any) -> dict[str, Any]:
    """A small configuration for any architecture; each takes the names it knows."""
    return {
        "model_type": kind,
        "vocab_size": vocabulary,
        "pad_token_id": 0,
        "max_position_embeddings": 64,
        **{"hidden_size": WIDTH, "dim": WIDTH, "embedding_size": WIDTH},
        **{"num_hidden_layers": 1, "n_layers": 1, "num_attention_heads": 2, "n_heads": 2},
        **{"intermediate_size": 8, "hidden_dim": 8},
        **more,
    }


def write_classifier(
    folder: Path,
    tokenizer: Tokenizer,
    tags: Sequence[str],
    script: Mapping[str, str],
    *,
    kind: str = "bert",
    whole: bool = False,
    **more: Any,
) -> Path:
    """A classifier whose words lead to tags.

    Args:
        folder: is made.
        tokenizer: goes with it.
        tags: its labels, by number; the first is what words mean that are not scripted, or a message without such.
        script: word or piece to tag.
        kind: architecture.
        whole: of whole messages rather than word pieces.
        more: goes into its configuration.
    """
    named = {str(number): tag for number, tag in enumerate(tags)}
    said = shape(kind, tokenizer.get_vocab_size(), id2label=named, **more)
    config = CONFIG_MAPPING[kind].from_dict(json.loads(json.dumps(said)))
    which = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING if whole else MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING
    model = which[type(config)](config)
    classes = {
        number: tags.index(tag) for word, tag in script.items() if (number := tokenizer.token_to_id(word))
    }
    with torch.no_grad():
        for name, value in model.named_parameters():
            _script(name, value, classes, tags, mixing=whole)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**said, "architectures": [type(model).__name__]}))
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors"
    )
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 10**30}))
    return folder


def _script(
    name: str, value: torch.Tensor, classes: Mapping[int, int], tags: Sequence[str], *, mixing: bool
) -> None:
    """Write one parameter by what its name says it does."""
    value.zero_()
    if "word_embeddings.weight" in name:
        for row in classes if mixing else range(4, value.shape[0]):
            value[row, 2 * classes.get(row, 0)] = 1.0
            value[row, 2 * classes.get(row, 0) + 1] = -1.0
    elif re.search(r"(LayerNorm|layer_norm|norm)\.weight", name, re.IGNORECASE):
        value.fill_(1.0)
    elif re.search(_PASSED_ON, name) or (mixing and re.search(_MIXED, name)):
        _identity(value)
    elif mixing and re.search(r"classifier\.(out_proj\.)?bias", name):
        value[0] = 1.0
    elif re.search(r"classifier\.(out_proj\.)?weight", name):
        for row in range(len(tags)):
            value[row, 2 * row], value[row, 2 * row + 1] = STRENGTH, -STRENGTH


def _identity(value: torch.Tensor) -> None:
    if value.dim() == 2 and value.shape[0] == value.shape[1]:
        value.copy_(torch.eye(value.shape[0]))
