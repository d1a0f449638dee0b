"""``govkernel gate``: the CI door."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from govkernel.cli.output import Config, Exit, Json, ReceiptsFolder, Reports
from govkernel.domain import Action
from govkernel.errors import InputError
from govkernel.facts import RISK_ORDER
from govkernel.gate.summary import VERIFIER


def gate(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Artifacts: files or folders; prefix with model:, prompt: or dataset: to say the kind."
        ),
    ],
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", help="Pack to ask instead of the configured ones; repeatable."),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            "--key", help="Public key to trust for everything, instead of the trust policy; repeatable."
        ),
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="Trust policy to use instead of the configured one.")
    ] = None,
    action: Annotated[str, typer.Option(help="promote, deploy or admit.")] = "promote",
    environment: Annotated[str, typer.Option(help="Where it is going, e.g. production.")] = "",
    risk: Annotated[
        str, typer.Option(help="Declared risk of the use: minimal, limited, high or unacceptable.")
    ] = "",
    report: Annotated[str, typer.Option("--format", help="text, json, junit, sarif or github.")] = "text",
    out: Annotated[Path | None, typer.Option(help="Write the report to a file as well.")] = None,
    reports: Reports = None,
    receipts: ReceiptsFolder = None,
    vsa_key: Annotated[
        str,
        typer.Option(
            "--vsa-key", help="Key that signs a verification summary about each artifact [default: none]."
        ),
    ] = "",
    vsa_verifier: Annotated[
        str, typer.Option("--vsa-verifier", help="URI of who verified, in the summaries.")
    ] = VERIFIER,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Verify artifacts and evaluate the packs: exit 0 when all are allowed, 1 when one is denied."""
    from govkernel.cli.doors import (
        choose_trust,
        more_reports,
        packs_named,
        render,
        report_format,
        write_report,
    )
    from govkernel.cli.signing import keep_summaries, open_key
    from govkernel.config import load_settings
    from govkernel.gate.places import placed
    from govkernel.gate.summary import summaries

    settings = load_settings(config)
    signing = open_key(vsa_key, settings) if vsa_key else None
    judge = choose_trust(settings, trust, key or [])

    async def run() -> tuple[bool, str]:
        from govkernel.assemble import assembled
        from govkernel.gate.service import run_gate

        chosen_packs = packs_named(settings, pack)
        async with assembled(
            settings, trust=judge, packs=chosen_packs, local=True, receipts=receipts
        ) as parts:
            chosen = report_format(parts.host, "json" if as_json else report)
            more = more_reports(parts.host, reports)
            outcome = await run_gate(
                paths, parts.kernel, action=_action(action), environment=environment, risk=_risk(risk)
            )
            outcome = placed(outcome, os.environ)
            for kind, path in more:
                write_report(path, await render(parts.host, kind, outcome))
            if signing is not None:
                stated = summaries(outcome, action, environment, risk, vsa_verifier)
                keep_summaries(stated, signing, settings)
            return outcome.allowed, await render(parts.host, chosen, outcome)

    allowed, rendered = asyncio.run(run())
    if out is not None:
        write_report(out, rendered)
    sys.stdout.write(rendered if rendered.endswith("\n") else rendered + "\n")
    raise typer.Exit(Exit.YES if allowed else Exit.NO)


def _action(name: str) -> Action:
    if name not in (Action.PROMOTE, Action.DEPLOY, Action.ADMIT):
        raise InputError(
            "cli.action", f"A gate cannot decide about {name!r}.", remedy="Use promote, deploy or admit."
        )
    return Action(name)


def _risk(name: str) -> str:
    if name not in RISK_ORDER:
        raise InputError(
            "cli.risk",
            f"There is no risk class {name!r}.",
            remedy="Use minimal, limited, high or unacceptable.",
        )
    return name
