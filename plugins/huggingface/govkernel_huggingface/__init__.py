"""The Hugging Face hub for govkernel: names become digests of the snapshots that caches on this machine have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import ReferenceResolver, hookimpl
from govkernel_huggingface.resolver import HuggingFaceResolver
from govkernel_huggingface.settings import HuggingFaceSettings

__all__ = ["HuggingFacePlugin", "HuggingFaceResolver", "HuggingFaceSettings"]


class HuggingFacePlugin:
    """The plugin.

    Args:
        config: its table in govkernel.toml, see :class:`HuggingFaceSettings`.

    Raises:
        pydantic.ValidationError: the table is not valid.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._resolver = HuggingFaceResolver(HuggingFaceSettings.model_validate(dict(config)))

    @hookimpl
    def govkernel_reference_resolvers(self) -> Sequence[ReferenceResolver]:
        """Resolves ``hf://`` names that a cache has."""
        return [self._resolver]
