"""Asks stores by the API of S3: bounded in time, size and places. Addresses come from the settings alone."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote, urlencode

import httpx

from govkernel.domain.content import FileHasher
from govkernel.domain.paths import MAX_FILES
from govkernel.errors import GovkernelError
from govkernel_s3.listing import MAX_KEYS, MAX_PAGE, Listed, parse_page
from govkernel_s3.settings import Place, S3Settings
from govkernel_s3.signing import Signer

MAX_PAGES: Final = 2 * MAX_FILES // MAX_KEYS
BLOCK: Final = 1024 * 1024
_SAFE: Final = "/-._~"


class Store:
    """One store.

    Args:
        place: where it is, and whose credentials to use.
        settings: limits.
    """

    def __init__(self, place: Place, settings: S3Settings) -> None:
        self._place = place
        self._settings = settings
        self._signer = Signer(place, settings.timeout)
        self._tls = ssl.create_default_context(cafile=place.ca_bundle) if place.ca_bundle else True

    @property
    def endpoint(self) -> str:
        """Its address."""
        return self._place.endpoint

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Connections to it, for one read."""
        async with httpx.AsyncClient(
            headers={"Accept-Encoding": "identity"},  # nothing is unpacked, so that what is read is bounded
            timeout=self._settings.timeout,
            verify=self._tls,
            follow_redirects=False,
            trust_env=False,
        ) as client:
            yield client

    async def first(self, client: httpx.AsyncClient, bucket: str, key: str) -> Listed | None:
        """The object with exactly this key, as listed: of all keys that begin with it, it is the first.

        Raises:
            GovkernelError: ``s3.unavailable``, ``s3.wrong-answer``.
        """
        objects, _ = await self._page(client, bucket, key, "", 1)
        return next((item for item in objects if item.key == key), None)

    async def below(self, client: httpx.AsyncClient, bucket: str, prefix: str) -> list[Listed]:
        """All objects whose keys begin with a prefix; raises like :meth:`first`, and ``provenance.too-many-files``."""
        found: list[Listed] = []
        token = ""
        for _ in range(MAX_PAGES):
            objects, token = await self._page(client, bucket, prefix, token, MAX_KEYS)
            found += objects
            if not token:
                return found
            if len(found) > MAX_FILES:
                break
        raise GovkernelError(
            "s3.too-many",
            f"More than {MAX_FILES:,} objects lie under {ascii(prefix)[:200]} in {bucket}.",
            remedy="Name a longer prefix, or pack the small files of the artifact into fewer larger ones.",
        )

    async def read(
        self, client: httpx.AsyncClient, bucket: str, key: str, version: str, hasher: FileHasher
    ) -> bool:
        """Hash an object as it comes; false when there is none of that key and version.

        Raises:
            GovkernelError: ``s3.unavailable``, or what the hasher refuses.
        """
        query = {"versionId": version} if version else {}
        async with self._answer(client, bucket, key, query) as answer:
            if answer.status_code == 404:
                return False
            if answer.status_code != 200:
                raise self._refused(bucket, answer)
            async for block in answer.aiter_raw(BLOCK):
                hasher.take(block)
        return True

    async def _page(
        self, client: httpx.AsyncClient, bucket: str, prefix: str, token: str, limit: int
    ) -> tuple[tuple[Listed, ...], str]:
        query = {"encoding-type": "url", "list-type": "2", "max-keys": str(limit), "prefix": prefix}
        if token:
            query["continuation-token"] = token
        async with self._time(bucket), self._answer(client, bucket, "", query) as answer:
            if answer.status_code != 200:
                raise self._refused(bucket, answer)
            content = bytearray()
            async for chunk in answer.aiter_raw(BLOCK):
                content += chunk
                if len(content) > MAX_PAGE:
                    raise self._wrong(bucket, f"A page of a listing has more than {MAX_PAGE:,} bytes.")
        try:
            page = parse_page(bytes(content))
        except ValueError as error:
            raise self._wrong(bucket, str(error)[:200]) from None
        if not all(item.key.startswith(prefix) for item in page.objects):
            raise self._wrong(bucket, "A listing holds keys that were not asked for.")
        return page.objects, page.following

    @asynccontextmanager
    async def _answer(
        self, client: httpx.AsyncClient, bucket: str, key: str, query: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        path = quote(f"/{bucket}/{key}" if key else f"/{bucket}", safe=_SAFE)
        url = f"{self._place.endpoint}{path}" + (
            f"?{urlencode(sorted(query.items()), quote_via=quote)}" if query else ""
        )
        request = client.build_request("GET", url, headers=self._signer.headers(url))
        try:
            async with self._time(bucket):
                answer = await client.send(request, stream=True)
            try:
                yield answer
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            raise self._unavailable(bucket, f"{type(error).__name__}: {str(error)[:200]}") from None

    @asynccontextmanager
    async def _time(self, bucket: str) -> AsyncIterator[None]:
        """Bounds an exchange as a whole: a server that sends a byte now and then keeps no one."""
        try:
            async with asyncio.timeout(self._settings.timeout) as clock:
                yield
        except TimeoutError:
            if not clock.expired():
                raise
            raise self._unavailable(bucket, f"No answer within {self._settings.timeout:g} s.") from None

    def _refused(self, bucket: str, answer: httpx.Response) -> GovkernelError:
        elsewhere = " and sends us elsewhere, which we do not follow" if answer.is_redirect else ""
        return self._unavailable(bucket, f"It answers {answer.status_code}{elsewhere}.")

    def _unavailable(self, bucket: str, why: str) -> GovkernelError:
        return GovkernelError(
            "s3.unavailable",
            f"The bucket {bucket} at {self._place.endpoint} cannot be read.",
            why=why,
            remedy="Check endpoint, region and credentials, and that they may list and read the bucket.",
        )

    def _wrong(self, bucket: str, why: str) -> GovkernelError:
        return GovkernelError(
            "s3.wrong-answer",
            f"The store at {self._place.endpoint} gave an answer that cannot be, about {bucket}.",
            why=why,
            remedy="Do not rely on it; ask whoever runs the store.",
        )
