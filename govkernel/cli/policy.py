"""``govkernel policy``: whether packs are right, and do what their cases say."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from govkernel.cli.output import Config, Json, finish, plain, say
from govkernel.hookspecs import LoadedPack

app = typer.Typer(no_args_is_help=True, help="Test and validate policy packs.")
Pack = Annotated[str, typer.Argument(help="Name of a shipped pack, or the folder of one.")]


@app.command()
def validate(pack: Pack, config: Config = None, as_json: Json = False) -> None:
    """Parse and strictly validate a pack; a pack that does not validate does not load (exit 1)."""
    from govkernel.errors import GovkernelError

    try:
        loaded = asyncio.run(_load(pack, config))
    except GovkernelError as error:
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
def test(pack: Pack, config: Config = None, as_json: Json = False) -> None:
    """Run a pack's example cases: exit 0 when all pass, 1 when one fails."""
    from govkernel.packs import find_pack, run_cases

    async def run() -> Any:
        loaded = await _load(pack, config)
        return await run_cases(loaded, find_pack(pack))

    report = asyncio.run(run())

    def text() -> None:
        for line in report.lines():
            say(plain(line))

    finish(report.passed, report.as_dict(), as_json=as_json, text=text)


async def _load(pack: str, config: Any) -> LoadedPack:
    from govkernel.assemble import load_packs, plugin_host
    from govkernel.config import PackTable, load_settings

    settings = load_settings(config)
    host = plugin_host(settings)
    try:
        return (await load_packs(host, [PackTable(source=pack)], settings.root))[0].value
    finally:
        for engine in host.providers("govkernel_policy_engines"):
            await engine.value.close()
