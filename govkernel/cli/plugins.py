"""``govkernel plugins``: what is installed, what it does, what went wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from govkernel.cli.output import Config, Json, finish, plain, say

if TYPE_CHECKING:
    from govkernel.plugins import PluginHost


def plugins(config: Config = None, as_json: Json = False) -> None:
    """Show plugins, the hooks they implement, and those that do not load (exit 1)."""
    from govkernel.assemble import load_trust, plugin_host
    from govkernel.config import load_settings
    from govkernel.errors import ConfigError
    from govkernel.plugins import PluginStatus

    settings = load_settings(config)
    try:
        trust = load_trust(settings)
    except ConfigError:
        trust = None
    host = plugin_host(settings, trust)
    _add_guard(host)
    for status in host.status():
        for hook in status.hooks:
            host.providers(hook)
    rows = host.status()

    def describe(status: PluginStatus) -> dict[str, object]:
        return {
            "name": status.name,
            "builtin": status.builtin,
            "hooks": list(status.hooks),
            "faults": dict(status.faults),
            "broken": status.broken.as_dict() if status.broken else None,
        }

    def text() -> None:
        for status in rows:
            state = "[red]broken[/]" if status.broken else "[green]ok[/]"
            say(f"{plain(status.name.ljust(20))} {state}  {'built in' if status.builtin else 'installed'}")
            for hook in status.hooks:
                say(f"    {plain(hook)}")
            if status.broken:
                say(f"    why  {plain(status.broken.why)}")
                say(f"    fix  {plain(status.broken.remedy)}")

    healthy = not any(status.broken for status in rows)
    finish(healthy, {"plugins": [describe(status) for status in rows]}, as_json=as_json, text=text)


def _add_guard(host: PluginHost) -> None:
    """The guard's own detectors, when its packages are installed."""
    try:
        from runtime_guard.plugin import DetectorsPlugin
    except ModuleNotFoundError:
        return
    host.register("guard", DetectorsPlugin(), builtin=True)


def add_commands(app: typer.Typer) -> None:
    """Let plugins add their commands to ``app``."""
    from govkernel.assemble import plugin_host
    from govkernel.config import load_settings
    from govkernel.hookspecs import Hooks

    host = plugin_host(load_settings())
    hook = Hooks.govkernel_cli_commands.__name__
    for status in host.status():
        plugin = host.plugin(status.name)
        if hook in status.hooks and plugin is not None:
            getattr(plugin, hook)(app)
