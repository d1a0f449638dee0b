"""opa-python-client with its sharp edges off: bounded strict answers, no redirects, no rewritten policies.

As it comes, the client reads answers of any size, follows redirects, retries on 500, speaks only TCP, and rewrites
policies that do not parse into something that might.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
from opa_client.opa_async import AsyncOpaClient

from govkernel.domain import strict_json
from govkernel.engines.opa.errors import bad_answer, compile_error, unavailable
from govkernel.engines.opa.modules import Module
from govkernel.engines.opa.settings import OpaSettings
from govkernel.errors import InputError, PolicyError

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of the largest answer, which is the syntax tree of a large pack."""
MAX_DEPTH: Final = 500
_MAX_DECISION: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024
_LOCKED_OUT: Final = frozenset({401, 403})

CONNECTION_ERRORS: Final = (aiohttp.ClientConnectionError, ConnectionError)
"""What may be tried again: the question did not reach OPA, or its answer did not come back."""
CLIENT_ERRORS: Final = (aiohttp.ClientError, OSError)


class StrictResponse(aiohttp.ClientResponse):
    """A response whose body is bounded and whose JSON is strict."""

    limit = MAX_ANSWER

    async def read(self) -> bytes:
        """The body.

        Raises:
            InputError: ``json.too-large``.
        """
        if self._body is None:
            body = bytearray()
            async for chunk in self.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self.limit:
                    self.close()
                    raise InputError("json.too-large", f"OPA sent more than {self.limit} bytes.")
            self._body = bytes(body)
        return self._body

    async def json(self, **_ignored: Any) -> Any:
        """The body as JSON, whatever type it says it is of.

        Raises:
            InputError: ``json.*``.
        """
        return strict_json.loads(await self.read(), max_bytes=self.limit, max_depth=MAX_DEPTH)


class StrictClient(AsyncOpaClient):
    """A connection pool to one OPA; belongs to the event loop it was opened on.

    Args:
        settings: how to reach it.
        socket: Unix socket to use instead of ``settings.url``.
    """

    def __init__(self, settings: OpaSettings, socket: Path | None = None) -> None:
        token = "" if socket else settings.token.get_secret_value()
        super().__init__(  # type: ignore[no-untyped-call]
            host="localhost" if socket else settings.host,
            port=80 if socket else settings.port,
            ssl=settings.tls and socket is None,
            token=token or None,
            retries=0,
            timeout=settings.load_deadline,
        )
        self._settings = settings
        self._socket = socket

    async def open(self) -> StrictClient:
        """Open the pool."""
        await self._init_session()
        return self

    async def _init_session(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=self._connect(),
            headers={**(self.headers or {}), "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=self.timeout),
            response_class=StrictResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            json_serialize=partial(json.dumps, allow_nan=False),
        )

    def _connect(self) -> aiohttp.BaseConnector:
        pool = self._settings.connections
        if self._socket is not None:
            return aiohttp.UnixConnector(str(self._socket), limit=pool)
        if not self._settings.tls:
            return aiohttp.TCPConnector(limit=pool)
        authorities = str(self._settings.ca) if self._settings.ca else None
        return aiohttp.TCPConnector(limit=pool, ssl=ssl.create_default_context(cafile=authorities))

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    def _request(self, method: str, url: str, **options: Any) -> Any:
        return super()._request(method, url, allow_redirects=False, **options)

    async def upload(self, module: Module) -> Any:
        """Upload a module exactly as it is.

        Returns:
            OPA's compiled syntax tree of it.

        Raises:
            PolicyError: ``opa.compile`` with file and line, ``opa.bad-answer`` or ``opa.unavailable``.
        """
        url = f"{self.root_url}/policies/{module.endpoint}"
        source = module.text.encode()
        async with self._request("PUT", url, data=source, headers={"Content-Type": "text/plain"}) as response:
            if response.status == 400:
                raise _compile_error(module, await _json(response, MAX_ANSWER))
            await _read(response, MAX_ANSWER)
        async with self._request("GET", url) as response:
            answer = await _read(response, MAX_ANSWER)
        result = answer.get("result")
        if not isinstance(result, Mapping) or result.get("raw") != module.text:
            raise bad_answer("OPA does not hold the policies that were uploaded")
        return result.get("ast")

    async def ask(
        self, path: tuple[str, ...], document: Mapping[str, Any], *, provenance: bool
    ) -> Mapping[str, Any]:
        """Ask for the value of ``data.<path>.decision``. A built-in that fails is an error, not undefined.

        Returns:
            OPA's answer; without ``result`` when it is undefined.

        Raises:
            PolicyError: ``opa.bad-answer`` or ``opa.unavailable``.
        """
        options = "?strict-builtin-errors=true" + ("&provenance=true" if provenance else "")
        url = f"{self.root_url}/data/{'/'.join(path)}/decision{options}"
        async with self._request("POST", url, json={"input": document}) as response:
            return await _read(response, _MAX_DECISION)


async def _read(response: aiohttp.ClientResponse, limit: int) -> Mapping[str, Any]:
    answer = await _json(response, limit)
    if response.status != 200 or not isinstance(answer, Mapping):
        raise bad_answer(f"status {response.status}: {_complaint(answer)}")
    return answer


async def _json(response: aiohttp.ClientResponse, limit: int) -> Any:
    if response.status in _LOCKED_OUT:
        raise unavailable(f"OPA answered with status {response.status}: it does not let us in")
    if isinstance(response, StrictResponse):
        response.limit = limit
    try:
        return await response.json()
    except InputError as error:
        raise bad_answer(f"status {response.status}: {error.what} {error.why}") from None


def _complaint(answer: Any) -> str:
    """What kind of error OPA reports, without its words: they may quote values of the input."""
    first = next(iter(_errors(answer)), answer)
    if not isinstance(first, Mapping):
        return "no explanation"
    row = _row(first)
    return f"{first.get('code', '')} at line {row} of the module" if row else str(first.get("code", ""))


def _compile_error(module: Module, answer: Any) -> PolicyError:
    told = [f"{_place(module, item)}: {item.get('message', '')}" for item in _errors(answer)[:5]]
    return compile_error(module.pack, "; ".join(told) or _complaint(answer))


def _place(module: Module, error: Mapping[str, Any]) -> str:
    location = error.get("location")
    file = location.get("file") if isinstance(location, Mapping) else None
    return module.place(_row(error)) if file in (None, module.endpoint) else f"another module ({file})"


def _errors(answer: Any) -> list[Mapping[str, Any]]:
    errors = answer.get("errors") if isinstance(answer, Mapping) else None
    return [item for item in errors if isinstance(item, Mapping)] if isinstance(errors, list) else []


def _row(error: Mapping[str, Any]) -> int:
    location = error.get("location")
    row = location.get("row") if isinstance(location, Mapping) else None
    return row if isinstance(row, int) else 0
