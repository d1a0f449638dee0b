"""The two heads on the encoder: tags per word piece, safety labels per text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from runtime_guard.encoder.shapes import SHAPES
from runtime_guard.encoder.tags import TAGS
from runtime_guard.readers.interface import SAFETY_LABELS

ROLES: Final[Mapping[str, int]] = {"user": 0, "system": 0, "tool": 1, "assistant": 2}
WIDTH: Final = 128
"""Of the token head's hidden layer."""


def head_shapes(hidden: int) -> dict[str, tuple[int, ...]]:
    """Name to shape of the heads' tensors, for an encoder of this width."""
    return {
        "tags.hidden.weight": (WIDTH, hidden + 3 * SHAPES),
        "tags.hidden.bias": (WIDTH,),
        "tags.output.weight": (len(TAGS), WIDTH),
        "tags.output.bias": (len(TAGS),),
        "safety.weight": (len(SAFETY_LABELS), 2 * hidden + 3),
        "safety.bias": (len(SAFETY_LABELS),),
    }


@dataclass(frozen=True)
class Heads:
    """Both heads.

    Attributes:
        weights: tensors named and shaped as :func:`head_shapes` says.
    """

    weights: Mapping[str, Tensor]

    def tags(self, hidden: Tensor, shapes: Tensor) -> Tensor:
        """Logits of tags, (texts, length, tags).

        Args:
            hidden: last states, (texts, length, hidden).
            shapes: how pieces are written, (texts, length, :data:`SHAPES`).
        """
        before = F.pad(shapes, (0, 0, 1, 0))[:, :-1]
        after = F.pad(shapes, (0, 0, 0, 1))[:, 1:]
        joined = torch.cat([hidden, before, shapes, after], dim=-1)
        return self._linear("tags.output", F.gelu(self._linear("tags.hidden", joined)))

    def safety(self, hidden: Tensor, mask: Tensor, roles: Tensor) -> Tensor:
        """Logits of safety labels, (texts, labels).

        Args:
            hidden: last states, (texts, length, hidden).
            mask: 1 for word pieces, 0 for padding, (texts, length).
            roles: index in :data:`ROLES` per text.
        """
        kept = mask[:, :, None].to(hidden.dtype)
        mean = (hidden * kept).sum(1) / kept.sum(1)
        highest = hidden.masked_fill(mask[:, :, None] == 0, -1e4).amax(1)
        written_by = F.one_hot(roles, 3).to(hidden.dtype)
        return self._linear("safety", torch.cat([mean, highest, written_by], dim=-1))

    def _linear(self, name: str, values: Tensor) -> Tensor:
        return F.linear(values, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])
