"""``govkernel admit``: the webhook's decision about manifests, without a cluster."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from govkernel.cli.output import Config, Exit, Json, Reports


def admit(
    manifests: Annotated[
        list[Path] | None,
        typer.Argument(help="Manifests: YAML or JSON, several documents allowed; - for standard input."),
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Option("--file", "-f", help="A manifest, as kubectl takes it; repeatable.")
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", help="Pack to ask instead of the configured ones; repeatable."),
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option("--key", help="Public key to trust for everything; repeatable.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="Trust policy to use instead of the configured one.")
    ] = None,
    user: Annotated[str, typer.Option(help="Who applies them, as Kubernetes would name them.")] = "",
    report: Annotated[str, typer.Option("--format", help="text, json, junit, sarif or github.")] = "text",
    reports: Reports = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Decide about manifests as the admission webhook would: exit 0 when all are allowed, 1 when one is denied."""
    from govkernel.cli.doors import (
        choose_trust,
        more_reports,
        packs_named,
        render,
        report_format,
        write_report,
    )
    from govkernel.config import load_settings

    settings = load_settings(config)
    judge = choose_trust(settings, trust, key or [])

    async def run() -> tuple[bool, str]:
        from govkernel.admission.offline import admit_files
        from govkernel.assemble import assembled
        from govkernel.gate.places import placed

        async with assembled(settings, trust=judge, packs=packs_named(settings, pack), local=True) as parts:
            chosen = report_format(parts.host, "json" if as_json else report)
            more = more_reports(parts.host, reports)
            outcome = await admit_files(
                [*(manifests or ()), *(files or ())],
                parts.kernel,
                parts.host,
                user=user,
                environments=settings.admission.environments,
            )
            outcome = placed(outcome, os.environ)
            for kind, path in more:
                write_report(path, await render(parts.host, kind, outcome))
            return outcome.allowed, await render(parts.host, chosen, outcome)

    allowed, rendered = asyncio.run(run())
    sys.stdout.write(rendered if rendered.endswith("\n") else rendered + "\n")
    raise typer.Exit(Exit.YES if allowed else Exit.NO)
