"""``govkernel bom``: a bill of materials of an artifact with all it was made from."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from govkernel.cli.lineage import reference, trace
from govkernel.cli.output import Config, Exit, plain, say
from govkernel.errors import InputError

if TYPE_CHECKING:
    from govkernel.lineage import Lineage


def bom(
    artifact: Annotated[str, typer.Argument(help="A file, a folder, a digest, or a signed name.")],
    kind: Annotated[str, typer.Option(help="model, dataset, … [default: detected, else model].")] = "",
    form: Annotated[
        str, typer.Option("--format", help="cyclonedx (1.6 JSON) or spdx (3.0.1 JSON-LD).")
    ] = "cyclonedx",
    out: Annotated[Path | None, typer.Option(help="File to write [default: standard output].")] = None,
    config: Config = None,
) -> None:
    """Write a bill of materials from lineage and accepted evidence."""
    from govkernel.bom import FORMATS, inventory_of, write
    from govkernel.config import load_settings
    from govkernel.files import replace_file

    if form not in FORMATS:
        raise InputError(
            "cli.format", f"There is no format {form!r}.", remedy=f"Use one of {', '.join(FORMATS)}."
        )
    settings = load_settings(config)
    lineage = asyncio.run(trace(settings, reference(artifact, kind), down=False))
    text = write(inventory_of(lineage, datetime.now(UTC), _files(Path(artifact), lineage)), form)
    if out is None:
        typer.echo(text, nl=False)
        raise typer.Exit(Exit.YES)
    try:
        replace_file(out, text.encode("utf-8"))
    except OSError as error:
        raise InputError(
            "cli.unwritable", f"{out} cannot be written.", why=str(error), remedy="Check the path."
        ) from None
    say(f"[green]✓[/] wrote {plain(out)}: {form}, {len(lineage.nodes)} artifacts")


def _files(path: Path, lineage: Lineage) -> list[tuple[str, str]]:
    """The files of a local model or dataset, if they are still those that were looked at."""
    from govkernel.provenance.digest import read

    if not path.exists():
        return []
    manifest, _ = read(path)
    if manifest.digest != lineage.root:
        return []
    return [(entry.path, entry.sha256) for entry in manifest.files]
