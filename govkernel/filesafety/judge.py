"""Walk a file or a directory, open each file once, and judge it through that descriptor. Links are never followed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from govkernel.domain.formats import format_of
from govkernel.domain.manifest import IGNORED
from govkernel.errors import InputError
from govkernel.filesafety.budget import Budget, Limits
from govkernel.filesafety.dispatch import examine
from govkernel.filesafety.interface import Finding, JudgedFile, Place, Report, printable
from govkernel.filesafety.source import FileSource, blocks

MAX_FILES: Final = 100_000
MAX_PATH: Final = 1024
MAX_DEPTH: Final = 64
MAX_FINDINGS: Final = 10_000
HEAD: Final = 16
_NO_FILE: Final = {stat.S_IFDIR: "too-deep"}


def judge(path: Path, *, hashed: bool = False, limits: Limits | None = None) -> Report:
    """Judge a file, or every file of a directory. Nothing in them can make this raise.

    Args:
        path: what to judge.
        hashed: also hash each file, through the descriptor it is judged by.
        limits: of each file.

    Raises:
        InputError: ``filesafety.not-found``: there is nothing at the path.
    """
    if not path.is_symlink() and not path.exists():
        raise InputError(
            "filesafety.not-found", f"There is nothing at {str(path)!r}.", remedy="Check the path."
        )
    files: list[JudgedFile] = []
    findings: list[Finding] = []
    folder = path.is_dir() and not path.is_symlink()
    entries = dict(islice(_walk(path, "", MAX_DEPTH), MAX_FILES + 1)) if folder else {path.name: path}
    beside = {name: size for name, item in entries.items() if (size := _size(item)) is not None}
    for name, item in sorted(entries.items()):
        if len(files) >= MAX_FILES or len(findings) >= MAX_FINDINGS:
            findings.append(Finding(printable(name, MAX_PATH), "too-many-members"))
            break
        place = Place(printable(name, MAX_PATH), name, Budget(limits or Limits()), examine, beside)
        judged = _judge_file(item, place, findings, hashed=hashed)
        files.extend([judged] if judged else [])
    if not files and not findings:
        findings.append(Finding(printable(path.name, MAX_PATH), "empty"))
    return Report(tuple(files), tuple(findings))


def _judge_file(path: Path, place: Place, findings: list[Finding], *, hashed: bool) -> JudgedFile | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        findings.append(place.finding("link" if path.is_symlink() else "unreadable"))
        return None
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            findings.append(place.finding(_NO_FILE.get(stat.S_IFMT(before.st_mode), "not-a-file")))
            return None
        source = FileSource(descriptor, before.st_size)
        digest = _sha256(source) if hashed else ""
        findings.extend(_bounded(examine(source, place)))
        if _stamp(os.fstat(descriptor)) != _stamp(before):
            findings.append(place.finding("changed"))
        head = source.read(0, HEAD)
        return JudgedFile(place.name, format_of(place.name, head), before.st_size, digest, head)
    except OSError:
        findings.append(place.finding("unreadable"))
        return None
    finally:
        os.close(descriptor)


def _bounded(found: Iterator[Finding]) -> Iterator[Finding]:
    """Each finding once, and not without end."""
    seen: set[Finding] = set()
    for finding in found:
        if finding not in seen:
            seen.add(finding)
            yield finding
        if len(seen) >= MAX_FINDINGS:
            return


def _size(path: Path) -> int | None:
    """Size of a regular file, in bytes; None for anything else."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sha256(source: FileSource) -> str:
    hasher = hashlib.sha256()
    for block in blocks(source):
        hasher.update(block)
    return hasher.hexdigest()


def _walk(directory: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path]]:
    """Every entry that is no directory, by its path; what is deeper than can be judged, as the directory itself.

    What is no part of an artifact is left out, as in ``govkernel.provenance``.
    """
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        yield prefix.rstrip("/") or directory.name, directory
        return
    for entry in entries:
        name = prefix + entry.name
        folder = entry.is_dir() and not entry.is_symlink()
        if name in IGNORED and (name in {".git", ".github"} or not folder):
            continue
        if folder and depth:
            yield from _walk(entry, f"{name}/", depth - 1)
        else:
            yield name, entry
