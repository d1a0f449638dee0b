"""``govkernel audit``: ask the decision log, and check it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from govkernel.cli.output import Config, Json, finish, plain, print_json, say

MAX_SHOWN: Final = 3

app = typer.Typer(no_args_is_help=True, help="Query and verify the decision log.")
Database = Annotated[str, typer.Option(help="SQLAlchemy URL of the log [default: the workspace's].")]


@app.command()
def query(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="e.g. 'decision:deny since:1d -policy:baseline/unsigned'; after -- when it begins with -."
        ),
    ] = None,
    database: Database = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print decisions, newest first. Only reads, and needs no key."""
    from govkernel.audit import open_reader
    from govkernel.config import load_settings

    with open_reader(database or load_settings(config).database_url) as log:
        rows = log.query(" ".join(words or []), datetime.now(UTC))
    if as_json:
        print_json({"records": [row.as_dict() for row in rows]})
        return
    for row in rows:
        _show(row)
    say(f"[dim]{len(rows)} record(s)[/]")


@app.command()
def verify(
    database: Database = "",
    key: Annotated[
        Path | None, typer.Option(help="Public key of the log (PEM) [default: the workspace's].")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint you kept: the log must contain it.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check every row, proof and signature: exit 0 when the log is intact, 1 when it is not."""
    from govkernel.audit import verify_log
    from govkernel.cli.doors import read_key
    from govkernel.config import load_settings

    settings = load_settings(config)
    pem = read_key(key) if key else None
    kept = read_key(checkpoint).decode("utf-8", "replace") if checkpoint else None
    report = verify_log(
        database or settings.database_url,
        origin=settings.audit.origin,
        key=pem or settings.path(settings.audit.key),
        now=datetime.now(UTC),
        expected_checkpoint=kept,
    )

    def text() -> None:
        for finding in report.findings:
            say(f"[red]✗[/] {plain(finding)}")
        if report.intact:
            say(
                f"[green]✓[/] {report.size} record(s), {report.checkpoints} checkpoint(s): "
                "every one is as it was written."
            )

    finish(report.intact, report.as_dict(), as_json=as_json, text=text)


def _show(row: Any) -> None:
    colour = "green" if row.effect == "allow" else "red"
    moment = row.decided_at.strftime("%Y-%m-%d %H:%M:%S")
    say(
        f"{row.index:>6}  {moment}  [{colour}]{row.effect:<5}[/]  {row.door:<9} "
        f"{plain(row.principal)} {plain(row.action)} {plain(row.resource)}"
    )
    decision = row.record.decision
    for reason in decision.reasons[:MAX_SHOWN]:
        say(f"        [dim]{plain(reason.policy)}[/] {plain(reason.message)}")
    for reason in decision.warnings[:MAX_SHOWN]:
        say(f"        [yellow]warned[/] [dim]{plain(reason.policy)}[/] {plain(reason.message)}")
    left = sum(max(0, len(told) - MAX_SHOWN) for told in (decision.reasons, decision.warnings))
    if left:
        say(f"        [dim]and {left} more: --json shows all[/]")
