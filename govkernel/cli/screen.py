"""``govkernel screen``: what the detectors find in a text, or in every row of a file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from govkernel.cli.output import Config, Json, finish, plain, say

if TYPE_CHECKING:
    from runtime_guard.choices import Rate
    from runtime_guard.screen import Screen

MAX_INPUT: Final = 4 * 1024 * 1024


def screen(
    text: Annotated[
        str | None, typer.Argument(help="The text; - or nothing for standard input.", show_default=False)
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="Who wrote it: system, user, tool or assistant [default: user].")
    ] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            help='Screen the rows {"id", "text", "role"?} of a file instead; - for standard input. '
            "Exit 0 when all were read."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the rows' findings go [default: standard output].")
    ] = None,
    tiers: Annotated[
        str,
        typer.Option(
            help="0: undo disguises; 1: patterns, rules, gate; 2: encoder [default: all that are installed]."
        ),
    ] = "",
    entities: Annotated[
        str, typer.Option(help="Types of spans to report in rows, with commas [default: all].")
    ] = "",
    false_positives: Annotated[
        str, typer.Option(help="How often models may flag harmless text by mistake: 0.1%, 1% or 5%.")
    ] = "1%",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Find PII, secrets and injections in a text, or in every row of a file: exit 0 found nothing, 1 something.

    The JSON document holds places and labels, and the text with every finding masked; never the values.
    """
    _refuse_mixed({"TEXT": text, "--role": role} if jsonl else {"--out": out, "--entities": entities})
    chosen = _screen(config, tiers, entities, false_positives)
    if jsonl is not None:
        from govkernel.cli.screen_rows import screen_file

        raise typer.Exit(screen_file(jsonl, out, chosen))
    _one("-" if text is None else text, "user" if role is None else role, chosen, as_json=as_json)


def _refuse_mixed(given: Mapping[str, object]) -> None:
    """Refuse what would be passed over in silence."""
    from govkernel.errors import InputError

    for name, value in given.items():
        if value:
            raise InputError(
                "cli.rows",
                f"{name} does not go with what is to be screened.",
                remedy="Screen one text (TEXT, --role), or rows (--jsonl with --out, --entities).",
            )


def _screen(config: Path | None, tiers: str, entities: str, rate: str) -> Screen:
    from dataclasses import replace

    from govkernel.assemble import plugin_host
    from govkernel.config import load_settings
    from govkernel.errors import ConfigError

    try:
        from govkernel.guarding import options_of, screen_of

        settings = load_settings(config)
        options = replace(options_of(settings), rate=_rate(rate))
        if tiers:
            options = replace(options, tiers=_tiers(tiers))
        wanted = [item.strip() for item in entities.split(",") if item.strip()]
        return screen_of(plugin_host(settings), options, entities=wanted or None)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("govkernel", "runtime_guard")):
            raise
        raise ConfigError(
            "serve.missing-extra",
            "Screening needs packages that are not installed.",
            why=f"No module named {error.name!r}.",
            remedy='Run `pip install "govkernel[guard]"`.',
        ) from None


def _tiers(given: str) -> frozenset[int]:
    from govkernel.errors import InputError
    from runtime_guard.choices import TIERS

    known = {str(tier): tier for tier in TIERS}
    parts = [part.strip() for part in given.split(",")]
    if not set(parts) <= set(known):
        raise InputError(
            "cli.tiers", f"There are no tiers {plain(given)!r}.", remedy="Use 0, 1, 2, with commas between."
        )
    return frozenset(known[part] for part in parts)


def _rate(given: str) -> Rate:
    from govkernel.errors import InputError
    from runtime_guard.choices import RATES

    for rate in RATES:
        if given == rate:
            return rate
    raise InputError(
        "cli.false-positives", f"There are no bounds for {plain(given)!r}.", remedy=f"Use {', '.join(RATES)}."
    )


def _one(text: str, role: str, chosen: Screen, *, as_json: bool) -> None:
    from govkernel.errors import InputError
    from runtime_guard.readers.interface import ROLES
    from runtime_guard.redact import masked

    if role not in ROLES:
        raise InputError(
            "cli.role", f"There is no role {role!r}.", remedy=f"Use one of {', '.join(sorted(ROLES))}."
        )
    content = _utf8(_read() if text == "-" else os.fsencode(text))
    found = asyncio.run(chosen.message(content, role))
    safe = masked(content, found)

    def tell() -> None:
        for item in found:
            place = f"{item.start:>6}-{item.end:<6}"
            say(f"{plain(item.label.ljust(18))} {place} {item.score:.2f}  {plain(item.detector)}")
        say(f"[dim]{len(found)} finding(s)[/]")
        if found:
            say(plain(safe))

    document = {"clean": not found, "findings": [item.model_dump() for item in found], "masked": safe}
    finish(not found, document, as_json=as_json, text=tell)


def _read() -> bytes:
    from govkernel.errors import InputError

    data = sys.stdin.buffer.read(MAX_INPUT + 1)
    if len(data) > MAX_INPUT:
        raise InputError(
            "guard.too-long",
            "The text is too long to be screened.",
            why=f"limit {MAX_INPUT} bytes",
            remedy="Screen it in parts.",
        )
    return data


def _utf8(data: bytes) -> str:
    from govkernel.errors import InputError

    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "screen.not-utf8", "The text is not UTF-8.", why=f"byte {error.start}", remedy="Convert it first."
        ) from None
