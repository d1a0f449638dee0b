"""Names in git repositories become digests of the files in the tree of a commit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from govkernel.domain import Artifact, ArtifactRef
from govkernel.domain.content import READABLE, Content, named
from govkernel.domain.readings import Readings, Remembered, too_slow
from govkernel.errors import GovkernelError
from govkernel_git import repository
from govkernel_git.attributes import ATTRIBUTES, LFS_POINTER, MAX_ATTRIBUTES, check_attributes, check_pointer
from govkernel_git.name import GitName, parse
from govkernel_git.process import Git
from govkernel_git.repository import File
from govkernel_git.settings import GitSettings


class GitResolver:
    """Follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        settings: which hosts and folders, and limits.
    """

    schemes = frozenset({"git+https", "git+http", "git+file"})

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings
        self._readings = Readings(wait=settings.wait)
        self._known: Remembered[Artifact] = Remembered()

    async def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact, read completely; None for what is not there, and for repositories that are not read.

        Raises:
            GovkernelError: ``git.*``, ``resolve.*``, or names and sizes that an artifact may not have.
        """
        name = parse(ref.uri)
        if name is None or ref.kind not in READABLE or not self._settings.reads(name):
            return None
        return await self._readings.read(f"{ref.uri} ({ref.kind})", lambda: self.read(ref, name))

    def read(self, ref: ArtifactRef, name: GitName) -> Artifact | None:
        """Like :meth:`resolve`, in this thread."""
        known = self._known.get(_key(ref, name, name.commit)) if name.commit else None
        if known is not None:
            return named(known, ref)
        with TemporaryDirectory(prefix="govkernel-git-", dir=self._settings.scratch) as folder:
            git = Git(self._settings, name, Path(folder))
            git.run(self._settings.timeout, "init", "--bare", "--quiet", "--template=")
            commit = name.commit or repository.commit_of(git, name, self._settings.timeout)
            if commit is None:
                return None
            known = self._known.get(_key(ref, name, commit))
            if known is None:
                known = _Read(git, ref, name, self._settings, time.monotonic()).artifact(commit)
            return named(self._known.put(_key(ref, name, commit), known), ref) if known else None


@dataclass(frozen=True)
class _Read:
    """One read of one name, begun at a time of the monotonic clock."""

    git: Git
    ref: ArtifactRef
    name: GitName
    settings: GitSettings
    begun: float

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            GovkernelError: ``resolve.too-slow``.
        """
        left = self.begun + self.settings.deadline - time.monotonic()
        if left <= 0:
            raise too_slow(self.ref.uri, self.settings.deadline)
        return left

    def artifact(self, commit: str) -> Artifact | None:
        """The artifact at a commit; None when its tree has nothing of that path."""
        repository.fetch(self.git, self.name, commit, self.left)
        files = repository.files_of(self.git, commit, self.left)
        found = _below(files, self.name.sub)
        if not found:
            return None
        content = Content([path for path, _ in found], max_bytes=self.settings.max_bytes)
        wanted = dict(found)
        for path in content.paths:
            _check_plain(wanted[path])
        self._check_attributes(files)
        paths = {wanted[path].path: path for path in content.paths}

        def take(file: File, blocks: Iterator[bytes]) -> None:
            hasher = content.file(paths[file.path])
            for block in blocks:
                if file.size <= LFS_POINTER:
                    check_pointer(file.path, block)
                hasher.take(block)
            hasher.done(file.size)

        repository.contents(self.git, [wanted[path] for path in content.paths], self.left, take)
        single = any(file.path == self.name.sub for _, file in found)
        return content.artifact(self.ref, single=single)

    def _check_attributes(self, files: list[File]) -> None:
        """Refuse a tree that a checkout would rewrite."""
        found = [file for file in files if _says_attributes(file.path, self.name.sub)]
        left = MAX_ATTRIBUTES
        for file in found:
            _check_plain(file)
            left -= file.size
            if left < 0:
                raise _refused(file, "Attributes are a small file.")

        def take(file: File, blocks: Iterator[bytes]) -> None:
            check_attributes(file.path, b"".join(blocks))

        repository.contents(self.git, found, self.left, take)


def _key(ref: ArtifactRef, name: GitName, commit: str) -> tuple[str, ...]:
    return ref.kind, name.url, commit, name.sub


def _below(files: list[File], sub: str) -> list[tuple[str, File]]:
    """The files of a path, with their paths in the artifact: of a file its base name, of a folder what is below it."""
    if not sub:
        return [(file.path, file) for file in files]
    exact = [(file.path.rpartition("/")[2], file) for file in files if file.path == sub]
    return exact or [(file.path[len(sub) + 1 :], file) for file in files if file.path.startswith(f"{sub}/")]


def _says_attributes(path: str, sub: str) -> bool:
    """Whether it is a file of attributes that counts for a path: one below it, or in a folder above it."""
    folder, _, base = path.rpartition("/")
    return base == ATTRIBUTES and (
        not folder or f"{sub}/".startswith(f"{folder}/") or not sub or folder.startswith(f"{sub}/")
    )


def _check_plain(file: File) -> None:
    if file.mode == "120000":
        raise _refused(file, "It is a symbolic link, whose target may be anything.")
    if file.mode == "160000":
        raise _refused(file, "It is another repository (a submodule), which is not fetched.")
    if not file.plain:
        raise _refused(file, f"It has the mode {file.mode}.")


def _refused(file: File, why: str) -> GovkernelError:
    return GovkernelError(
        "git.not-a-file",
        f"{ascii(file.path)[:200]} cannot be part of an artifact.",
        why=why,
        remedy="Keep plain files in the tree, or name a path without it.",
    )
