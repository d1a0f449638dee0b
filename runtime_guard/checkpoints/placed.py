"""A model where it runs: on a GPU until that fails, then on the CPU, if it may."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from transformers import PreTrainedModel

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Placed:
    """Runs a model, and its spare once its GPU has failed.

    Args:
        model: on its device.
        device: ``cpu`` or ``cuda``.
        spare: makes the same model on the CPU, from its files, since what a dead GPU holds is lost; None to fail
            what is asked.
        name: of the detector, for the log.
    """

    def __init__(
        self, model: PreTrainedModel, device: str, spare: Callable[[], PreTrainedModel] | None, name: str
    ) -> None:
        self._model = model
        self._spare = spare
        self._name = name
        self.device = device
        self.degraded = False
        """Whether it has left its GPU."""

    @property
    def model(self) -> PreTrainedModel:
        """What runs now."""
        return self._model

    def run(self, step: Callable[[PreTrainedModel, str], T]) -> T:
        """What a step gives, with the model and the device that it is on; it is begun again when the GPU fails in it.

        Raises:
            RuntimeError: the device failed, and there is no other.
            ConfigError: the files of the spare are not what they were.
        """
        try:
            return step(self._model, self.device)
        except RuntimeError as error:
            if self.device == "cpu" or self._spare is None:
                raise
            _log.error(
                "The GPU of the model %r failed (%s); it runs on the CPU from now on.",
                self._name,
                type(error).__name__,
            )
            self._model, self.device, self.degraded = self._spare(), "cpu", True
            return step(self._model, self.device)
