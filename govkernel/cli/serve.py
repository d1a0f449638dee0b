"""``govkernel serve``: the doors as servers; without a name, all of them in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from govkernel.cli.output import Config, Json, finish, plain, say

app = typer.Typer(invoke_without_command=True, help="Run the doors: admission, guard, audit, or all.")
Host = Annotated[str, typer.Option(help="Address to listen on [default: configured].")]
Port = Annotated[
    int, typer.Option(help="Port to listen on [default: configured].", min=-1, max=65535, show_default=False)
]

ALL = ("admission", "guard", "audit")


@app.callback()
def every(context: typer.Context, config: Config = None) -> None:
    """Run every door, unless one is named."""
    if context.invoked_subcommand is None:
        _serve(ALL, config, {})


@app.command()
def admission(host: Host = "", port: Port = -1, config: Config = None) -> None:
    """Run the Kubernetes admission webhook over TLS."""
    _serve(["admission"], config, {"admission": _overrides(host, port)})


@app.command()
def guard(
    host: Host = "",
    port: Port = -1,
    upstream: Annotated[str, typer.Option(help="Base URL of the model server [default: configured].")] = "",
    config: Config = None,
) -> None:
    """Run the inference guard proxy."""
    overrides = _overrides(host, port) | ({"upstream": upstream} if upstream else {})
    _serve(["guard"], config, {"guard": overrides})


@app.command("audit")
def audit_door(host: Host = "", port: Port = -1, config: Config = None) -> None:
    """Run the audit API and its page."""
    _serve(["audit"], config, {"audit": _overrides(host, port)})


@app.command()
def certificates(config: Config = None, as_json: Json = False) -> None:
    """Create or renew the webhook's CA and server certificate, and print the caBundle."""
    from govkernel.admission.certificates import ensure_certificates
    from govkernel.config import load_settings

    settings = load_settings(config)
    made = ensure_certificates(settings.path(settings.admission.tls), settings.admission.names)

    def text() -> None:
        say(f"CA           {plain(made.ca_path)}")
        say(f"certificate  {plain(made.certificate_path)}")
        say(f"caBundle     {made.ca_bundle}")

    document = {
        "ca": str(made.ca_path),
        "certificate": str(made.certificate_path),
        "caBundle": made.ca_bundle,
    }
    finish(True, document, as_json=as_json, text=text)


def _overrides(host: str, port: int) -> dict[str, Any]:
    return ({"host": host} if host else {}) | ({"port": port} if port >= 0 else {})


def _serve(doors: Sequence[str], config: Any, overrides: dict[str, dict[str, Any]]) -> None:
    from govkernel.config import load_settings, overridden
    from govkernel.serving import Door, open_doors

    settings = overridden(load_settings(config), overrides)

    def listening(door: Door, url: str) -> None:
        say(f"[green]●[/] {door.ljust(9)} {plain(url)}")

    asyncio.run(open_doors(doors, settings, listening))
