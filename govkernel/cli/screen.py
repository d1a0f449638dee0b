"""``govkernel screen``: what the detectors find in a text."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Final

import typer

from govkernel.cli.output import Config, Json, finish, plain, say

MAX_INPUT: Final = 4 * 1024 * 1024


def screen(
    text: Annotated[str, typer.Argument(help="The text; - or nothing for standard input.")] = "-",
    role: Annotated[str, typer.Option(help="Who wrote it: system, user, tool or assistant.")] = "user",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Find PII, secrets and injections: exit 0 when nothing was found, 1 when something was.

    The JSON document holds places and labels, and the text with every finding masked; never the values.
    """
    from govkernel.assemble import plugin_host
    from govkernel.config import load_settings
    from govkernel.errors import ConfigError, InputError

    try:
        from govkernel.guarding import screen_of
        from runtime_guard.redact import masked
        from runtime_guard.screen import ROLES
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("govkernel", "runtime_guard")):
            raise
        raise ConfigError(
            "serve.missing-extra",
            "Screening needs packages that are not installed.",
            why=f"No module named {error.name!r}.",
            remedy='Run `pip install "govkernel[guard]"`.',
        ) from None
    if role not in ROLES:
        raise InputError(
            "cli.role", f"There is no role {role!r}.", remedy=f"Use one of {', '.join(sorted(ROLES))}."
        )
    content = _read() if text == "-" else text
    found = asyncio.run(screen_of(plugin_host(load_settings(config))).findings(content, role))
    safe = masked(content, found)

    def tell() -> None:
        for item in found:
            say(
                f"{plain(item.label.ljust(18))} {item.start:>6}-{item.end:<6} {item.score:.2f}  {plain(item.detector)}"
            )
        say(f"[dim]{len(found)} finding(s)[/]")
        if found:
            say(plain(safe))

    document = {"clean": not found, "findings": [item.model_dump() for item in found], "masked": safe}
    finish(not found, document, as_json=as_json, text=tell)


def _read() -> str:
    from govkernel.errors import InputError

    data = sys.stdin.buffer.read(MAX_INPUT + 1)
    if len(data) > MAX_INPUT:
        raise InputError(
            "guard.too-long",
            "The text is too long to be screened.",
            why=f"limit {MAX_INPUT} bytes",
            remedy="Screen it in parts.",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "screen.not-utf8", "The text is not UTF-8.", why=f"byte {error.start}", remedy="Convert it first."
        ) from None
