"""``govkernel policy``: whether packs are right, and do what their cases say."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from govkernel.cli.output import Config, Json, finish, plain, say
from govkernel.hookspecs import LoadedPack

app = typer.Typer(no_args_is_help=True, help="Test and validate policy packs.")
_UNTOLD: Final = frozenset(
    {
        "pack.unreadable",
        "policy.no-engine",
        "opa.not-installed",
        "opa.unavailable",
        "opa.deadline",
        "opa.settings",
    }
)
"""Codes that say nothing about the pack: it could not be asked about."""
Pack = Annotated[str, typer.Argument(help="Name of a shipped pack, or the folder of one.")]


@app.command()
def validate(pack: Pack, config: Config = None, as_json: Json = False) -> None:
    """Parse and strictly validate a pack: exit 0 valid, 1 not, so that it does not load, 2 cannot tell."""
    from govkernel.errors import GovkernelError

    async def run() -> LoadedPack:
        async with _loaded(pack, config) as loaded:
            return loaded

    try:
        loaded = asyncio.run(run())
    except GovkernelError as error:
        if error.code in _UNTOLD or not error.code.startswith(("pack.", "policy.", "opa.")):
            raise
        problem = error

        def complain() -> None:
            say(f"[red]✗[/] {plain(problem.what)} [dim]({problem.code})[/]")
            say(f"  why  {plain(problem.why)}\n  fix  {plain(problem.remedy)}")

        finish(False, {"valid": False, "error": problem.as_dict()}, as_json=as_json, text=complain)
    manifest = loaded.pack.manifest
    document = {
        "valid": True,
        "pack": manifest.id,
        "version": manifest.version,
        "digest": str(loaded.pack.digest),
    }
    finish(
        True,
        document,
        as_json=as_json,
        text=lambda: say(f"[green]✓[/] {manifest.id} {manifest.version} is valid ({loaded.pack.digest})"),
    )


@app.command()
def schema(
    pack: Annotated[
        str,
        typer.Argument(help="A pack, for the type of its parameters [default: none].", show_default=False),
    ] = "",
) -> None:
    """Print the Cedar schema that policies are validated against, for editors."""
    from govkernel.engines.cedar_schema import pack_schema
    from govkernel.packs import find_pack, load_pack

    parameters = load_pack(find_pack(pack)).manifest.parameters if pack else {}
    sys.stdout.write(pack_schema(parameters))


@app.command()
def test(pack: Pack, config: Config = None, as_json: Json = False) -> None:
    """Run a pack's example cases: exit 0 when all pass, 1 when one fails."""
    from govkernel.packs import find_pack, run_cases

    async def run() -> Any:
        async with _loaded(pack, config) as loaded:
            return await run_cases(loaded, find_pack(pack))

    report = asyncio.run(run())

    def text() -> None:
        for line in report.lines():
            say(plain(line))

    finish(report.passed, report.as_dict(), as_json=as_json, text=text)


@asynccontextmanager
async def _loaded(pack: str, config: Path | None) -> AsyncIterator[LoadedPack]:
    """The pack, and its engine for as long as it is asked."""
    from govkernel.assemble import load_packs, plugin_host
    from govkernel.config import PackTable, load_settings

    settings = load_settings(config)
    host = plugin_host(settings)
    try:
        yield (await load_packs(host, [PackTable(source=pack)], settings.root))[0].value
    finally:
        for engine in host.providers("govkernel_policy_engines"):
            await engine.value.close()
