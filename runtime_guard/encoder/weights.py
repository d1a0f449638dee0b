"""Are the weights sane? Every safetensors file parses and every tensor is finite. Nothing is executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open

from govkernel.errors import InputError

MAX_FILES: Final = 10_000
_CHUNK: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Sanity:
    """What was found.

    Attributes:
        files: safetensors files.
        tensors: tensors in the files that parse.
        broken: files that do not parse, by relative path.
        not_finite: tensors that hold an infinity or a NaN.
    """

    files: int
    tensors: int
    broken: tuple[str, ...]
    not_finite: int

    @property
    def score(self) -> float:
        """Share of what is sane: 1 minus broken files and non-finite tensors over all of them."""
        total = self.tensors + len(self.broken)
        return (self.tensors - self.not_finite) / total if total else 0.0


def inspect_weights(path: Path) -> Sanity:
    """Read every safetensors file at ``path``, a file or a directory, completely.

    Raises:
        InputError: ``evaluation.no-weights``: there is none, or more than 10,000.
    """
    found = (
        [path] if path.is_file() and path.suffix == ".safetensors" else sorted(path.rglob("*.safetensors"))
    )
    if not 0 < len(found) <= MAX_FILES:
        raise InputError(
            "evaluation.no-weights",
            f"There are {len(found)} safetensors files in {path.name!r}.",
            why="Other formats of weights cannot be checked without running code of theirs.",
            remedy="Convert the weights to safetensors, or evaluate the model yourself and attest with --predicate.",
        )
    tensors, broken, not_finite = 0, [], 0
    for file in found:
        try:
            finite = list(_finite(file))
        except (OSError, SafetensorError, ValueError):
            broken.append(file.relative_to(path).as_posix() if path.is_dir() else file.name)
            continue
        tensors += len(finite)
        not_finite += finite.count(False)
    return Sanity(len(found), tensors, tuple(broken), not_finite)


def _finite(file: Path) -> Iterator[bool]:
    with safe_open(file, framework="pt") as opened:
        for name in opened.keys():  # noqa: SIM118 - not a mapping
            yield _is_finite(opened.get_tensor(name))


def _is_finite(tensor: torch.Tensor) -> bool:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    pieces: tuple[torch.Tensor, ...] = torch.split(tensor.flatten(), _CHUNK)
    if tensor.is_floating_point() and tensor.element_size() == 1:  # isfinite knows no 8-bit floats
        return all(bool(torch.isfinite(piece.to(torch.float32)).all()) for piece in pieces)
    return all(bool(torch.isfinite(piece).all()) for piece in pieces)
