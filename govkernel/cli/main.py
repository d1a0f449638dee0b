"""The ``govkernel`` command: collects the commands, turns every failure into three lines and exit code 2."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, TextIO

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
    """Entry point of the ``govkernel`` script. Exit codes 0 and 1 are answers: who could not be told gets 2."""
    _open_streams()
    try:
        code = _run()
        sys.stdout.flush()
    except OSError:  # nobody listens any more, or the disk behind standard output is full
        _silence(sys.stdout)
        code = Exit.ERROR
    sys.exit(code)


def _run() -> int:
    """Run the command; its exit code."""
    stdout, as_json = sys.stdout, "--json" in sys.argv
    try:
        if _wants_plugins(sys.argv[1:]):
            plugins.add_commands(app)
        code = app(standalone_mode=not as_json)  # else typer prints wrong usage itself, never as JSON
        return code if isinstance(code, int) else Exit.YES
    except SystemExit as done:
        broken = sys.stdout is not stdout  # typer replaces it, and exits with 1, when nobody listens
        sys.stdout = stdout
        return done.code if isinstance(done.code, int) and not broken else Exit.ERROR
    except GovkernelError as error:
        show_error(error, as_json=as_json)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        usage = getattr(error, "format_message", None)  # of typer's errors, whose common class is not public
        if os.environ.get("GOVKERNEL_DEBUG") and usage is None:
            raise
        known = (
            _usage(usage()) if usage else _system(error) if isinstance(error, OSError) else _unexpected(error)
        )
        show_error(known, as_json=as_json)
    return Exit.ERROR


def _open_streams() -> None:
    """Standard streams that were closed lead nowhere; characters that they cannot show are replaced."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence(stream: TextIO) -> None:
    """Let what is still in the buffer go nowhere, so that the interpreter does not try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _usage(why: str) -> GovkernelError:
    return GovkernelError(
        "cli.usage",
        "The command does not take what it was given.",
        why=why,
        remedy="See its --help.",
    )


def _system(error: OSError) -> GovkernelError:
    return GovkernelError(
        "cli.system",
        "The system refused what the command needs.",
        why=f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}"[
            :300
        ],
        remedy="Check the path, its permissions and the space on the disk.",
    )


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
