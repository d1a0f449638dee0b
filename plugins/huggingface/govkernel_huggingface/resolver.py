"""Names of the hub become digests of the snapshots that caches on this machine have of them. Nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from govkernel.domain import Artifact, ArtifactRef
from govkernel.domain.content import READABLE, Content, named
from govkernel.domain.readings import Readings, Remembered
from govkernel.errors import GovkernelError
from govkernel_huggingface.cache import Cache, Entry, changed
from govkernel_huggingface.name import HubName, parse
from govkernel_huggingface.settings import HuggingFaceSettings


@dataclass(frozen=True)
class Snapshot:
    """What a name leads to in one cache.

    Attributes:
        cache: that has it.
        commit: of the snapshot.
        path: in the snapshot; empty for all of it.
        entries: its files, or those below the path.
        single: the path is that of a file.
    """

    cache: Cache
    commit: str
    path: str
    entries: tuple[Entry, ...]
    single: bool

    def names(self) -> dict[str, Entry]:
        """The files by their paths in the artifact."""
        if self.single:
            return {self.path.rpartition("/")[2]: self.entries[0]}
        start = len(self.path) + 1 if self.path else 0
        return {entry.path[start:]: entry for entry in self.entries}


class HuggingFaceResolver:
    """Follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        settings: which caches, and limits.
    """

    schemes = frozenset({"hf"})

    def __init__(self, settings: HuggingFaceSettings) -> None:
        self._settings = settings
        self._caches = tuple(Cache(root) for root in settings.caches)
        self._readings = Readings(wait=settings.wait)
        self._known: Remembered[Artifact] = Remembered()

    async def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact, read completely; None for what no cache has.

        Raises:
            GovkernelError: ``huggingface.*``, ``resolve.*``, or names and sizes that an artifact may not have.
        """
        name = parse(ref.uri)
        if name is None or not self._caches or ref.kind not in READABLE:
            return None
        return await self._readings.read(f"{ref.uri} ({ref.kind})", lambda: self.read(ref, name))

    def read(self, ref: ArtifactRef, name: HubName) -> Artifact | None:
        """Like :meth:`resolve`, in this thread."""
        found = [item for cache in self._caches if (item := find(cache, name)) is not None]
        artifacts = [named(self._artifact(item, name, ref), ref) for item in found]
        if len({artifact.digest for artifact in artifacts}) > 1:
            places = [
                f"{item.cache.root} has {artifact.digest}"
                for item, artifact in zip(found, artifacts, strict=True)
            ]
            raise _ambiguous(ref.uri, "; ".join(places))
        return artifacts[0] if artifacts else None

    def _artifact(self, found: Snapshot, name: HubName, ref: ArtifactRef) -> Artifact:
        stamps = hashlib.sha256(repr(found.entries).encode()).digest()
        key = (ref.kind, found.cache.root, name.folder, found.commit, found.path, stamps)
        known = self._known.get(key)
        if known is not None:
            return known
        entries = found.names()
        content = Content(entries, max_bytes=self._settings.max_bytes)
        for path in content.paths:
            found.cache.read(entries[path], content.file(path))
        again = find(found.cache, name)
        if again != found:
            raise changed(name.folder)
        place = found.cache.root / name.folder / "snapshots" / found.commit
        location = None if found.path else str(place.absolute())
        artifact = content.artifact(ref, single=found.single, location=location)
        return self._known.put(key, artifact, self._settings.remember)


def find(cache: Cache, name: HubName) -> Snapshot | None:
    """What a name leads to in a cache; None when it has nothing of that name.

    Raises:
        GovkernelError: ``huggingface.ambiguous``: there are several ways to read the name; ``huggingface.*``.
    """
    known = [
        (commit, path)
        for revision, path in name.readings()
        if (commit := cache.commit(name.folder, revision)) is not None
    ]
    if len(known) > 1:
        raise _ambiguous(name.rest, "More than one revision of the cache begins like this.")
    if not known:
        return None
    commit, path = known[0]
    entries = cache.snapshot(name.folder, commit)
    return None if entries is None else _below(cache, commit, path, entries)


def _below(cache: Cache, commit: str, path: str, entries: Sequence[Entry]) -> Snapshot | None:
    if not path:
        return Snapshot(cache, commit, path, tuple(entries), single=False)
    exact = tuple(entry for entry in entries if entry.path == path)
    below = tuple(entry for entry in entries if entry.path.startswith(f"{path}/"))
    if not exact and not below:
        return None
    return Snapshot(cache, commit, path, exact or below, single=bool(exact))


def _ambiguous(name: str, why: str) -> GovkernelError:
    return GovkernelError(
        "huggingface.ambiguous",
        f"{ascii(name)[:200]} leads to different contents.",
        why=why[:1000],
        remedy="Name it by its commit, and delete from the caches what is not used.",
    )
