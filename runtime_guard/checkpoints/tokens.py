"""Token classifiers: spans of a text by the tags of its word pieces."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from govkernel.domain import Finding
from runtime_guard.checkpoints.folder import Folder, malformed
from runtime_guard.checkpoints.loading import Loaded
from runtime_guard.checkpoints.reader import CloseReader
from runtime_guard.checkpoints.schemes import Scheme
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.checkpoints.windows import frame_of, outputs_of, read_windows
from runtime_guard.encoder.pieces import Pieces
from runtime_guard.readers.interface import Reading


class TokenClassifier(CloseReader):
    """Tags every word piece in one window, with context on both sides, and reports spans by exact characters.

    Args:
        checkpoint: what was said about it.
        loaded: the model.
        folder: its files.
        tags: the model's own, by number.

    Raises:
        ConfigError: ``checkpoint.config``.
    """

    def __init__(self, checkpoint: Checkpoint, loaded: Loaded, folder: Folder, tags: Sequence[str]) -> None:
        super().__init__(checkpoint, loaded)
        self._frame = frame_of(loaded, folder, checkpoint)
        self._scheme = Scheme.of(tags, checkpoint.labels)
        self._bounds = {label: checkpoint.bound(label) for label in checkpoint.ours}
        if (outputs := outputs_of(loaded)) != len(tags):
            raise malformed(loaded.name, f"It has {outputs} outputs and {len(tags)} labels.")

    def _judge(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        read = read_windows(self._loaded, self._frame, texts)
        return [self._reading(text, windows) for text, windows in zip(texts, read, strict=True)]

    def _reading(self, text: str, windows: Sequence[tuple[Pieces, Tensor]]) -> Reading:
        if not windows:
            return Reading(by=self.name)
        offsets = [place for window, _ in windows for place in window.offsets[window.first : window.last]]
        logits = torch.cat([said[window.first : window.last] for window, said in windows])
        found = self._scheme.spans(text, logits.softmax(-1).numpy(), offsets, self._bounds)
        spans = [
            Finding(label=label, start=start, end=end, score=score, detector=self.name)
            for start, end, label, score in found
        ]
        return Reading(findings=spans, by=self.name)
