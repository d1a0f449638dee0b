"""Choose where the encoder runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from govkernel.errors import ConfigError
from runtime_guard.choices import Device, OnFault
from runtime_guard.encoder.bert import Bert
from runtime_guard.encoder.engine import CpuEngine, Degrading, Engine
from runtime_guard.encoder.heads import Heads

_log = logging.getLogger(__name__)


def engine_maker(device: Device = "auto", on_fault: OnFault = "cpu") -> Callable[[Bert, Heads], Engine]:
    """Makes the engine for a device.

    Args:
        device: ``auto`` takes a GPU where there is one.
        on_fault: what happens when a GPU fails: ``cpu`` goes on there, ``refuse`` fails what is asked.

    Raises:
        ConfigError: ``encoder.no-device``: ``cuda`` was asked for, and there is none.
    """
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ConfigError(
            "encoder.no-device",
            "There is no CUDA device for the encoder.",
            remedy="Check the driver and that torch was built for CUDA, or set [guard] device to cpu.",
        )
    if device == "cpu" or not there:
        return CpuEngine
    from runtime_guard.encoder.cuda import CudaEngine  # noqa: PLC0415 - only where there is one

    if on_fault == "refuse":
        return CudaEngine
    return lambda bert, heads: Degrading(CudaEngine(bert, heads), lambda: CpuEngine(bert, heads), _told)


def _told(error: str) -> None:
    _log.error("The encoder's GPU failed (%s); it runs on the CPU from now on.", error)
