"""What a name means in a repository: the commit, the files of its tree, and their bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from govkernel.domain.paths import MAX_FILES
from govkernel.errors import GovkernelError
from govkernel_git.name import HEAD, GitName
from govkernel_git.process import Git, Running

MAX_REFS: Final = 100_000
"""Lines of an answer about refs: servers that know no better send all they have."""

_REF: Final = re.compile(rb"([0-9a-f]{40})\t([!-~]{1,4096})")
_ENTRY: Final = re.compile(
    rb"(?P<mode>[0-7]{6}) (?P<type>[a-z]+) (?P<oid>[0-9a-f]{40}) +(?P<size>[0-9]{1,18}|-)\t(?P<path>.+)",
    re.DOTALL,
)
_BLOB: Final = re.compile(rb"[0-9a-f]{40} blob ([0-9]{1,18})")
_PLAIN: Final = frozenset({b"100644", b"100755", b"100664"})

Left = Callable[[], float]
"""Seconds that are left for a read."""


class File(NamedTuple):
    """An entry of a tree.

    Attributes:
        path: from the root of the tree, with ``/``.
        mode: as git writes it, e.g. ``100644``.
        oid: of the object.
        size: in bytes; 0 for what is no file.
    """

    path: str
    mode: str
    oid: str
    size: int

    @property
    def plain(self) -> bool:
        """Whether it is a file, and not a link or another repository."""
        return self.mode.encode() in _PLAIN


Take = Callable[[File, Iterator[bytes]], None]


def commit_of(git: Git, name: GitName, seconds: float) -> str | None:
    """The commit that a branch or tag means now; None when there is no such ref.

    Raises:
        GovkernelError: ``git.unavailable``; ``git.ambiguous``: it is a branch and a tag.
    """
    if name.ref == HEAD or name.ref.startswith("refs/"):
        wanted = [name.ref]
    else:
        wanted = [f"refs/heads/{name.ref}", f"refs/tags/{name.ref}"]
    found: dict[str, str] = {}
    patterns = [pattern for ref in wanted for pattern in (ref, f"{ref}^{{}}")]
    with git.running(seconds, "ls-remote", "--quiet", "--", name.url, *patterns) as run:
        for oid, ref in _refs(run):
            if ref in patterns:
                found[ref] = oid
    # What an annotated tag leads to is said beside it, with ^{}.
    commits = {ref: found.get(f"{ref}^{{}}", found[ref]) for ref in wanted if ref in found}
    if len(commits) > 1:
        raise GovkernelError(
            "git.ambiguous",
            f"{ascii(name.ref)[:200]} is a branch and a tag of {name.url}.",
            remedy=f"Say which: refs/heads/{name.ref} or refs/tags/{name.ref}, or the commit.",
        )
    return next(iter(commits.values()), None)


def fetch(git: Git, name: GitName, commit: str, left: Left) -> None:
    """Get a commit with its tree, and nothing of its history.

    Raises:
        GovkernelError: ``git.unavailable``; also when the server has no such commit.
    """
    options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules")
    quiet = ("--no-write-fetch-head", "--no-auto-maintenance")
    git.run(left(), "fetch", *options, *quiet, "--", name.url, commit)
    with git.running(left(), "cat-file", "-t", commit) as run:
        kind = run.line()
    if kind != b"commit":
        raise GovkernelError(
            "git.no-commit",
            f"{commit} is no commit of {name.url}.",
            why=f"It is a {ascii(kind.decode('latin-1'))[1:-1][:20]}.",
            remedy="Name the commit.",
        )


def files_of(git: Git, commit: str, left: Left) -> list[File]:
    """All entries of a commit's tree.

    Raises:
        GovkernelError: ``git.unavailable``, ``git.too-many``.
    """
    found: list[File] = []
    with git.running(left(), "ls-tree", "-r", "-z", "-l", "--full-tree", commit) as run:
        for line in run.records(b"\0"):
            match = _ENTRY.fullmatch(line)
            if match is None:
                raise EOFError
            if len(found) == MAX_FILES:
                raise GovkernelError(
                    "git.too-many",
                    f"The repository has more than {MAX_FILES:,} files.",
                    remedy="Keep large artifacts in a repository of their own.",
                )
            path = match["path"].decode("utf-8", "surrogateescape")
            size = 0 if match["size"] == b"-" else int(match["size"])
            found.append(File(path, match["mode"].decode(), match["oid"].decode(), size))
    return found


def contents(git: Git, files: Sequence[File], left: Left, take: Take) -> None:
    """The bytes of files, one after the other.

    Args:
        git: has the repository.
        files: plain ones.
        left: seconds that are left.
        take: is given each file with its bytes, and takes them all.

    Raises:
        GovkernelError: ``git.unavailable``, or what ``take`` raises.
    """
    with git.running(left(), "cat-file", "--batch") as run:
        for file in files:
            run.write(f"{file.oid}\n".encode())
            head = _BLOB.fullmatch(run.line())
            if head is None or int(head[1]) != file.size:
                raise EOFError
            take(file, run.blocks(file.size))
            if run.line() != b"":
                raise EOFError


def _refs(run: Running) -> Iterator[tuple[str, str]]:
    for count, line in enumerate(run.records(b"\n")):
        match = _REF.fullmatch(line)
        if match is None or count == MAX_REFS:
            raise EOFError
        yield match[1].decode(), match[2].decode()
