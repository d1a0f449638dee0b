"""The CI door: one request per artifact, one report about all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from govkernel import __version__
from govkernel.domain import (
    Action,
    ArtifactKind,
    ArtifactRef,
    Door,
    EntityRef,
    Record,
    Report,
    ReportEntry,
    Request,
)
from govkernel.errors import InputError
from govkernel.gate.identity import Job, identify
from govkernel.provenance import detect_kind

MAX_PATHS: Final = 1000
LOCAL_KINDS: Final = frozenset(ArtifactKind) - {ArtifactKind.IMAGE, ArtifactKind.TOOL}
"""What a file or folder can be. Packs ask less of images and tools, whose content is judged elsewhere: a model
called one would pass unsigned."""

_REMEDY: Final = "Check the path; prefix it with model:, prompt: or dataset: to say what it is."


class Decider(Protocol):
    """The kernel, as this door sees it."""

    @property
    def pack_names(self) -> tuple[str, ...]:
        """``id@version`` of the packs that are asked."""

    async def judge(self, request: Request) -> Record:
        """The recorded decision with its evidence."""


async def run_gate(
    paths: Sequence[str],
    kernel: Decider,
    *,
    action: Action = Action.PROMOTE,
    environment: str = "",
    risk: str = "",
    job: Job | None = None,
    now: datetime | None = None,
) -> Report:
    """Decide about artifacts; nothing is asked before all of them were found.

    Args:
        paths: files or folders, each optionally prefixed with its kind, e.g. ``dataset:data/``.
        kernel: decides.
        action: what is to be done with them.
        environment: where they are going.
        risk: declared risk of the use.
        job: who asks; default: what the environment variables of this process say.
        now: time of the report; default: the current time. Decisions carry the kernel's own.

    Raises:
        InputError: ``gate.nothing``, ``gate.too-many``, ``gate.bad-path`` or ``gate.no-such-path``.
        ProvenanceError: ``provenance.kind-unknown``: a path whose kind must be said.
    """
    targets = _targets(paths)
    asker = job or identify(os.environ)
    entries = []
    for kind, path, ref in targets:
        request = Request(
            principal=asker.principal,
            action=action,
            resource=EntityRef(type=kind.entity_type, id=ref.uri),
            door=Door.CI,
            artifacts=(ref,),
            environment=environment,
            risk=risk,
            attributes=dict(asker.attributes),
        )
        entries.append(_entry(kind, path, await kernel.judge(request)))
    return Report(
        command="gate",
        tool_version=__version__,
        packs=kernel.pack_names,
        created_at=now or datetime.now(UTC),
        entries=tuple(entries),
    )


def _targets(arguments: Sequence[str]) -> list[tuple[ArtifactKind, str, ArtifactRef]]:
    if not arguments:
        raise InputError("gate.nothing", "No artifact was named.", remedy="Name at least one file or folder.")
    if len(arguments) > MAX_PATHS:
        raise InputError(
            "gate.too-many",
            f"{len(arguments)} artifacts were named.",
            why=f"The limit is {MAX_PATHS} per run.",
            remedy="Name folders instead of the files in them, or run the gate several times.",
        )
    return [_target(argument) for argument in arguments]


def _target(argument: str) -> tuple[ArtifactKind, str, ArtifactRef]:
    prefix, colon, rest = argument.partition(":")
    named = ArtifactKind(prefix) if colon and prefix in LOCAL_KINDS else None
    written = rest if named else argument
    if not written:
        raise InputError(
            "gate.no-such-path",
            "The path of an artifact is empty.",
            why="Nothing stands between the quotes, or the variable there is not set.",
            remedy=_REMEDY,
        )
    path = os.path.normpath(written)
    if not _exists(path):
        what = f"There is no file or folder {ascii(path)[:200]}."
        raise InputError("gate.no-such-path", what, remedy=_REMEDY)
    if os.path.realpath(written) != os.path.realpath(path):
        raise InputError(
            "gate.bad-path",
            f"The path {ascii(written)[:200]} cannot be asked about.",
            why="It climbs out of a symbolic link with '..', so that it leads elsewhere than it reads.",
            remedy="Write the path without '..'.",
        )
    kind = named or detect_kind(Path(path))
    try:
        path.encode("utf-8")
        return kind, path, ArtifactRef(uri=f"file:{path}", kind=kind, where=path)
    except (UnicodeEncodeError, ValidationError):
        raise InputError(
            "gate.bad-path",
            f"The path {ascii(path)[:200]} cannot be asked about.",
            why="It is longer than 2,043 characters, not UTF-8, or holds control characters.",
            remedy="Rename the file or folder.",
        ) from None


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name too long for the file system, a folder that may not be looked into
        return False


def _entry(kind: ArtifactKind, path: str, record: Record) -> ReportEntry:
    return ReportEntry(
        path=path,
        title=f"{kind.value} {path}",
        artifacts=tuple(subject.artifact for subject in record.subjects),
        evidence=tuple(subject.evidence for subject in record.subjects),
        decision=record.decision,
    )
