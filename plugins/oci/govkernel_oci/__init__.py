"""OCI registries for govkernel: tags become digests, and bundles kept beside an artifact become evidence to verify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import AttestationSource, ReferenceResolver, hookimpl
from govkernel_oci.client import Registry
from govkernel_oci.referrers import ReferrersSource
from govkernel_oci.resolver import OciResolver
from govkernel_oci.settings import OciSettings

__all__ = ["OciPlugin", "OciResolver", "OciSettings", "ReferrersSource", "Registry"]


class OciPlugin:
    """The plugin.

    Args:
        config: its table in govkernel.toml, see :class:`OciSettings`.

    Raises:
        pydantic.ValidationError: the table is not valid.
        GovkernelError: ``oci.credentials``.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        settings = OciSettings.model_validate(dict(config))
        registry = Registry(settings)
        self._resolver = OciResolver(registry)
        self._source = ReferrersSource(registry)

    @hookimpl
    def govkernel_reference_resolvers(self) -> Sequence[ReferenceResolver]:
        """Resolves ``oci://`` names that carry a tag."""
        return [self._resolver]

    @hookimpl
    def govkernel_attestation_sources(self) -> Sequence[AttestationSource]:
        """Finds Sigstore bundles by the referrers API, or its fallback tag."""
        return [self._source]
