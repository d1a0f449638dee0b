"""The ``govkernel`` command: collects the commands, turns every failure into three lines and exit code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from govkernel import __version__
from govkernel.cli import (
    admit,
    attest,
    audit,
    bom,
    config,
    dataset,
    gate,
    init,
    layout,
    lineage,
    plugins,
    policy,
    scan,
    screen,
    serve,
    sign,
    trust,
    vault,
    verify,
)
from govkernel.cli.demo.command import demo
from govkernel.cli.output import Exit, show_error
from govkernel.errors import GovkernelError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="govkernel: one decision path for AI artifacts and traffic.",
)

app.command("demo")(demo)
app.command("init")(init.init)
app.add_typer(sign.app, name="sign")
app.command("attest")(attest.attest)
app.command("verify")(verify.verify)
app.add_typer(dataset.app, name="dataset")
app.add_typer(trust.app, name="trust")
app.command("gate")(gate.gate)
app.command("admit")(admit.admit)
app.command("lineage")(lineage.lineage)
app.command("bom")(bom.bom)
app.command("layout")(layout.layout)
app.add_typer(policy.app, name="policy")
app.command("scan")(scan.scan)
app.command("screen")(screen.screen)
app.add_typer(serve.app, name="serve")
app.add_typer(audit.app, name="audit")
app.add_typer(vault.app, name="vault")
app.command("plugins")(plugins.plugins)
app.add_typer(config.app, name="config")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Options of the command itself."""
    if version:
        typer.echo(f"govkernel {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the ``govkernel`` script."""
    try:
        if _wants_plugins(sys.argv[1:]):
            plugins.add_commands(app)
        app()
    except GovkernelError as error:
        show_error(error, as_json="--json" in sys.argv)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("GOVKERNEL_DEBUG"):
            raise
        show_error(_unexpected(error), as_json="--json" in sys.argv)
    sys.exit(Exit.ERROR)


def _wants_plugins(arguments: Sequence[str]) -> bool:
    """Plugins are only loaded for their own commands, so that a broken one cannot stop ours."""
    ours = {command.name for command in app.registered_commands} | {
        group.name for group in app.registered_groups
    }
    word = next((item for item in arguments if not item.startswith("-")), None)
    return word is not None and word not in ours


def _unexpected(error: Exception) -> GovkernelError:
    return GovkernelError(
        "cli.unexpected",
        "The command failed in a way it should not.",
        why=f"{type(error).__name__}: {str(error)[:200]}",
        remedy="Set GOVKERNEL_DEBUG=1 to see where, and report it.",
    )
