"""``govkernel screen --jsonl``: rows in, findings out, in order, as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from govkernel.cli.arriving import arriving
from govkernel.cli.output import Exit, stderr
from govkernel.errors import InputError

if TYPE_CHECKING:
    from runtime_guard.screen import Screen


def screen_file(source: Path, target: Path | None, screen: Screen) -> int:
    """Screen every row of ``source`` (``-``: standard input) into ``target`` (None: standard output).

    Returns:
        The exit code: 0, also when rows were bad; each of those has its ``error``.

    Raises:
        InputError: ``screen.unreadable`` or ``screen.unwritable``.
    """
    from runtime_guard.rows.lines import paused_rows

    rows = bad = flagged = 0
    with ExitStack() as stack:
        stream = stack.enter_context(_opened(source))
        coming = arriving(stream)
        sink = stack.enter_context(_sink(target, source))
        watched = stack.enter_context(_progress(cast(BinaryIO, coming or stream), source))
        for document in screen.screen_many(paused_rows(watched, coming.waits if coming else lambda: False)):
            sink.write(_line(document))
            sink.flush()
            rows += 1
            bad += "error" in document
            flagged += bool(document.get("flagged") or document.get("findings"))
    stderr.print(f"[dim]{rows} row(s), {flagged} with findings, {bad} bad[/]")
    return Exit.YES


def _line(document: dict[str, Any]) -> str:
    """A document as one line, also for readers that end lines where Unicode does (U+2028, U+2029)."""
    line = json.dumps(document, ensure_ascii=False)
    return line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") + "\n"


@contextmanager
def _opened(source: Path) -> Iterator[BinaryIO]:
    if str(source) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = source.open("rb")
    except OSError as error:
        raise InputError(
            "screen.unreadable",
            f"{source} cannot be read.",
            why=type(error).__name__,
            remedy="Name a file of JSON lines.",
        ) from None
    with stream:
        yield stream


@contextmanager
def _sink(target: Path | None, source: Path) -> Iterator[TextIO]:
    if target is None:
        yield sys.stdout
        return
    try:
        if target.exists() and source.exists() and target.samefile(source):
            raise InputError(
                "screen.unwritable", "The rows would be written over themselves.", remedy="Name another file."
            )
        stream = target.open("w", encoding="utf-8")
    except OSError as error:
        raise InputError(
            "screen.unwritable",
            f"{target} cannot be written.",
            why=type(error).__name__,
            remedy="Name a file in a folder that exists.",
        ) from None
    with stream:
        yield stream


@contextmanager
def _progress(stream: BinaryIO, source: Path) -> Iterator[BinaryIO]:
    """A bar on a terminal: bytes read of all there are."""
    if not stderr.is_terminal:
        yield stream
        return
    size = source.stat().st_size if source.is_file() else None
    columns: tuple[Any, ...] = (
        TextColumn("screening"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as progress:
        yield progress.wrap_file(stream, total=size)
