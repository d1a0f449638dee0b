"""Asks tracking servers by MLflow's REST API, bounded in time, size and places; addresses come from the settings."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx

from govkernel.domain import strict_json
from govkernel.domain.content import FileHasher
from govkernel.errors import GovkernelError
from govkernel_mlflow.name import ModelName
from govkernel_mlflow.settings import MlflowSettings, Server

MAX_ANSWER: Final = 32 * 1024 * 1024
"""Bytes of an answer: 100,000 files in one folder, with names of usual length."""

BLOCK: Final = 1024 * 1024
API: Final = "/api/2.0/mlflow"
ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
_MISSING: Final = {
    404: frozenset({"RESOURCE_DOES_NOT_EXIST"}),
    400: frozenset({"INVALID_PARAMETER_VALUE"}),  # what the registry says of an alias that is not there
}


@dataclass(frozen=True)
class Version:
    """A version of a model, as a registry tells of it.

    Attributes:
        number: of the version.
        source: where its files were logged to.
        written: when it was last changed, as the registry says.
    """

    number: str
    source: str
    written: str


class Tracking:
    """One tracking server.

    Args:
        server: where it is, and the secret for it.
        settings: limits.
    """

    def __init__(self, server: Server, settings: MlflowSettings) -> None:
        self._server = server
        self._settings = settings
        self._tls = ssl.create_default_context(cafile=server.ca_bundle) if server.ca_bundle else True

    @property
    def url(self) -> str:
        """Its address."""
        return self._server.url

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Connections to it, for one read.

        Raises:
            ConfigError: ``mlflow.authorization``.
        """
        async with httpx.AsyncClient(
            headers={
                "Accept-Encoding": "identity",
                **self._server.secret(),
            },  # so that what is read is bounded
            timeout=self._settings.timeout,
            verify=self._tls,
            follow_redirects=False,
            trust_env=False,
        ) as client:
            yield client

    async def version(self, client: httpx.AsyncClient, name: ModelName) -> Version | None:
        """The version that a name means now; None when there is none, or it is not ready.

        Raises:
            GovkernelError: ``mlflow.unavailable``, ``mlflow.wrong-answer``.
        """
        if name.alias:
            path, query = "registered-models/alias", {"name": name.name, "alias": name.alias}
        else:
            path, query = "model-versions/get", {"name": name.name, "version": name.version}
        said = await self._json(client, f"{API}/{path}", query, absent=True)
        if said is None:
            return None
        found = said.get("model_version")
        known = found if isinstance(found, dict) else {}
        number, source = known.get("version"), known.get("source")
        if known.get("name") != name.name or not isinstance(number, str) or not isinstance(source, str):
            raise self.wrong("It tells of another model, or of none.")
        if name.version and number.lstrip("0") != name.version.lstrip("0"):
            raise self.wrong("It tells of another version.")
        written = str(known.get("last_updated_timestamp", ""))
        return Version(number, source, written) if known.get("status", "READY") == "READY" else None

    async def place(self, client: httpx.AsyncClient, name: ModelName, version: Version) -> str:
        """The folder in the server's artifact store that holds a version's files.

        Raises:
            GovkernelError: as :meth:`version`; ``mlflow.not-proxied``: they are not kept by the server.
        """
        query = {"name": name.name, "version": version.number}
        said = await self._json(client, f"{API}/model-versions/get-download-uri", query)
        uri = _text(said, "artifact_uri")
        run, _, path = uri.removeprefix("runs:/").partition("/")
        if uri.startswith("runs:/"):
            told = await self._json(client, f"{API}/runs/get", {"run_id": run})
            known = told.get("run") if told else None
            info = known.get("info") if isinstance(known, dict) else None
            uri = f"{_text(info, 'artifact_uri').rstrip('/')}/{path}" if info else ""
        parts = urlsplit(uri)
        own = parts.netloc in {"", urlsplit(self.url).netloc} and not parts.query + parts.fragment
        if parts.scheme != "mlflow-artifacts" or not own or not parts.path.strip("/"):
            raise GovkernelError(
                "mlflow.not-proxied",
                f"The files of {ascii(name.name)[:100]} {version.number} are not kept by {self.url}.",
                why=f"They are at {ascii(parts.scheme)[:40]}:, where we have no business.",
                remedy="Serve artifacts by the server (mlflow server --serve-artifacts), or name them where they are.",
            )
        return parts.path.strip("/")

    async def listing(self, client: httpx.AsyncClient, folder: str) -> list[Any]:
        """What a folder of the artifact store holds, nothing about it checked; raises like :meth:`version`."""
        said = await self._json(client, ARTIFACTS, {"path": folder})
        files = said.get("files", []) if said else []
        if not isinstance(files, list):
            raise self.wrong("A list of files is none.")
        return files

    async def read(self, client: httpx.AsyncClient, path: str, hasher: FileHasher) -> bool:
        """Hash a file of the artifact store as it comes; false when there is none.

        Raises:
            GovkernelError: ``mlflow.unavailable``, or what the hasher refuses.
        """
        async with self._answer(client, f"{ARTIFACTS}/{quote(path)}", {}) as answer:
            if answer.status_code == 404:
                return False
            if answer.status_code != 200:
                raise self._refused(answer)
            async for block in answer.aiter_raw(BLOCK):
                hasher.take(block)
        return True

    def wrong(self, why: str) -> GovkernelError:
        """The error for an answer that cannot be."""
        return GovkernelError(
            "mlflow.wrong-answer",
            f"The tracking server {self.url} gave an answer that cannot be.",
            why=why,
            remedy="Do not rely on it; ask whoever runs the server.",
        )

    async def _json(
        self, client: httpx.AsyncClient, path: str, query: Mapping[str, str], *, absent: bool = False
    ) -> dict[str, Any] | None:
        """An answer; None, if that is allowed, when the registry says that there is no such thing."""
        async with self._time(), self._answer(client, path, query) as answer:
            content = bytearray()
            async for chunk in answer.aiter_raw(BLOCK):
                content += chunk
                if len(content) > MAX_ANSWER:
                    raise self.wrong(f"An answer has more than {MAX_ANSWER:,} bytes.")
        missing = _MISSING.get(answer.status_code, frozenset())
        if answer.status_code != 200 and not (absent and missing):
            raise self._refused(answer)
        said = strict_json.loads(bytes(content), max_bytes=MAX_ANSWER)
        if not isinstance(said, dict):
            raise self.wrong("An answer is no object.")
        if answer.status_code == 200:
            return said
        if said.get("error_code") not in missing:
            raise self._refused(answer)
        return None

    @asynccontextmanager
    async def _answer(
        self, client: httpx.AsyncClient, path: str, query: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        url = f"{self.url}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        try:
            async with self._time():
                answer = await client.send(client.build_request("GET", url), stream=True)
            try:
                yield answer
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            raise self._unavailable(f"{type(error).__name__}: {str(error)[:200]}") from None

    @asynccontextmanager
    async def _time(self) -> AsyncIterator[None]:
        """Bounds an exchange as a whole: a server that sends a byte now and then keeps no one."""
        try:
            async with asyncio.timeout(self._settings.timeout) as clock:
                yield
        except TimeoutError:
            if not clock.expired():
                raise
            raise self._unavailable(f"No answer within {self._settings.timeout:g} s.") from None

    def _refused(self, answer: httpx.Response) -> GovkernelError:
        elsewhere = " and sends us elsewhere, which we do not follow" if answer.is_redirect else ""
        return self._unavailable(f"It answers {answer.status_code}{elsewhere}.")

    def _unavailable(self, why: str) -> GovkernelError:
        return GovkernelError(
            "mlflow.unavailable",
            f"The tracking server {self.url} cannot be asked.",
            why=why,
            remedy="Check its address and the secret for it, and that it serves artifacts.",
        )


def _text(said: Any, member: str) -> str:
    value = said.get(member) if isinstance(said, dict) else None
    return value if isinstance(value, str) else ""
