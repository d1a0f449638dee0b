"""Versions and aliases of registered models become digests of the files that the registry's server keeps for them."""

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
from govkernel_mlflow import artifacts
from govkernel_mlflow.client import Tracking, Version
from govkernel_mlflow.name import ModelName, parse
from govkernel_mlflow.settings import MlflowSettings


class MlflowResolver:
    """Follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        settings: which servers, and limits.
    """

    schemes = frozenset({"mlflow", "models"})

    def __init__(self, settings: MlflowSettings) -> None:
        self._settings = settings
        self._servers = tuple(Tracking(server, settings) for server in settings.servers)
        self._readings = Readings(wait=settings.wait)
        self._known: Remembered[Artifact] = Remembered()

    async def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact, read completely; None for what no server has.

        Raises:
            GovkernelError: ``mlflow.*``, ``resolve.*``, or names and sizes that an artifact may not have.
        """
        name = parse(ref.uri)
        if name is None or not self._servers or ref.kind not in READABLE:
            return None
        return await self._readings.read(
            f"{ref.uri} ({ref.kind})", lambda: asyncio.run(self._read(ref, name))
        )

    async def _read(self, ref: ArtifactRef, name: ModelName) -> Artifact | None:
        found: dict[str, Artifact] = {}
        try:
            async with asyncio.timeout(self._settings.deadline):
                for server in self._servers:
                    async with server.client() as client:
                        artifact = await _Read(server, client, name, ref, self._settings, self._known).run()
                    if artifact is not None:
                        found[server.url] = named(artifact, ref)
        except TimeoutError:
            raise too_slow(ref.uri, self._settings.deadline) from None
        if len({artifact.digest for artifact in found.values()}) > 1:
            raise GovkernelError(
                "mlflow.ambiguous",
                f"{ascii(ref.uri)[:200]} leads to different contents.",
                why="; ".join(f"{url} has {artifact.digest}" for url, artifact in found.items()),
                remedy="Name only the server that is meant, or give the models different names.",
            )
        return next(iter(found.values()), None)


@dataclass(frozen=True)
class _Read:
    """One read of one name on one server."""

    server: Tracking
    client: httpx.AsyncClient
    name: ModelName
    ref: ArtifactRef
    settings: MlflowSettings
    known: Remembered[Artifact]

    async def run(self) -> Artifact | None:
        version = await self.server.version(self.client, self.name)
        if version is None:
            return None
        folder = await self.server.place(self.client, self.name, version)
        files = await artifacts.files_of(self.server, self.client, folder)
        listing = hashlib.sha256(repr(files).encode()).digest()
        key = (self.ref.kind, self.server.url, self.name.name, version, folder, listing)
        known = self.known.get(key)
        return known or self.known.put(
            key, await self._content(version, folder, files), self.settings.remember
        )

    async def _content(self, version: Version, folder: str, files: list[artifacts.Artifact]) -> Artifact:
        content = Content([file.path for file in files], max_bytes=self.settings.max_bytes)
        sizes = {file.path: file.size for file in files}
        turns = iter([(path, sizes[path]) for path in content.paths])
        await together(self._work(folder, content, turns) for _ in range(self.settings.at_once))
        again = await self.server.version(self.client, self.name)
        if again != version or await artifacts.files_of(self.server, self.client, folder) != files:
            raise self._changed()
        return content.artifact(self.ref)

    async def _work(self, folder: str, content: Content, turns: Iterator[tuple[str, int | None]]) -> None:
        for path, size in turns:
            hasher = content.file(path)
            if not await self.server.read(self.client, f"{folder}/{path}", hasher):
                raise self._changed()
            hasher.done(size)

    def _changed(self) -> GovkernelError:
        return GovkernelError(
            "mlflow.changed",
            f"{ascii(self.ref.uri)[:200]} changed while it was read.",
            remedy="Ask again once nothing is logged or promoted there any more.",
        )
