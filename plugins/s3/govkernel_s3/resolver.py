"""Names in stores become digests of the objects behind them, which are read completely."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from govkernel.domain import Artifact, ArtifactRef
from govkernel.domain.content import READABLE, Content, named
from govkernel.domain.readings import Readings, Remembered, together, too_slow
from govkernel.errors import GovkernelError
from govkernel_s3.client import Store
from govkernel_s3.listing import Listed
from govkernel_s3.name import ObjectName, parse
from govkernel_s3.settings import S3Settings


@dataclass(frozen=True)
class Found:
    """What a name leads to.

    Attributes:
        objects: as listed.
        prefix: characters of their keys before the path in the artifact.
        single: the name is that of one object.
    """

    objects: tuple[Listed, ...]
    prefix: int
    single: bool

    def paths(self) -> list[tuple[str, Listed]]:
        """The objects with their paths in the artifact."""
        return [(item.key[self.prefix :], item) for item in self.objects]


class S3Resolver:
    """Follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        settings: which buckets of which stores, and limits.
    """

    schemes = frozenset({"s3"})

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._stores = {
            bucket: store
            for place in settings.places
            for store in [Store(place, settings)]
            for bucket in place.buckets
        }
        self._readings = Readings(wait=settings.wait)
        self._known: Remembered[Artifact] = Remembered()

    async def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact, read completely; None for what is not there, and for buckets that are not read.

        Raises:
            GovkernelError: ``s3.*``, ``resolve.*``, or names and sizes that an artifact may not have.
        """
        name = parse(ref.uri)
        store = self._stores.get(name.bucket) if name else None
        if name is None or store is None or ref.kind not in READABLE:
            return None
        work = _Read(store, name, ref, self._settings, self._known)
        return await self._readings.read(f"{ref.uri} ({ref.kind})", lambda: asyncio.run(work.run()))


@dataclass(frozen=True)
class _Read:
    """One read of one name."""

    store: Store
    name: ObjectName
    ref: ArtifactRef
    settings: S3Settings
    known: Remembered[Artifact]

    async def run(self) -> Artifact | None:
        try:
            async with asyncio.timeout(self.settings.deadline), self.store.client() as client:
                found = await (self._version(client) if self.name.version else self._listed(client))
        except TimeoutError:
            raise too_slow(self.ref.uri, self.settings.deadline) from None
        return named(found, self.ref) if found else None

    async def _version(self, client: httpx.AsyncClient) -> Artifact | None:
        """One version of an object, which never changes."""
        key = (self.ref.kind, self.store, self.name)
        known = self.known.get(key)
        if known is not None:
            return known
        path = self.name.key.rpartition("/")[2]
        content = Content([path], max_bytes=self.settings.max_bytes)
        hasher = content.file(path)
        if not await self.store.read(client, self.name.bucket, self.name.key, self.name.version, hasher):
            return None
        hasher.done()
        return self.known.put(key, content.artifact(self.ref, single=True))

    async def _listed(self, client: httpx.AsyncClient) -> Artifact | None:
        """What is there now, under a listing that is the same before and after."""
        found = await self._find(client)
        if found is None:
            return None
        listing = hashlib.sha256(repr(found.objects).encode()).digest()
        key = (self.ref.kind, self.store, self.name, listing)
        known = self.known.get(key)
        if known is not None:
            return known
        paths = found.paths()
        content = Content([path for path, _ in paths], max_bytes=self.settings.max_bytes)
        objects = dict(paths)
        turns = iter([(path, objects[path]) for path in content.paths])
        await together(self._work(client, content, turns) for _ in range(self.settings.at_once))
        if await self._find(client) != found:
            raise _changed(self.ref.uri)
        artifact = content.artifact(self.ref, single=found.single)
        return self.known.put(key, artifact, self.settings.remember)

    async def _work(
        self, client: httpx.AsyncClient, content: Content, turns: Iterator[tuple[str, Listed]]
    ) -> None:
        for path, item in turns:
            hasher = content.file(path)
            if not await self.store.read(client, self.name.bucket, item.key, "", hasher):
                raise _changed(self.ref.uri)
            hasher.done(item.size)

    async def _find(self, client: httpx.AsyncClient) -> Found | None:
        name = self.name
        single = None if name.folder else await self.store.first(client, name.bucket, name.key)
        prefix = f"{name.key}/" if name.key else ""
        below = await self.store.below(client, name.bucket, prefix)
        objects = tuple(item for item in below if item.size or not item.key.endswith("/"))
        if single is not None and objects:
            raise GovkernelError(
                "s3.ambiguous",
                f"{ascii(self.ref.uri)[:200]} is an object, and there are others below it.",
                remedy="Name what is below it with a slash at the end, or move the one.",
            )
        if single is not None:
            return Found((single,), len(name.key.rpartition("/")[0]) + ("/" in name.key), single=True)
        return Found(objects, len(prefix), single=False) if objects else None


def _changed(uri: str) -> GovkernelError:
    return GovkernelError(
        "s3.changed",
        f"The objects of {ascii(uri)[:200]} changed while they were read.",
        remedy="Ask again once nothing is written there any more.",
    )
