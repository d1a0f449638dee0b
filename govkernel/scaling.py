"""The inference guard past one machine: what a workspace screens with, in replicas and workers of Ray.

``serve run govkernel.scaling:application config=govkernel.toml most=4`` starts it; every machine needs the workspace
under the same path, and the same packages.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from govkernel.assemble import plugin_host
from govkernel.config import load_settings
from govkernel.guarding import options_of, screen_of
from runtime_guard.scale.serve import Scaling, screening
from runtime_guard.screen import Screen


class Replicas(BaseModel):
    """What ``serve run`` is told, as ``NAME=VALUE``; see :class:`runtime_guard.scale.serve.Scaling`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: Path
    least: int = Field(1, ge=0, le=10_000)
    most: int = Field(1, ge=1, le=10_000)
    queue: float = Field(16.0, gt=0)
    at_once: int = Field(64, ge=1)
    waiting: int = Field(1024, ge=0)
    cpus: float = Field(1.0, ge=0)
    gpus: float = Field(0.0, ge=0)


def workspace_screen(config: Path) -> Screen:
    """The screen of a workspace, its plugins' detectors among it.

    Args:
        config: its ``govkernel.toml``.

    Raises:
        ConfigError: a setting or a model cannot be used.
        PluginError: a plugin does not load.
    """
    settings = load_settings(config)
    shed = settings.guard.overload == "shed"
    return screen_of(plugin_host(settings), options_of(settings), shed=shed)


def application(args: Replicas) -> Any:
    """The application that ``serve run`` starts.

    Raises:
        ConfigError: ``scale.not-installed``.
    """
    scaling = Scaling(**args.model_dump(exclude={"config"}))
    return screening(partial(workspace_screen, args.config.absolute()), scaling)
