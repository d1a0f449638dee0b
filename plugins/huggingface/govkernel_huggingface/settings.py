"""The plugin's table in govkernel.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from govkernel.domain.readings import WAIT

GIB = 1024**3


class HuggingFaceSettings(BaseModel):
    """Settings of the plugin.

    Attributes:
        caches: folders that the hub's tools keep downloads in, e.g. ``/var/cache/huggingface/hub``; nothing else is
            read, so there is no default.
        max_bytes: largest snapshot that is read.
        remember: seconds an answer counts again while no file of the snapshot has changed. Not for good: not every
            file system tells of every change.
        wait: seconds that a caller waits for a read; it goes on after that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    caches: Annotated[tuple[Path, ...], Field(max_length=16)] = ()
    max_bytes: int = Field(default=1024 * GIB, gt=0)
    remember: float = Field(default=30.0, ge=0, le=3600)
    wait: float = Field(default=WAIT, ge=0)
