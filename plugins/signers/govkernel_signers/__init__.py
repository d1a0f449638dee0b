"""Signing keys that never leave their store: PKCS#11 tokens, HashiCorp Vault, AWS KMS, Google Cloud KMS, Azure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from govkernel.hookspecs import SigningKeyProvider, hookimpl
from govkernel_signers.aws import AwsProvider
from govkernel_signers.azure import AzureProvider
from govkernel_signers.gcp import GcpProvider
from govkernel_signers.pkcs11_keys import Pkcs11Provider
from govkernel_signers.settings import SignersSettings
from govkernel_signers.vault import VaultProvider

__all__ = [
    "AwsProvider",
    "AzureProvider",
    "GcpProvider",
    "Pkcs11Provider",
    "SignersPlugin",
    "SignersSettings",
    "VaultProvider",
]


class SignersPlugin:
    """The plugin. What a store needs is imported when a key of it is opened, never before.

    Args:
        config: its table in govkernel.toml, see :class:`SignersSettings`.

    Raises:
        pydantic.ValidationError: the table is not valid.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        settings = SignersSettings.model_validate(dict(config))
        self._providers: list[SigningKeyProvider] = [
            Pkcs11Provider(settings.pkcs11),
            VaultProvider(settings.vault, settings.timeout),
            AwsProvider(settings.aws, settings.timeout),
            GcpProvider(settings.gcp, settings.timeout),
            AzureProvider(settings.azure, settings.timeout),
        ]

    @hookimpl
    def govkernel_signing_keys(self) -> Sequence[SigningKeyProvider]:
        """``pkcs11:``, ``vault://``, ``awskms://``, ``gcpkms://`` and ``azurekms://`` keys."""
        return self._providers
