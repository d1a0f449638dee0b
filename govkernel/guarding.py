"""The inference door, put together: the kernel decides, the plugins' detectors screen, the proxy relays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, cast

from govkernel import checks
from govkernel.assemble import Assembly
from govkernel.config import ModelTable, Settings
from govkernel.domain import Finding
from govkernel.errors import PluginError
from govkernel.hookspecs import Detector, Foreseeing
from govkernel.plugins import PluginHost, Provider
from govkernel.vaulting import open_vault
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.options import Options
from runtime_guard.panel import most_findings
from runtime_guard.plugin import DetectorsPlugin
from runtime_guard.proxy.app import GuardApp
from runtime_guard.proxy.settings import GuardSettings
from runtime_guard.proxy.upstream import StaticUpstream
from runtime_guard.screen import Screen
from runtime_guard.segments.chain import Reach
from runtime_guard.tokens.errors import VaultError
from runtime_guard.tokens.vault import Vault

PURGE_SECONDS: Final = 600
"""How long expired entries of the vault may lie around, unread."""


class IsolatedDetector:
    """A plugin's detector, called through the host: apart, time-boxed, checked, counted."""

    def __init__(self, host: PluginHost, provider: Provider[Detector]) -> None:
        self._host = host
        self._provider = provider
        self.name = f"{provider.plugin}/{host.read(provider, 'name', checks.text)}"
        self.labels = host.read(provider, "labels", checks.names)
        if hasattr(provider.value, "lookahead"):
            self.lookahead = host.read(provider, "lookahead", checks.text)
        if hasattr(provider.value, "roles"):
            self.roles = host.read(provider, "roles", checks.names)

    async def detect(self, text: str, role: str) -> Sequence[Finding]:
        """The detector's findings.

        Raises:
            PluginError: it raised, hung or returned nonsense.
        """
        check = checks.sequence(Finding, most_findings(len(text)))
        return await self._host.call(self._provider, lambda it: it.detect(text, role), check)


class IsolatedForesight(IsolatedDetector):
    """A plugin's detector that knows where something may have begun."""

    async def pending(self, text: str, role: str) -> int:
        """The first place from which on the detector's findings may change.

        Raises:
            PluginError: it raised, hung or returned nonsense.
        """

        def check(value: Any) -> int:
            if not isinstance(value, int) or not 0 <= value <= len(text):
                raise ValueError("no place in the text")
            return int(value)

        return await self._host.call(
            self._provider, lambda it: cast(Foreseeing, it).pending(text, role), check
        )


def screen_of(
    host: PluginHost,
    options: Options | None = None,
    *,
    entities: Collection[str] | None = None,
    shed: bool = False,
) -> Screen:
    """The screen of all detectors: ours directly, those of plugins isolated.

    Args:
        host: the plugins.
        options: which of our detectors are asked, and how they work.
        entities: types of spans that rows are screened for; default all.
        shed: see :class:`runtime_guard.screen.Screen`.

    Raises:
        PluginError: a plugin does not load, so what it would have found is unknown.
    """
    host.register("guard", DetectorsPlugin(options), builtin=True)
    providers = host.providers("govkernel_detectors")
    for fault in host.broken():
        raise fault
    detectors: dict[str, Detector] = {}
    for provider in providers:
        detector = provider.value if provider.builtin else _isolated(host, provider)
        if detectors.setdefault(detector.name, detector) is not detector:
            raise PluginError(
                "plugin.nonsense",
                f"Plugin {provider.plugin!r} offers two detectors of one name.",
                plugin=provider.plugin,
                why=f"Both are called {detector.name[:100]!r}.",
                remedy="Disable the plugin ([plugins] disabled), and tell its author.",
            )
    return Screen([*detectors.values()], options=options, entities=entities, shed=shed)


def options_of(settings: Settings) -> Options:
    """How a workspace wants the detectors that ship with the guard."""
    table = settings.guard
    return Options(
        tiers=None if table.tiers is None else frozenset(table.tiers),
        rate=table.false_positives,
        ask=table.ask_encoder,
        device=table.device,
        on_fault=table.device_fault,
        countries=frozenset(table.countries),
        registry=None if table.recognizers is None else settings.path(table.recognizers),
        models=tuple(_checkpoint(settings, model) for model in table.models),
    )


def _checkpoint(settings: Settings, table: ModelTable) -> Checkpoint:
    paths = ("path", "bundle", "key")
    found: dict[str, Any] = {
        name: settings.path(value) for name in paths if (value := getattr(table, name)) is not None
    }
    said = table.model_dump(exclude={*paths, "roles"})
    return Checkpoint(**said, **found, roles=frozenset(table.roles))


def _isolated(host: PluginHost, provider: Provider[Detector]) -> IsolatedDetector:
    kind = IsolatedForesight if isinstance(provider.value, Foreseeing) else IsolatedDetector
    return kind(host, provider)


@asynccontextmanager
async def guard_app(parts: Assembly) -> AsyncIterator[GuardApp]:
    """The guard proxy of a workspace."""
    table = parts.settings.guard
    settings = GuardSettings(
        tenants=table.tenants,
        environment=table.environment,
        max_request=table.max_request,
        idle_seconds=table.upstream_timeout,
        decide_seconds=parts.settings.kernel.deadline * 2,
        reach=Reach(table.hold_back, table.hold_sentences),
    )
    chosen = [item.value for item in parts.host.providers("govkernel_upstreams")]
    upstreams = [*chosen, StaticUpstream(table.upstream, table.upstream_key)]
    screen = screen_of(parts.host, options_of(parts.settings), shed=table.overload == "shed")
    async with open_vault(parts.settings, parts.host) as opened:
        purging = asyncio.ensure_future(_purge(opened.vault))
        try:
            yield GuardApp(settings, parts.kernel.decide, screen, upstreams, vault=opened.vault)
        finally:
            purging.cancel()


async def _purge(vault: Vault) -> None:
    """Remove what has expired, now and then. A fault is told to the next request that needs the vault."""
    while True:
        with suppress(VaultError):
            await vault.purge(int(time.time()))
        await asyncio.sleep(PURGE_SECONDS)
