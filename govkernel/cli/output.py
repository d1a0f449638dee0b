"""How commands speak: tables and sentences for people, one JSON document for machines, errors that advise.

Exit codes are the same everywhere: 0 allowed or true, 1 denied or false, 2 usage or system error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from govkernel.errors import GovkernelError, InputError
from govkernel.files import read_file


class Terminal(Console):
    """A console that leaves it to :mod:`govkernel.cli.main` what it means when nobody listens."""

    def on_broken_pipe(self) -> None:
        """Raise what was raised; called while it is handled."""
        raise  # noqa: PLE0704


def named(what: str) -> Callable[[str], Path]:
    """What reads a path that must name something: an empty one would mean the current folder.

    Args:
        what: the option or argument, for the message.
    """

    def path(text: str) -> Path:
        if text:
            return Path(text)
        raise InputError(
            "cli.path",
            f"{what} is empty.",
            why="Nothing stands between the quotes, or the variable there is not set.",
            remedy="Name the file or folder.",
        )

    return path


def path_argument(help_: str, metavar: str = "PATH") -> Any:
    """An argument that is a path and must name something.

    Args:
        help_: what it is for.
        metavar: what it is called in the help.
    """
    return typer.Argument(help=help_, metavar=metavar, parser=named(metavar))


def path_option(name: str, help_: str) -> Any:
    """An option whose value is a path that must name something.

    Args:
        name: of the option, with its hyphens.
        help_: what it is for.
    """
    return typer.Option(name, help=help_, metavar="PATH", parser=named(name))


console = Terminal(highlight=False, soft_wrap=True)
stderr = Terminal(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """Exit codes."""

    YES = 0
    NO = 1
    ERROR = 2


Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        help="FORMAT=FILE: another report of the same decisions, e.g. sarif=gate.sarif; repeatable.",
    ),
]
ReceiptsFolder = Annotated[
    Path | None,
    typer.Option(
        "--receipts",
        help="Keep receipts in this directory, and do not hash again what is unchanged since.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="Configuration file [default: nearest govkernel.toml].")
]


def finish(answer: bool, document: Mapping[str, Any], *, as_json: bool, text: Callable[[], None]) -> NoReturn:
    """Print the result and exit 0 when ``answer`` is true, else 1.

    Args:
        answer: allowed, verified, passed.
        document: the result for machines.
        as_json: print ``document`` instead of calling ``text``.
        text: prints the result for people.
    """
    if as_json:
        print_json(document)
    else:
        text()
    raise typer.Exit(Exit.YES if answer else Exit.NO)


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")


def read_named(path: Path, limit: int, what: str = "") -> bytes:
    """The content of a file that a person named, at most ``limit`` bytes; also through a pipe.

    Args:
        path: the file.
        limit: the most bytes it may have.
        what: what it is called in the error; default its path.

    Raises:
        InputError: ``cli.unreadable``.
    """
    try:
        return read_file(path, limit)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(
            "cli.unreadable", f"{what or path} cannot be read.", why=why, remedy="Check the path."
        ) from None


def say(text: str) -> None:
    """A line of our own text; rich markup is understood, so pass strangers' text through :func:`plain`."""
    console.print(text)


def plain(text: object) -> str:
    """Strangers' text, made harmless for a terminal: no markup, no control characters."""
    return escape("".join(char if char.isprintable() or char == "\n" else "�" for char in str(text)))


def show_error(error: GovkernelError, *, as_json: bool) -> None:
    """An error in three lines: what happened, why, what to do. As JSON on standard output with ``--json``."""
    if as_json:
        print_json({"error": error.as_dict()})
        return
    stderr.print(f"[bold red]error[/] {plain(error.what)} [dim]({error.code})[/]")
    if error.why:
        stderr.print(f"  why  {plain(error.why)}")
    if error.remedy:
        stderr.print(f"  fix  {plain(error.remedy)}")
