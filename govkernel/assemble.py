"""Puts the parts together: settings in, kernel out. The one module that knows which parts ship with govkernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from govkernel import checks
from govkernel.audit.keys import load_or_create_key
from govkernel.audit.log import AuditLog
from govkernel.config import PackTable, Settings
from govkernel.domain import PolicyPack
from govkernel.engines.cedar import CedarEngine
from govkernel.errors import ConfigError, GovkernelError, PolicyError
from govkernel.gather import EvidenceGatherer
from govkernel.hookspecs import LoadedPack, PolicyEngine, hookimpl
from govkernel.kernel import Kernel
from govkernel.packs import find_pack, load_pack
from govkernel.plugins import PluginHost, Provider
from govkernel.provenance import BundleStore, Receipts, TrustPolicy
from govkernel.provenance.digest import read
from govkernel.provenance.plugin import ProvenancePlugin
from govkernel.provenance.trust_current import DELEGATIONS, FOLDER, CurrentTrust

LOAD_DEADLINE: Final = 30.0

LOCAL_DEADLINE: Final = 24 * 3600.0
"""Seconds for a decision of a user's own command: it may read terabytes first."""


class EnginesPlugin:
    """The policy engines that ship with govkernel."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @hookimpl
    def govkernel_policy_engines(self) -> list[PolicyEngine]:
        """Cedar always; OPA where its client is installed."""
        entities = self._settings.cedar.entities
        engines: list[PolicyEngine] = [
            CedarEngine(_read_entities(self._settings.path(entities)) if entities else "[]")
        ]
        opa = _optional("govkernel.engines.opa")
        if opa is not None:
            engines.append(opa.engine_from(self._settings.opa))
        return engines


@dataclass(frozen=True)
class Assembly:
    """A kernel with everything under it."""

    settings: Settings
    host: PluginHost
    kernel: Kernel
    log: AuditLog


def plugin_host(
    settings: Settings,
    trust: TrustPolicy | CurrentTrust | None = None,
    *,
    local: bool = False,
    receipts: Path | None = None,
) -> PluginHost:
    """The plugins of a workspace: ours, then those installed.

    Args:
        settings: the workspace.
        trust: the trust policy; without it there are no evidence plugins.
        local: a command of the user's own: ``file:`` names may lie anywhere and start from the working
            directory. Servers resolve them only under the configured roots.
        receipts: directory whose receipts may stand in for hashing; see :class:`govkernel.provenance.Receipts`.
    """
    host = PluginHost(deadline=settings.plugins.deadline)
    host.register("engines", EnginesPlugin(settings), builtin=True)
    host.register("reports", import_module("govkernel.gate.plugin").ReportsPlugin(), builtin=True)
    host.register("workloads", import_module("govkernel.admission.plugin").WorkloadsPlugin(), builtin=True)
    if trust is not None:
        store = BundleStore(settings.path(settings.trust.attestations))
        roots = None if local else [settings.path(root) for root in settings.trust.file_roots]
        base = Path() if local else settings.root
        reader = Receipts(receipts).read if receipts else read
        plugin = ProvenancePlugin(trust, store, base=base, roots=roots, reader=reader)
        host.register("provenance", plugin, builtin=True)
    host.load(settings.plugins.settings, settings.plugins.disabled)
    return host


def load_trust(settings: Settings) -> TrustPolicy:
    """The workspace's trust policy.

    Raises:
        ConfigError: ``trust.missing`` or what is wrong in it.
    """
    path = settings.path(settings.trust.policy)
    if not path.is_file():
        raise ConfigError(
            "trust.missing",
            f"There is no trust policy at {path}.",
            why="Without one, no key may say anything about any artifact.",
            remedy="Run `govkernel init`, or set `trust.policy` in govkernel.toml; or name a policy or a key where the "
            "command takes --trust or --key.",
        )
    return TrustPolicy.load(path)


def current_trust(settings: Settings, trust: TrustPolicy | None = None) -> CurrentTrust:
    """The workspace's trust policy, or another, with the workspace's revocation lists and delegations in force.

    Raises:
        ConfigError: as :func:`load_trust`.
    """
    store = settings.path(settings.trust.attestations)
    return CurrentTrust(trust or load_trust(settings), store / FOLDER, store / DELEGATIONS)


async def load_packs(
    host: PluginHost, packs: Sequence[PackTable], root: Path
) -> tuple[Provider[LoadedPack], ...]:
    """Load packs, each in the engine it names.

    Raises:
        PolicyError, ConfigError: a pack that does not load; nothing is decided with the others alone.
    """
    return tuple([await _load_pack(host, item, root) for item in packs])


@asynccontextmanager
async def assembled(
    settings: Settings,
    *,
    trust: TrustPolicy | None = None,
    packs: Sequence[PackTable] | None = None,
    local: bool = False,
    receipts: Path | None = None,
) -> AsyncIterator[Assembly]:
    """A running kernel with its audit log; closed on leaving.

    Args:
        settings: the workspace.
        trust: instead of the workspace's trust policy.
        packs: instead of the configured packs.
        local: see :func:`plugin_host`.
        receipts: see :func:`plugin_host`.
    """
    judge = current_trust(settings, trust)
    host = plugin_host(settings, judge, local=local, receipts=receipts)
    try:
        loaded = await load_packs(host, settings.packs if packs is None else packs, settings.root)
        log = await asyncio.to_thread(open_log, settings)
        ttl = timedelta(seconds=settings.kernel.evidence_ttl)
        evidence = EvidenceGatherer(host, judge, ttl=ttl)
        deadline = LOCAL_DEADLINE if local else settings.kernel.deadline
        kernel = Kernel(host, evidence, loaded, log, deadline=deadline)
        try:
            yield Assembly(settings, host, kernel, log)
        finally:
            await kernel.close()
            await log.close()
    finally:
        await _close_engines(host)


def open_log(settings: Settings) -> AuditLog:
    """The workspace's audit log, created when it is not there."""
    key = load_or_create_key(settings.path(settings.audit.key))
    spool = settings.state / "audit.spool.jsonl"
    return AuditLog.open(settings.database_url, origin=settings.audit.origin, signing_key=key, spool=spool)


async def _close_engines(host: PluginHost) -> None:
    for engine in host.providers("govkernel_policy_engines"):
        with suppress(GovkernelError):  # counted by the host; the others must be closed as well
            await host.call(engine, lambda it: it.close(), checks.anything)


async def _load_pack(host: PluginHost, wanted: PackTable, root: Path) -> Provider[LoadedPack]:
    pack = load_pack(find_pack(wanted.source, root), parameters=wanted.parameters, mode=wanted.mode)
    for engine in host.providers("govkernel_policy_engines"):
        if host.read(engine, "name", checks.text) == pack.manifest.engine:
            loaded = await host.call(engine, lambda it: it.load(pack), _loaded(pack), deadline=LOAD_DEADLINE)
            return Provider(engine.plugin, loaded, engine.builtin)
    raise PolicyError(
        "policy.no-engine",
        f"Pack {pack.manifest.id!r} needs the policy engine {pack.manifest.engine!r}, which is not here.",
        remedy='Install the extra for it, e.g. `pip install "govkernel[opa]"`, or the plugin that brings it.',
    )


def _loaded(pack: PolicyPack) -> Callable[[Any], LoadedPack]:
    def check(value: Any) -> LoadedPack:
        if not isinstance(value, LoadedPack):
            raise TypeError(f"expected a loaded pack, got {type(value).__name__}")
        if value.pack != pack:  # its mode and its digest would be those of another
            raise ValueError("expected the pack that was to be loaded, got another")
        return value

    return check


def _optional(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("govkernel"):
            raise
        return None


def _read_entities(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config.entities",
            f"The Cedar entities {path} cannot be read.",
            why=str(error),
            remedy="Correct [cedar] entities in govkernel.toml.",
        ) from None
