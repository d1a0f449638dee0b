"""MLflow registries for govkernel: versions and aliases of models become digests of the files kept for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import ReferenceResolver, hookimpl
from govkernel_mlflow.resolver import MlflowResolver
from govkernel_mlflow.settings import MlflowSettings, Server

__all__ = ["MlflowPlugin", "MlflowResolver", "MlflowSettings", "Server"]


class MlflowPlugin:
    """The plugin.

    Args:
        config: its table in govkernel.toml, see :class:`MlflowSettings`.

    Raises:
        pydantic.ValidationError: the table is not valid.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._resolver = MlflowResolver(MlflowSettings.model_validate(dict(config)))

    @hookimpl
    def govkernel_reference_resolvers(self) -> Sequence[ReferenceResolver]:
        """Resolves ``mlflow://models/…`` names on servers that the settings name."""
        return [self._resolver]
