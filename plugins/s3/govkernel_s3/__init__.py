"""S3-compatible stores for govkernel: names of objects and prefixes become digests of what is read there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import ReferenceResolver, hookimpl
from govkernel_s3.resolver import S3Resolver
from govkernel_s3.settings import Place, S3Settings

__all__ = ["Place", "S3Plugin", "S3Resolver", "S3Settings"]


class S3Plugin:
    """The plugin.

    Args:
        config: its table in govkernel.toml, see :class:`S3Settings`.

    Raises:
        pydantic.ValidationError: the table is not valid.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._resolver = S3Resolver(S3Settings.model_validate(dict(config)))

    @hookimpl
    def govkernel_reference_resolvers(self) -> Sequence[ReferenceResolver]:
        """Resolves ``s3://`` names in buckets that the settings name."""
        return [self._resolver]
