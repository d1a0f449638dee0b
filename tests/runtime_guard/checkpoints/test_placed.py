"""A GPU that dies in the middle of a request: the CPU goes on from files that are verified again, or it is an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from govkernel.domain import ArtifactKind
from govkernel.errors import ConfigError
from govkernel.provenance.digest import describe
from runtime_guard.checkpoints.opening import open_checkpoint
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.choices import OnFault


class DeadGpu:
    """A model on a GPU that fails from some call on; counts its calls."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.calls = 0

    def __call__(self, **given: Any) -> Any:
        self.calls += 1
        raise RuntimeError("CUDA error: unspecified launch failure")


def on_gpu(checkpoint: Checkpoint, on_fault: OnFault = "cpu") -> tuple[Any, DeadGpu]:
    """A reader whose model says that it is on a GPU, which is dead."""
    reader: Any = open_checkpoint(checkpoint, on_fault)
    placed = reader._loaded.placed
    dead = DeadGpu(placed.model)
    placed._model, placed.device = dead, "cuda"
    _stay(placed)
    return reader, dead


def _stay(placed: Any) -> None:
    """Tensors stay where they are: there is no GPU here."""
    run: Callable[..., Any] = placed.run
    placed.run = lambda step: run(lambda model, device: step(model, "cpu"))


def test_it_goes_on_on_the_cpu_and_stays_there(tagger: Checkpoint) -> None:
    reader, dead = on_gpu(tagger)
    for _ in range(2):
        assert [found.label for found in reader.detect("anna", "user")] == ["PERSON"]
    assert (reader.degraded, reader._loaded.placed.device, dead.calls) == (True, "cpu", 1)


def test_where_it_shall_not_it_is_an_error(tagger: Checkpoint) -> None:
    reader, dead = on_gpu(tagger, "refuse")
    for _ in range(2):
        with pytest.raises(RuntimeError):
            reader.detect("anna", "user")
    assert (reader.degraded, dead.calls) == (False, 2)


def test_files_that_changed_meanwhile_are_not_loaded(tagger: Checkpoint) -> None:
    pin = str(describe(tagger.path, ArtifactKind.MODEL).digest)
    reader, _ = on_gpu(replace(tagger, digest=pin))
    weights = tagger.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ConfigError) as caught:
        reader.detect("anna", "user")
    assert caught.value.code == "checkpoint.unverified"


def test_an_error_on_the_cpu_is_an_error(tagger: Checkpoint) -> None:
    reader, dead = on_gpu(tagger)
    reader._loaded.placed.device = "cpu"
    with pytest.raises(RuntimeError):
        reader.detect("anna", "user")
    assert (reader.degraded, dead.calls) == (False, 1)
