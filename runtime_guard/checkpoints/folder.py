"""Read the files of a checkpoint: each once, bounded, compared with what was signed, judged, and only then parsed.

What is given is the bytes that were compared and judged; no library of models ever sees the folder itself. So it does
not matter what else lies in it, what it links to, or who changes it meanwhile.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from govkernel.domain import strict_json
from govkernel.errors import ConfigError, GovkernelError, InputError
from govkernel.filesafety.budget import Budget, Limits
from govkernel.filesafety.dispatch import examine
from govkernel.filesafety.interface import Place
from govkernel.filesafety.source import BytesSource
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.signed import is_signed, pinned_files, signed_files

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
TEMPLATE: Final = "chat_template.jinja"
GENERATION: Final = "generation_config.json"
WEIGHTS: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"

MIB: Final = 1024 * 1024
MAX_BUNDLE: Final = 32 * MIB
MAX_KEY: Final = 64 * 1024
MAX_JSON: Final = 4 * MIB
"""Bytes of a configuration or an index of weights."""

MAX_TOKENIZER: Final = 64 * MIB
MAX_WEIGHTS: Final = 64 * 1024 * MIB
"""Bytes of one file of weights."""

_PICKLES: Final = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin", "pytorch_model.pt")


@dataclass(frozen=True)
class Folder:
    """The folder of a checkpoint.

    Attributes:
        root: where it is.
        name: of the detector, for messages.
        digests: SHA-256 of each file that was signed or pinned, by path; None where neither was asked for.
    """

    root: Path
    name: str
    digests: Mapping[str, str] | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """The folder of a checkpoint, its signature or digest verified if there is to be one.

        Raises:
            ConfigError: ``checkpoint.missing``, ``checkpoint.too-large``, ``checkpoint.unverified``.
        """
        if not checkpoint.path.is_dir():
            raise missing(checkpoint.name, f"{str(checkpoint.path)!r} is not a folder.")
        try:
            return cls(checkpoint.path, checkpoint.name, _vouched(checkpoint))
        except GovkernelError as error:
            if error.code.startswith("checkpoint."):
                raise
            raise _unverified(checkpoint.name, f"{error.what} ({error.code})") from None

    def has(self, file: str) -> bool:
        """Whether there is such a file; where files were signed or pinned, only those are there."""
        return (self.root / file).is_file() if self.digests is None else file in self.digests

    def read(self, file: str, limit: int) -> bytes:
        """The bytes of a file, as they were signed if anything was.

        Args:
            file: a plain name in the folder.
            limit: bytes it may have.

        Raises:
            ConfigError: ``checkpoint.missing``, ``checkpoint.too-large``, ``checkpoint.unverified``, or
                ``checkpoint.unsafe``: govkernel's file safety finds more than data in it.
        """
        content = _read(self.root / file, limit, self.name)
        if self.digests is not None:
            if file not in self.digests:
                raise _unverified(self.name, f"{file!r} is not among the files that were signed.")
            if not is_signed(content, self.digests[file]):
                raise _unverified(self.name, f"{file!r} is not what was signed.")
        place = Place(file, file, Budget(Limits()), examine, {file: len(content)})
        for finding in examine(BytesSource(content), place):
            raise unsafe(self.name, f"{file!r}: {finding.rule} {finding.detail}".strip())
        return content

    def document(self, file: str) -> dict[str, Any]:
        """A configuration; empty where there is none.

        Raises:
            ConfigError: as :meth:`read`, or ``checkpoint.config``.
        """
        return self._parsed(file) if self.has(file) else {}

    def weights(self) -> tuple[str, ...]:
        """Names of the files of weights.

        Raises:
            ConfigError: ``checkpoint.unsafe``: they are pickles, or named outside the folder; ``checkpoint.missing``.
        """
        if self.has(WEIGHTS):
            return (WEIGHTS,)
        if self.has(INDEX):
            listed = self._parsed(INDEX).get("weight_map")
            if not isinstance(listed, dict) or not all(isinstance(name, str) for name in listed.values()):
                raise malformed(self.name, f"{INDEX!r} lists no weights.")
            names = sorted(set(listed.values()))
            for name in names:
                if not name.endswith(".safetensors") or Path(name).name != name or "\\" in name:
                    raise unsafe(self.name, f"{INDEX!r} names {ascii(name)[:100]}.")
            return tuple(names)
        if any((self.root / name).exists() for name in _PICKLES):
            raise unsafe(self.name, "Its weights are pickles; only safetensors are loaded.")
        raise missing(self.name, f"It has neither {WEIGHTS!r} nor {INDEX!r}.")

    def _parsed(self, file: str) -> dict[str, Any]:
        try:
            found = strict_json.loads(self.read(file, MAX_JSON), max_bytes=MAX_JSON)
        except InputError as error:
            raise malformed(self.name, f"{file!r}: {error.what}") from None
        if not isinstance(found, dict):
            raise malformed(self.name, f"{file!r} is not a JSON object.")
        return found


def _vouched(checkpoint: Checkpoint) -> Mapping[str, str] | None:
    """SHA-256 of each file that a signature or a digest vouches for."""
    if checkpoint.digest:
        return pinned_files(checkpoint.path, checkpoint.digest)
    if checkpoint.bundle is None or checkpoint.key is None:
        return None
    bundle = _read(checkpoint.bundle, MAX_BUNDLE, checkpoint.name)
    return signed_files(bundle, _read(checkpoint.key, MAX_KEY, checkpoint.name))


def _read(path: Path, limit: int, name: str) -> bytes:
    """A whole regular file; links are followed, since caches of the hub consist of them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise missing(name, f"{path.name!r} is not a file.")
            content = stream.read(min(status.st_size, limit) + 1)
    except OSError as error:
        raise missing(name, f"{path.name!r}: {error.strerror or type(error).__name__}.") from None
    if len(content) > limit:
        raise _too_large(name, path.name, limit)
    if len(content) > status.st_size:
        raise missing(name, f"{path.name!r} grew while it was read.")
    return content


def missing(name: str, why: str) -> ConfigError:
    """The error for a model of which something is not there."""
    return ConfigError(
        "checkpoint.missing",
        f"The model {name!r} is not all there.",
        why=why,
        remedy="Name its folder: config.json, tokenizer.json and weights as safetensors.",
    )


def unsafe(name: str, why: str) -> ConfigError:
    """The error for a model that is more than data."""
    return ConfigError(
        "checkpoint.unsafe",
        f"The model {name!r} is more than data, so nothing of it is loaded.",
        why=why,
        remedy="Use a checkpoint without code of its own, its weights as safetensors; "
        "`govkernel scan` explains the finding.",
    )


def malformed(name: str, why: str) -> ConfigError:
    """The error for a configuration that cannot be used."""
    return ConfigError(
        "checkpoint.config",
        f"The configuration of the model {name!r} cannot be used.",
        why=why,
        remedy="Restore it from the model's release; docs/reference/guard-models.md says what is accepted.",
    )


def _unverified(name: str, why: str) -> ConfigError:
    return ConfigError(
        "checkpoint.unverified",
        f"The model {name!r} is not the one that was signed or pinned, so nothing of it is loaded.",
        why=why,
        remedy="Restore its files; if they are meant, sign them with `govkernel sign model`, or pin their digest.",
    )


def _too_large(name: str, file: str, limit: int) -> ConfigError:
    return ConfigError(
        "checkpoint.too-large",
        f"The file {file!r} of the model {name!r} is too large.",
        why=f"limit {limit} bytes",
        remedy="Check that it is what its name says.",
    )
