"""Asks registries (OCI distribution-spec 1.1), bounded in time, size and places; digests are always checked."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from govkernel.domain import strict_json
from govkernel.errors import GovkernelError
from govkernel_oci.reference import Reference
from govkernel_oci.settings import OciSettings, credentials
from govkernel_oci.tokens import MAX_TOKEN, challenge

MAX_MANIFEST: Final = 4 * 1024 * 1024
MAX_BLOB: Final = 32 * 1024 * 1024
MAX_REDIRECTS: Final = 3
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True)
class Manifest:
    """A manifest or index.

    Attributes:
        digest: SHA-256 of its bytes, ``sha256:…``.
        document: its content.
    """

    digest: str
    document: dict[str, Any]


class Registry:
    """All registries that may be asked.

    Args:
        settings: which, and how.

    Raises:
        ConfigError: ``oci.credentials``.
    """

    def __init__(self, settings: OciSettings) -> None:
        self._settings = settings
        self._secrets = credentials(settings.docker_config)
        # Made once: reading the system's authorities takes longer than most exchanges.
        self._tls = (
            ssl.create_default_context(cafile=settings.ca_bundle)
            if settings.ca_bundle
            else httpx.create_ssl_context(trust_env=False)
        )

    def asks(self, reference: Reference) -> bool:
        """Whether the registry of a name may be asked."""
        return reference.host in self._settings.registries

    async def manifest(self, reference: Reference, which: str) -> Manifest | None:
        """A manifest or index by tag or digest; None when there is none.

        Raises:
            GovkernelError: ``oci.*``: the registry cannot be asked, or answers what cannot be.
        """
        found = await self._get(reference, f"manifests/{which}", ", ".join(MANIFESTS), MAX_MANIFEST)
        if found is None:
            return None
        digest = f"sha256:{hashlib.sha256(found).hexdigest()}"
        if which.startswith("sha256:") and digest != which:
            raise _wrong(reference, "It sent a manifest with another digest.")
        document = strict_json.loads(found, max_bytes=MAX_MANIFEST)
        if not isinstance(document, dict):
            raise _wrong(reference, "A manifest is not an object.")
        if "layers" in document and "manifests" in document:
            raise _wrong(reference, "It sent what reads as a manifest and as an index (CVE-2021-41190).")
        return Manifest(digest, document)

    async def referrers(self, reference: Reference, digest: str) -> dict[str, Any] | None:
        """The index of what refers to a digest, by the API or else the fallback tag; None when there is neither.

        Raises:
            GovkernelError: as :meth:`manifest`.
        """
        found = await self._get(reference, f"referrers/{digest}", MANIFESTS[1], MAX_MANIFEST)
        if found is not None:
            document = strict_json.loads(found, max_bytes=MAX_MANIFEST)
            if isinstance(document, dict):
                return document
            raise _wrong(reference, "The list of referrers is not an object.")
        tagged = await self.manifest(reference, digest.replace(":", "-"))
        return tagged.document if tagged else None

    async def blob(self, reference: Reference, digest: str) -> bytes:
        """The bytes of a digest.

        Raises:
            GovkernelError: as :meth:`manifest`; also when there is no such blob.
        """
        found = await self._get(reference, f"blobs/{digest}", "*/*", MAX_BLOB)
        if found is None:
            raise _wrong(reference, f"It lists the blob {digest} and does not have it.")
        if f"sha256:{hashlib.sha256(found).hexdigest()}" != digest:
            raise _wrong(reference, "It sent a blob with another digest.")
        return found

    async def _get(self, reference: Reference, path: str, accept: str, limit: int) -> bytes | None:
        insecure = reference.host in self._settings.insecure
        scheme = "http" if insecure else "https"
        url = f"{scheme}://{reference.server}/v2/{reference.repository}/{path}"
        try:
            async with self._client() as client:
                status, content = await self._follow(client, url, {"Accept": accept}, limit)
                if status == 401:
                    header = content.decode("latin-1")
                    authorization = await self._authorization(client, reference, header, insecure=insecure)
                    headers = {"Accept": accept, "Authorization": authorization}
                    status, content = await self._follow(client, url, headers, limit)
        except httpx.HTTPError as error:
            raise _unavailable(reference, f"{type(error).__name__}: {str(error)[:200]}") from None
        if status == 404:
            return None
        if status != 200:
            raise _unavailable(reference, f"It answered {status}.")
        return content

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"Accept-Encoding": "identity"},  # nothing is unpacked, so that what is read is bounded
            timeout=self._settings.timeout,
            verify=self._tls,
            follow_redirects=False,
            trust_env=False,
        )

    async def _follow(
        self, client: httpx.AsyncClient, url: str, headers: dict[str, str], limit: int
    ) -> tuple[int, bytes]:
        """Status and content, redirects followed; of a 401 the challenge stands for the content."""
        start = urlsplit(url)
        for _ in range(MAX_REDIRECTS + 1):
            async with client.stream("GET", url, headers=headers) as answer:
                if answer.status_code == 401:
                    return 401, answer.headers.get("www-authenticate", "").encode("latin-1", "replace")
                if not answer.is_redirect:
                    return answer.status_code, await _bounded(answer, limit)
                url = urljoin(url, answer.headers["location"])
            there = urlsplit(url)
            if there.scheme not in {start.scheme, "https"}:
                raise httpx.UnsupportedProtocol("redirect to another protocol")
            if there.netloc != start.netloc:
                # Storage behind registries signs its URLs; our secret is for the registry only.
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise httpx.TooManyRedirects("more redirects than a registry needs")

    async def _authorization(
        self, client: httpx.AsyncClient, reference: Reference, header: str, *, insecure: bool
    ) -> str:
        secret = self._secrets.get(reference.host)
        wanted = challenge(header, reference.server, insecure=insecure, trusted=self._settings.token_hosts)
        if wanted is None:
            if secret is None:
                raise _unavailable(reference, "It wants credentials, and there are none for it.")
            return f"Basic {secret}"
        headers = {"Authorization": f"Basic {secret}"} if secret else {}
        async with client.stream("GET", wanted.url, headers=headers) as answer:
            content = await _bounded(answer, MAX_TOKEN)
        if answer.status_code != 200:
            raise _unavailable(reference, f"No token was issued: {answer.status_code}.")
        said = strict_json.loads(content, max_bytes=MAX_TOKEN)
        token = (said.get("token") or said.get("access_token")) if isinstance(said, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise _wrong(reference, "Its token is not one.")
        return f"Bearer {token}"


async def _bounded(answer: httpx.Response, limit: int) -> bytes:
    """The content; raises instead of reading more than the limit."""
    content = bytearray()
    async for chunk in answer.aiter_raw():
        content += chunk
        if len(content) > limit:
            raise httpx.TransportError(f"more than {limit} bytes")
    return bytes(content)


def _unavailable(reference: Reference, why: str) -> GovkernelError:
    return GovkernelError(
        "oci.unavailable",
        f"The registry {reference.host} cannot be asked about {reference.repository}.",
        why=why,
        remedy="Check that it can be reached, and its credentials; or name the artifact by digest.",
    )


def _wrong(reference: Reference, why: str) -> GovkernelError:
    return GovkernelError(
        "oci.wrong-answer",
        f"The registry {reference.host} gave an answer that cannot be, about {reference.repository}.",
        why=why,
        remedy="Do not rely on it; ask whoever runs the registry.",
    )
