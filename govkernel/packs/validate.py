"""Says what is wrong with a pack, as data: for ``govkernel policy validate`` and for editors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from govkernel.errors import GovkernelError
from govkernel.hookspecs import PolicyEngine
from govkernel.packs.cases import EXAMPLE_TIME, read_cases
from govkernel.packs.load import load_pack

_PLACE: Final = re.compile(r"(?P<file>[\w./-]+\.(?:cedar|rego|yaml))(?::(?P<line>\d+))?")
_LINE: Final = re.compile(r"\bline (\d+)")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        code: stable error code.
        message: what and why.
        remedy: what to do.
        file: file the message names, or empty.
        line: line in that file, from 1; 0 when unknown.
    """

    code: str
    message: str
    remedy: str = ""
    file: str = ""
    line: int = 0


async def validate_pack(
    directory: Path,
    engine: PolicyEngine,
    *,
    now: datetime = EXAMPLE_TIME,
    parameters: Mapping[str, Any] | None = None,
) -> tuple[Problem, ...]:
    """Load the pack into the engine and read its cases.

    Args:
        directory: the pack's folder.
        engine: the engine the pack names.
        now: the time at which cases are judged.
        parameters: values for its parameters.

    Returns:
        The problems; empty when the pack can be used.
    """
    problems = []
    try:
        await engine.load(load_pack(directory, parameters=parameters))
    except GovkernelError as error:
        problems.append(problem_of(error))
    try:
        read_cases(directory, now=now)
    except GovkernelError as error:
        problems.append(problem_of(error))
    return tuple(dict.fromkeys(problems))


def problem_of(error: GovkernelError) -> Problem:
    """The error as data, with the place it names, if it names one."""
    message = f"{error.what} {error.why}".strip()
    place = _PLACE.search(message)
    line = (place and place.group("line")) or (found.group(1) if (found := _LINE.search(message)) else "0")
    return Problem(
        code=error.code,
        message=message,
        remedy=error.remedy,
        file=place.group("file") if place else "",
        line=int(line),
    )
