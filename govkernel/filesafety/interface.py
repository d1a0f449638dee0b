"""What an examiner gets and gives: a source of bytes, a place to report from, findings, and the verdict of them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from govkernel import __version__
from govkernel.filesafety.budget import Budget
from govkernel.filesafety.rules import RULES
from govkernel.filesafety.source import Source

MAX_DETAIL: Final = 200
MAX_STATED: Final = 50
"""Findings in a predicate; all of them are counted."""


class Verdict(StrEnum):
    """What can be said of a file, or of all of them."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"


class Refused(Exception):
    """Ends the examination of one file.

    Attributes:
        rule: a key of :data:`govkernel.filesafety.rules.RULES`.
        detail: what exactly, at most 200 printable characters.
    """

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(rule, detail)
        self.rule = rule
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a file is not safe.

    Attributes:
        path: of the file, relative to what was judged; ``!/`` stands before the name of a member of an archive.
        rule: a key of :data:`govkernel.filesafety.rules.RULES`.
        detail: what exactly; strangers' text, made printable.
    """

    path: str
    rule: str
    detail: str = ""

    @property
    def verdict(self) -> Verdict:
        """Unsafe, or unknown."""
        return Verdict.UNSAFE if RULES[self.rule].unsafe else Verdict.UNKNOWN


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The worst of the findings; safe when there are none."""
    seen = {finding.verdict for finding in findings}
    return next((item for item in (Verdict.UNSAFE, Verdict.UNKNOWN) if item in seen), Verdict.SAFE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an examiner is.

    Attributes:
        path: of the file, for findings.
        name: the name a loader goes by: a path inside the artifact or the archive.
        budget: shared by everything inside one file of the artifact.
        judge: judges something found inside, e.g. a member of an archive.
        beside: sizes of the regular files of the artifact, by path.
    """

    path: str
    name: str
    budget: Budget
    judge: Callable[[Source, Place], Iterator[Finding]]
    beside: dict[str, int]

    def inside(self, name: str) -> Place:
        """A place for a member.

        Raises:
            Refused: ``too-deep``, ``too-many-members``.
        """
        if self.path.count("!/") >= self.budget.limits.depth:
            raise Refused("too-deep", name)
        if not self.budget.enter():
            raise Refused("too-many-members", name)
        return replace(self, path=f"{self.path}!/{printable(name)}", name=name)

    def finding(self, rule: str, detail: str = "") -> Finding:
        """A finding here."""
        return Finding(self.path, rule, printable(detail))


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A file that was judged.

    Attributes:
        path: relative to what was judged.
        format: as :mod:`govkernel.domain.formats` tells it.
        size: in bytes.
        sha256: of the bytes judged, hex; empty when they were not hashed.
        head: its first bytes.
    """

    path: str
    format: str
    size: int
    sha256: str
    head: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome.

    Attributes:
        files: every file that was read, by path.
        findings: every reason why it is not safe, by path.
    """

    files: tuple[JudgedFile, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        return verdict_of(self.findings)

    @property
    def complete(self) -> bool:
        """Everything was read to its end, and is of a format that can be judged."""
        return all(item.verdict is Verdict.UNSAFE for item in self.findings)

    def predicate(self, digest: str, now: datetime) -> dict[str, Any]:
        """The predicate, as attestations/file-safety describes it.

        Args:
            digest: SHA-256 of what was judged, as its subject digest, hex.
            now: stated as the end; aware.
        """
        return {
            "verdict": self.verdict.value,
            "complete": self.complete,
            "checked": {"sha256": digest},
            "files": len(self.files),
            "formats": sorted({item.format for item in self.files}),
            "rules": dict(sorted(Counter(item.rule for item in self.findings).items())),
            "findings": [
                {"path": item.path[:1024], "rule": item.rule, "detail": item.detail}
                for item in self.findings[:MAX_STATED]
            ],
            "scanner": {"name": "govkernel", "version": __version__},
            "finishedOn": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def printable(text: str, limit: int = MAX_DETAIL) -> str:
    """Strangers' text, bounded and without control characters or lone surrogates."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)
