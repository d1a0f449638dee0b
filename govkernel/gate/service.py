"""The CI door: one request per artifact, one report about all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

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
from govkernel.gate.identity import pipeline
from govkernel.provenance import detect_kind


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
) -> Report:
    """Decide about artifacts.

    Args:
        paths: files or folders, each optionally prefixed with its kind, e.g. ``dataset:data/``.
        kernel: decides.
        action: what is to be done with them.
        environment: where they are going.
        risk: declared risk of the use.

    Raises:
        InputError: ``gate.no-such-path`` or ``gate.nothing``: there is nothing to decide about.
    """
    if not paths:
        raise InputError("gate.nothing", "No artifact was named.", remedy="Name at least one file or folder.")
    targets = [_target(item) for item in paths]
    principal = pipeline(os.environ)
    entries = []
    for kind, path in targets:
        request = Request(
            principal=principal,
            action=action,
            resource=EntityRef(type=kind.entity_type, id=path),
            door=Door.CI,
            artifacts=(ArtifactRef(uri=f"file:{path}", kind=kind, where=path),),
            environment=environment,
            risk=risk,
        )
        entries.append(_entry(kind, path, await kernel.judge(request)))
    return Report(
        command="gate",
        tool_version=__version__,
        packs=kernel.pack_names,
        created_at=datetime.now(UTC),
        entries=tuple(entries),
    )


def _target(argument: str) -> tuple[ArtifactKind, str]:
    prefix, colon, rest = argument.partition(":")
    named = ArtifactKind(prefix) if colon and prefix in set(ArtifactKind) else None
    path = os.path.normpath(rest if named else argument)
    if not Path(path).exists():
        raise InputError(
            "gate.no-such-path",
            f"There is no file or folder {path!r}.",
            remedy="Check the path; prefix it with model:, prompt: or dataset: to say what it is.",
        )
    return named or detect_kind(Path(path)), path


def _entry(kind: ArtifactKind, path: str, record: Record) -> ReportEntry:
    return ReportEntry(
        path=path,
        title=f"{kind.value} {path}",
        artifacts=tuple(subject.artifact for subject in record.subjects),
        evidence=tuple(subject.evidence for subject in record.subjects),
        decision=record.decision,
    )
