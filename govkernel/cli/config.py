"""``govkernel config``: where each setting comes from."""

from __future__ import annotations

import typer

from govkernel.cli.output import Config, Json, plain, print_json, say

app = typer.Typer(no_args_is_help=True, help="Explain the configuration.")


@app.callback()
def group() -> None:
    """Explain the configuration."""


@app.command()
def explain(config: Config = None, as_json: Json = False) -> None:
    """Print each setting, its value and where the value came from."""
    from govkernel.config import explain as explained
    from govkernel.config import load_settings

    rows = list(explained(load_settings(config), config))
    if as_json:
        print_json({row.name: {"value": row.value, "origin": row.origin} for row in rows})
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        say(f"{plain(row.name.ljust(width))}  {plain(row.value)}  [dim]{plain(row.origin)}[/]")
