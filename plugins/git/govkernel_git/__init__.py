"""Git repositories for govkernel: names of commits, branches and tags become digests of the files in their trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import ReferenceResolver, hookimpl
from govkernel_git.resolver import GitResolver
from govkernel_git.settings import GitSettings

__all__ = ["GitPlugin", "GitResolver", "GitSettings"]


class GitPlugin:
    """The plugin.

    Args:
        config: its table in govkernel.toml, see :class:`GitSettings`.

    Raises:
        pydantic.ValidationError: the table is not valid.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._resolver = GitResolver(GitSettings.model_validate(dict(config)))

    @hookimpl
    def govkernel_reference_resolvers(self) -> Sequence[ReferenceResolver]:
        """Resolves ``git+https://`` names on hosts, and ``git+file://`` names in folders, that the settings name."""
        return [self._resolver]
