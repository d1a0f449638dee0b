"""Signing keys of plugins: opened by URI, time-boxed, and held to their public key.

What a key store returns is checked before anything is written, so that nothing is signed that would not verify.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from govkernel import checks
from govkernel.errors import ConfigError, GovkernelError, PluginError
from govkernel.hookspecs import SigningKey, SigningKeyProvider
from govkernel.plugins import PluginHost, Provider
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.limits import MAX_KEY_FILE

T = TypeVar("T")
R = TypeVar("R")

SIGNING_SECONDS: Final = 30.0
"""For opening a key, and for each signature: a token may wait to be touched, a service for credentials."""

MAX_SIGNATURE: Final = 1024
"""Bytes; the longest that we make has 104."""


class PluginKey:
    """A key of a plugin; follows :class:`govkernel.hookspecs.SigningKey`.

    Attributes:
        key_id: SHA-256 hex of its SubjectPublicKeyInfo DER, whatever the plugin calls it.
    """

    def __init__(self, host: PluginHost, key: Provider[SigningKey]) -> None:
        self._host, self._key = host, key
        pem = _ask(host, key, lambda it: it.public_key_pem(), _bytes(MAX_KEY_FILE))
        self._public = PublicKey.from_pem(pem, f"The key of plugin {key.plugin!r}")
        self.key_id = self._public.key_id

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``, verified.

        Raises:
            ConfigError: ``key.wrong-signature``, or the plugin's own.
            PluginError: it raised, hung, or returned nonsense.
        """
        signature = _ask(self._host, self._key, lambda it: it.sign(message), _bytes(MAX_SIGNATURE))
        if not self._public.verify(signature, message):
            raise ConfigError(
                "key.wrong-signature",
                f"Plugin {self._key.plugin!r} returned a signature that its own key does not verify.",
                why="The key store signed with another key, or something else.",
                remedy="Sign nothing with it; look at the key store and the plugin.",
            )
        return signature

    def public_key_pem(self) -> bytes:
        """The public key as PEM SubjectPublicKeyInfo."""
        return self._public.pem


def open_plugin_key(host: PluginHost, uri: str) -> PluginKey | None:
    """The key of a URI; None when no plugin opens its scheme.

    Raises:
        ConfigError: the plugin's own, ``key.malformed`` or ``key.unsupported``.
        PluginError: it raised, hung, or returned nonsense.
    """
    scheme = uri.partition(":")[0]
    for provider in host.providers("govkernel_signing_keys"):
        if scheme in host.read(provider, "schemes", checks.names):
            opened = _ask(host, provider, _opening(uri), _key)
            return PluginKey(host, Provider(provider.plugin, opened, provider.builtin))
    return None


def _opening(uri: str) -> Callable[[SigningKeyProvider], SigningKey]:
    return lambda provider: provider.open(uri)


def _ask(host: PluginHost, whom: Provider[T], operation: Callable[[T], Any], check: Callable[[Any], R]) -> R:
    """What a plugin says; its own typed errors as they are, since they advise better than we could.

    In a thread of its own, for commands ask for signatures in and outside of event loops.
    """

    async def asked() -> R:
        return await host.call(whom, operation, check, deadline=SIGNING_SECONDS)

    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(asyncio.run, asked()).result()
        except PluginError as error:
            if isinstance(error.__cause__, GovkernelError):
                raise error.__cause__ from None
            raise


def _bytes(limit: int) -> Callable[[Any], bytes]:
    def check(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) > limit:
            raise TypeError(f"expected at most {limit} bytes")
        return value

    return check


def _key(value: Any) -> SigningKey:
    if not isinstance(value, SigningKey):
        raise TypeError(f"expected a signing key, got {type(value).__name__}")
    return value
