"""``govkernel trust update``: newer trusted roots of the Sigstore instances that the trust policy names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from govkernel.cli.output import Config, Json, finish, plain, say
from govkernel.errors import ConfigError

if TYPE_CHECKING:
    from govkernel.config import InstanceTable, Settings
    from govkernel.provenance.trust_update import Updated


def update(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Authorities of the trust policy, as under [trust.instances] [default: all]."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Fetch the newest trusted roots of Sigstore instances by TUF: exit 0 up to date, 2 refused."""
    from govkernel.config import load_settings
    from govkernel.provenance.trust_update import update_trusted_root

    settings = load_settings(config)
    done: dict[str, Updated] = {}
    for name, instance in _chosen(settings, names or []).items():
        state = settings.state / "tuf" / name
        initial = settings.path(instance.root)
        done[name] = update_trusted_root(instance.url, initial, state, _destination(settings, name))

    def text() -> None:
        for name, item in done.items():
            say(f"[green]✓[/] {plain(name)} {'updated' if item.changed else 'is up to date'}")
            say(f"  root    {item.digest}, root metadata version {item.versions['root']}")
            say(f"  fresh   until {item.fresh_until:%Y-%m-%d %H:%M} UTC")

    finish(
        True,
        {"instances": [_document(name, item) for name, item in done.items()]},
        as_json=as_json,
        text=text,
    )


def _document(name: str, item: Updated) -> dict[str, Any]:
    return {
        "name": name,
        "digest": str(item.digest),
        "changed": item.changed,
        "versions": item.versions,
        "freshUntil": item.fresh_until.isoformat().replace("+00:00", "Z"),
    }


def _chosen(settings: Settings, names: list[str]) -> dict[str, InstanceTable]:
    known = settings.trust.instances
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        raise ConfigError(
            "tuf.unknown",
            f"There is no instance {unknown[0][:80]!r} to update."
            if unknown
            else "There is no instance to update.",
            why=f"[trust.instances] names {', '.join(sorted(known)) or 'none'}.",
            remedy="Add [trust.instances.NAME] with url and root; NAME is that of the authority in the trust policy.",
        )
    return {name: known[name] for name in names or sorted(known)}


def _destination(settings: Settings, name: str) -> Path:
    """The file that the authority of that name reads."""
    from govkernel.provenance.trust_file import parse_trust_file, read_trust_file

    policy = settings.path(settings.trust.policy)
    file = parse_trust_file(read_trust_file(policy), str(policy))
    for entry in file.authorities:
        if entry.name == name and entry.trusted_root is not None:
            return policy.parent / entry.trusted_root
    raise ConfigError(
        "tuf.unknown",
        f"The trust policy has no authority {name[:80]!r} with a trustedRoot.",
        remedy="Name it in the trust policy, with the path where its trusted_root.json shall be.",
    )
