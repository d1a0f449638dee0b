"""Kill a command at every step by which it changes files, each time in a fresh copy of a workspace.

Run as ``python kill_driver.py TEMPLATE PLACE``, with a plan as JSON on standard input: ``command`` is killed, then each
of ``checks`` is run, ``command`` once more, and each of ``checks`` again. Prints a JSON object per kill. A step is an
audit event of the interpreter (PEP 578) about a file below the workspace.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from govkernel.cli import output
from govkernel.cli.main import main

MAX_STEPS = 400
CHANGES = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
)


def run(place: Path, arguments: list[str], kill_at: int = 0) -> dict[str, Any]:
    """Exit code and JSON output of a command in a process of its own; code -9 when it was killed at that step."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(place, arguments, kill_at, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ValueError):
        return {"code": os.waitstatus_to_exitcode(status), "said": json.loads(told)}
    return {"code": os.waitstatus_to_exitcode(status), "said": {"text": told.decode("utf-8", "replace")}}


def _child(place: Path, arguments: list[str], kill_at: int, writing: int) -> None:
    os.chdir(place)
    steps = 0

    def hook(event: str, details: tuple[Any, ...]) -> None:
        nonlocal steps
        if kill_at and _changes(event, details, place):
            steps += 1
            if steps == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    told = io.StringIO()
    sys.argv = ["govkernel", *arguments]
    sys.stdout = told
    output.console._file = told  # type: ignore[attr-defined]
    code = 2
    try:
        main()
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        os.write(writing, told.getvalue().encode())
        os._exit(code)


def _changes(event: str, details: tuple[Any, ...], place: Path) -> bool:
    if event == "open":
        path, _, flags = details
        wanted = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    elif event in CHANGES:
        path, wanted = details[0], True
    else:
        return False
    if not wanted or isinstance(path, int):
        return False
    return Path(os.fsdecode(path)).absolute().is_relative_to(place)


def everything(place: Path) -> list[str]:
    """Every file there."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def plan(template: Path, place: Path, command: list[str], checks: list[list[str]]) -> None:
    """Kill the command at its first step, its second, and so on, until it ends by itself."""
    for step in range(1, MAX_STEPS):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(template, place, symlinks=True)
        done = run(place, command, step)
        if done["code"] != -signal.SIGKILL:
            print(json.dumps({"steps": step - 1, "end": done}))
            return
        after = [run(place, check) for check in checks]
        files = everything(place)
        retry = run(place, command)
        again = [run(place, check) for check in checks]
        found = {"files": files, "left": everything(place)}
        print(json.dumps({"step": step, "after": after, "retry": retry, "again": again, **found}))


if __name__ == "__main__":
    given = json.loads(sys.stdin.read())
    plan(Path(sys.argv[1]), Path(sys.argv[2]), given["command"], given["checks"])
