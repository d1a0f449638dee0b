"""From what was said about a model of one's own to the reader that screens with it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from govkernel.errors import ConfigError
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.choices import OnFault
from runtime_guard.readers.interface import Reader

_NEEDED = ("torch", "transformers", "tokenizers", "safetensors")


def open_checkpoint(checkpoint: Checkpoint, on_fault: OnFault = "cpu") -> Reader:
    """The reader of a checkpoint, verified, checked and loaded.

    Args:
        checkpoint: what was said about it.
        on_fault: when its GPU fails, go on on the CPU, or fail what is asked.

    Raises:
        ConfigError: ``checkpoint.not-installed``, ``checkpoint.labels``, or any other ``checkpoint.*``.
    """
    if not all(find_spec(name) for name in _NEEDED):
        raise ConfigError(
            "checkpoint.not-installed",
            "Models of your own need packages that are not installed.",
            remedy='Run `pip install "govkernel[models]"`, or leave [[guard.models]] out.',
        )
    from runtime_guard.checkpoints.described import Described  # noqa: PLC0415 - only where there is a model
    from runtime_guard.checkpoints.folder import Folder  # noqa: PLC0415
    from runtime_guard.checkpoints.judge import GenerativeJudge  # noqa: PLC0415 - transformers takes seconds
    from runtime_guard.checkpoints.labels import SequenceClassifier  # noqa: PLC0415
    from runtime_guard.checkpoints.loading import load  # noqa: PLC0415
    from runtime_guard.checkpoints.schemes import parts_of  # noqa: PLC0415
    from runtime_guard.checkpoints.tokens import TokenClassifier  # noqa: PLC0415

    folder = Folder.of(checkpoint)
    described = Described.of(folder)
    if checkpoint.kind == "judge":
        judge = load(folder, described, "judge", checkpoint.device, on_fault)
        return GenerativeJudge(checkpoint, judge, folder)
    tags = described.tags
    named = tags if checkpoint.kind == "labels" else [name for _, name in parts_of(tags)]
    _check_labels(checkpoint, named)
    loaded = load(folder, described, checkpoint.kind, checkpoint.device, on_fault)
    if checkpoint.kind == "tokens":
        return TokenClassifier(checkpoint, loaded, folder, tags)
    return SequenceClassifier(checkpoint, loaded, folder, tags, described.problem_type)


def _check_labels(checkpoint: Checkpoint, named: Iterable[str]) -> None:
    known = sorted(set(named) - {""})
    unknown = sorted(set(checkpoint.labels) - set(known))
    if unknown:
        raise ConfigError(
            "checkpoint.labels",
            f"The model {checkpoint.name!r} has no label {ascii(unknown[0])[:100]}.",
            why=f"It has {', '.join(ascii(name)[1:-1][:40] for name in known[:20])}."
            if known
            else "It names none.",
            remedy="Correct `labels` in its [[guard.models]] table.",
        )
