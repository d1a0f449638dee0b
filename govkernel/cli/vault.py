"""``govkernel vault``: what operators do with the guard's vault. Guards may run meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from govkernel.cli.output import Config, Json, finish, plain, say

if TYPE_CHECKING:
    from pathlib import Path

    from govkernel.vaulting import OpenVault

R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, help="The guard's vault: purge, erase, rotate keys.")

Tenant = Annotated[str, typer.Option("--tenant", help="The tenant, as [guard] tenants names it.")]


@app.command()
def purge(config: Config = None, as_json: Json = False) -> None:
    """Remove entries whose time is over; guards do so by themselves while they run."""
    removed = _with_vault(config, lambda opened, now: opened.vault.purge(now))
    finish(True, {"removed": removed}, as_json=as_json, text=lambda: say(f"{removed} removed"))


@app.command()
def erase(
    tenant: Tenant,
    conversation: Annotated[
        str,
        typer.Option("--conversation", help="Only this conversation, as x-govkernel-conversation named it."),
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Remove all that is remembered of a tenant, its keys too, or one named conversation."""
    removed = _with_vault(config, lambda opened, now: opened.upkeep.erase(tenant, now, conversation))
    finish(True, {"removed": removed}, as_json=as_json, text=lambda: say(f"{removed} removed"))


@app.command()
def rotate(
    tenant: Annotated[str, typer.Option("--tenant", help="Only this tenant [default: all].")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Give tenants new data keys, wrapped by the configured key, and seal every entry anew."""

    async def each(opened: OpenVault, now: int) -> dict[str, int]:
        chosen = [tenant] if tenant else await opened.upkeep.tenants()
        return {name: await opened.upkeep.rotate(name, now) for name in chosen}

    done = _with_vault(config, each)

    def text() -> None:
        for name, entries in done.items():
            say(f"{plain(name)}  {entries} sealed anew")

    finish(True, {"sealed": done}, as_json=as_json, text=text)


def _with_vault(config: Path | None, work: Callable[[OpenVault, int], Awaitable[R]]) -> R:
    """What the work returns, on the workspace's vault, at this time."""
    from govkernel.assemble import plugin_host
    from govkernel.config import load_settings
    from govkernel.errors import ConfigError
    from govkernel.vaulting import open_vault

    settings = load_settings(config)
    if not settings.guard.vault.database:
        raise ConfigError(
            "vault.no-database",
            "There is no vault to work on.",
            why="Without [guard.vault] database, each guard has its own in memory.",
            remedy="Set [guard.vault] database, or stop the guard: its vault ends with it.",
        )

    async def run() -> R:
        async with open_vault(settings, plugin_host(settings)) as opened:
            return await work(opened, int(time.time()))

    return asyncio.run(run())
