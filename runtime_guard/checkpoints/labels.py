"""Sequence classifiers: how likely labels are of a message as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from runtime_guard.checkpoints.folder import Folder, malformed
from runtime_guard.checkpoints.loading import Loaded
from runtime_guard.checkpoints.reader import CloseReader
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.checkpoints.windows import frame_of, outputs_of, read_windows
from runtime_guard.readers.interface import Reading

_MANY = "multi_label_classification"
_ONE = "single_label_classification"


class SequenceClassifier(CloseReader):
    """Scores a message by its windows; the highest counts.

    Labels that exclude each other share out one (softmax), and what is called the same here is added up. Labels that
    do not each have a chance of their own (sigmoid), and of those called the same the likeliest counts. Which of them
    it is says ``problem_type``; without it, a single output has a chance of its own, and several exclude each other.

    Args:
        checkpoint: what was said about it.
        loaded: the model.
        folder: its files.
        tags: the model's own labels, by number.
        problem_type: as transformers calls it; empty where it is not said.

    Raises:
        ConfigError: ``checkpoint.config``: among others, a model that gives numbers and no classes.
    """

    def __init__(
        self, checkpoint: Checkpoint, loaded: Loaded, folder: Folder, tags: Sequence[str], problem_type: str
    ) -> None:
        super().__init__(checkpoint, loaded)
        if problem_type not in ("", _MANY, _ONE):
            raise malformed(loaded.name, f"It is no classifier: its problem_type is {problem_type[:64]!r}.")
        self._many = problem_type == _MANY or len(tags) == 1
        self._frame = frame_of(loaded, folder, checkpoint)
        meant = [checkpoint.labels.get(tag) for tag in tags]
        self._columns = {
            label: [number for number, mean in enumerate(meant) if mean == label] for label in checkpoint.ours
        }
        if (outputs := outputs_of(loaded)) != len(tags):
            raise malformed(loaded.name, f"It has {outputs} outputs and {len(tags)} labels.")

    def _judge(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        read = read_windows(self._loaded, self._frame, texts)
        return [
            self._whole(self._scores([said for _, said in windows]), role)
            for windows, role in zip(read, roles, strict=True)
        ]

    def _scores(self, logits: Sequence[Tensor]) -> dict[str, float]:
        if not logits:
            return dict.fromkeys(self._columns, 0.0)
        stacked = torch.stack(list(logits))
        chances = stacked.sigmoid() if self._many else stacked.softmax(-1)
        return {label: self._chance(chances[:, columns]) for label, columns in self._columns.items()}

    def _chance(self, chances: Tensor) -> float:
        """The highest of the windows, (windows, columns of one label)."""
        together = chances.amax(1) if self._many else chances.sum(1)
        return min(1.0, float(together.max()))
