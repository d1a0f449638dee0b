"""``govkernel verify --pin`` and ``--exec``: verify a private copy of the artifact, then keep it or run on it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from govkernel.cli.output import path_option
from govkernel.errors import InputError

if TYPE_CHECKING:
    from govkernel.domain import RejectedStatement
    from govkernel.provenance.digest import PathReader
    from govkernel.provenance.pin import PinnedCopy

VERIFIED_PATH = "GOVKERNEL_VERIFIED_PATH"

Pin = Annotated[
    Path | None,
    path_option(
        "--pin", "Copy the artifact while it is hashed, and put it here, read-only, once it is verified."
    ),
]
Exec = Annotated[
    bool,
    typer.Option(
        "--exec",
        help="Then run the command after --, with the verified copy for {} and in GOVKERNEL_VERIFIED_PATH.",
    ),
]
Command = Annotated[
    list[str] | None,
    typer.Argument(
        help="After --, with --exec: the command; its exit status is passed on.", metavar="[-- COMMAND]"
    ),
]

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Reading:
    """What to verify, how to read it, and what to do with it then.

    Attributes:
        path: the artifact, or the private copy of it.
        reader: reads it.
    """

    def __init__(self, path: Path, reader: PathReader, copy: PinnedCopy | None, target: Path | None) -> None:
        self.path = path
        self.reader = reader
        self._copy = copy
        self._target = target

    def told(self, refused: RejectedStatement) -> RejectedStatement:
        """A refusal in terms of the artifact, not of the copy, which will be gone."""
        if self._copy is None:
            return refused
        return refused.model_copy(update={"why": refused.why.replace(str(self.path), self.path.name)})

    def keep(self) -> Path | None:
        """Put the copy, now that it is verified, where it was asked for; where it lies, None without one."""
        if self._copy is None or self._target is None:
            return self._copy.path if self._copy else None
        return self._copy.move(self._target)


@contextmanager
def reading(
    path: Path,
    *,
    pin: Path | None,
    run: bool,
    command: Sequence[str],
    receipts: Path | None,
    skip: frozenset[str],
) -> Iterator[Reading]:
    """The artifact to verify, or a copy of it that lives as long as the context unless it is kept.

    Args:
        path: the artifact.
        pin: where a copy should be put.
        run: a command should be run on a copy.
        command: that command.
        receipts: directory of receipts, which may stand in for hashing.
        skip: files of a directory that are not part of the artifact.

    Raises:
        InputError: ``cli.pin`` or ``cli.exec``: options that do not go together, or no such command.
    """
    from govkernel.provenance import Receipts
    from govkernel.provenance.digest import read
    from govkernel.provenance.pin import pinned

    _check(pin, run, command, receipts)
    if not pin and not run:
        yield Reading(path, Receipts(receipts).read if receipts else read, None, None)
        return
    beside = pin.absolute().parent if pin else Path(tempfile.gettempdir())
    with pinned(path, beside, skip) as copy:
        yield Reading(copy.path, copy.read, copy, pin)


def run_command(command: Sequence[str], verified: Path) -> NoReturn:
    """Run a command on the verified copy, and exit as it does; by signal N as 128 + N, like a shell.

    Raises:
        InputError: ``cli.exec``: it cannot be started.
    """
    text = str(verified)
    arguments = [item.replace("{}", text) for item in command]
    try:
        child = subprocess.Popen(arguments, env={**os.environ, VERIFIED_PATH: text})
    except OSError as error:
        raise InputError(
            "cli.exec",
            f"The command {command[0]!r} cannot be started.",
            why=error.strerror or type(error).__name__,
            remedy="Check its name and permissions.",
        ) from None
    before = {number: signal.signal(number, lambda got, _: child.send_signal(got)) for number in _PASSED_ON}
    try:
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    raise typer.Exit(status if status >= 0 else 128 - status)


def _check(pin: Path | None, run: bool, command: Sequence[str], receipts: Path | None) -> None:
    if (pin or run) and receipts:
        raise InputError(
            "cli.pin",
            "A copy is always hashed, so receipts do not go with --pin and --exec.",
            remedy="Leave one of them out.",
        )
    if run != bool(command):
        raise InputError(
            "cli.exec",
            "--exec and a command after -- go together.",
            remedy="Write govkernel verify PATH --bundle B --key K --exec -- COMMAND {}.",
        )
    if run and shutil.which(command[0]) is None:
        raise InputError(
            "cli.exec",
            f"There is no command {command[0]!r}.",
            remedy="Check its name and permissions.",
        )
