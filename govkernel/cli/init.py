"""``govkernel init``: a workspace with trust root, keys and configuration."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from govkernel.cli.output import Json, finish, plain, say
from govkernel.errors import InputError


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the workspace.")] = Path(),
    name: Annotated[str, typer.Option(help="Name of the signing key and its holder.")] = "release",
    as_json: Json = False,
) -> None:
    """Create a workspace: keys, a trust policy that trusts them, and a configuration.

    The signing key is encrypted when GOVKERNEL_KEY_PASSPHRASE is set.
    """
    from govkernel.workspace import create_workspace

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise InputError(
            "cli.name", f"{name!r} cannot name a key.", remedy="Use lower-case letters, digits and dashes."
        )
    secret = os.environ.get("GOVKERNEL_KEY_PASSPHRASE", "")
    made = create_workspace(folder, key_name=name, passphrase=secret.encode() or None)
    document = {
        "workspace": str(made.root),
        "config": str(made.config),
        "trust": str(made.trust),
        "key": str(made.key),
        "publicKey": str(made.public_key),
    }

    def text() -> None:
        say(f"Workspace created in [bold]{plain(made.root.resolve())}[/]")
        for label, path in (
            ("configuration", made.config),
            ("trust policy", made.trust),
            ("signing key", made.key),
        ):
            say(f"  {label.ljust(14)} {plain(path)}")
        say(f"Next: [bold]govkernel sign model PATH --key {plain(made.key)}[/]")

    finish(True, document, as_json=as_json, text=text)
