"""``govkernel demo``: the main job, end to end, on real input."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from govkernel.cli.output import plain, say


def demo(
    model: Annotated[
        Path | None,
        typer.Option(help="A model directory to use instead of MiniLM.", exists=True, file_okay=False),
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Leave the workspace in this (new) folder.")] = None,
) -> None:
    """Sign, attest, gate, tamper, admit, screen and audit: no account, no cluster, no network."""
    from govkernel.cli.demo import acts
    from govkernel.cli.demo.material import bring
    from govkernel.cli.demo.stage import Stage

    started = time.monotonic()
    root = keep or Path(tempfile.mkdtemp(prefix="govkernel-demo-"))
    root.mkdir(parents=True, exist_ok=True)
    try:
        with Stage(root) as stage:
            material = bring(root, model)
            acts.workspace(stage)
            acts.sign(stage, material)
            acts.attest(stage, material)
            acts.gate(stage, material)
            acts.tamper(stage, material)
            acts.admission(stage, material)
            acts.inference(stage)
            acts.audit(stage)
    finally:
        if keep is None:
            shutil.rmtree(root, ignore_errors=True)
    _farewell(time.monotonic() - started, keep)


def _farewell(seconds: float, keep: Path | None) -> None:
    say(f"\n[bold green]Done[/] in {seconds:.0f} s. Four doors, one kernel, one log.")
    if keep:
        say(f"The workspace is in {plain(keep.resolve())}.")
    say("Where to go next:")
    for what, where in (
        ("your first signed model", "docs/tutorial/first-hour.md"),
        ("install the webhook in a cluster", "docs/how-to/install-webhook.md"),
        ("write and test a policy", "docs/how-to/write-a-policy.md"),
        ("put the guard before your model", "docs/reference/guard.md"),
        ("check the log without us", "docs/reference/audit-log.md"),
    ):
        say(f"  {what.ljust(34)} {where}")
