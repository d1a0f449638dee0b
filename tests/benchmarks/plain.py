"""The peer of the encoder: the same model as transformers builds it."""

from __future__ import annotations

import torch
from transformers import BertConfig, BertModel


def plain_model() -> torch.nn.Module:
    """MiniLM as transformers builds it; random weights take the same time."""
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
        max_position_embeddings=512, attn_implementation="eager",
    )  # fmt: skip
    return BertModel(config).eval()
