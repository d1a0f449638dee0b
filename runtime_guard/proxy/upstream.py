"""Talk to the model server: one pooled aiohttp session, bounded reads, no redirects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from govkernel.domain import strict_json
from govkernel.errors import GovkernelError, InputError
from govkernel.hookspecs import Route, Upstream
from runtime_guard.proxy.judge import Refused
from runtime_guard.proxy.settings import MIB, GuardSettings
from runtime_guard.proxy.told import names_of_fault

POOL: Final = 512
MAX_FAULT: Final = MIB
"""Bytes of a response that is no answer."""


class StaticUpstream:
    """One model server for every model; follows :class:`govkernel.hookspecs.Upstream`.

    Args:
        base_url: e.g. ``http://127.0.0.1:8000/v1``.
        key: bearer token to send instead of the client's; empty relays the client's.
    """

    name = "default"

    def __init__(self, base_url: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._route = Route(base_url=base_url.rstrip("/"), headers=headers)

    def route(self, model: str) -> Route | None:
        """The one route."""
        return self._route


class UpstreamClient:
    """Sends requests to the upstream that serves a model.

    Args:
        upstreams: asked in order; the first that has a route is taken.
        settings: limits and timeouts.
    """

    def __init__(self, upstreams: Sequence[Upstream], settings: GuardSettings) -> None:
        self._upstreams = tuple(upstreams)
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    def route(self, model: str) -> Route:
        """The route for a model.

        Raises:
            InputError: ``guard.no-upstream``.
        """
        for upstream in self._upstreams:
            found = upstream.route(model)
            if found is not None:
                return found
        raise InputError(
            "guard.no-upstream",
            "No model server serves this model.",
            remedy="Check the model name, or configure an upstream for it.",
        )

    async def open(self) -> None:
        """Open the connection pool."""
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=self._settings.connect_seconds,
            sock_read=self._settings.idle_seconds,
        )
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            connector=aiohttp.TCPConnector(limit=POOL),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def send(
        self, method: str, path: str, route: Route, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the response, its body not yet read.

        Args:
            method: of HTTP.
            path: behind the base URL of the route.
            route: where to.
            headers: of the client's request, those that are passed on on this route.
            body: JSON, or None.

        Raises:
            GovkernelError: ``guard.upstream-unreachable``, ``guard.upstream-timeout``, or
                ``guard.upstream-answer`` for an answer that is compressed although nobody asked for it.
        """
        if self._session is None:
            raise RuntimeError("the client is not open")
        sent = {**headers, "Accept-Encoding": "identity", **route.headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                method, f"{route.base_url}{path}", data=body, headers=sent, allow_redirects=False
            ) as response:
                _refuse_compressed(response)
                yield response
        except TimeoutError as error:
            raise GovkernelError(
                "guard.upstream-timeout",
                "The model server did not answer in time.",
                remedy="Try again; if it lasts, look at the model server, or raise [guard] upstream_timeout.",
            ) from error
        except aiohttp.ClientError as error:
            raise GovkernelError(
                "guard.upstream-unreachable",
                "The model server cannot be reached, or broke off.",
                why=type(error).__name__,
                remedy="Check that it runs and that [guard] upstream names it.",
            ) from error

    async def refusal(self, response: aiohttp.ClientResponse, decision: str = "") -> Refused:
        """What a client is told of a response that is no answer: its status, and one word or two for why.

        Its message is withheld: it may repeat the prompt, or a part of the key of ``[guard] upstream_key``.

        Args:
            response: its body not yet read.
            decision: id of the decision under which it was asked for.
        """
        try:
            names = names_of_fault(strict_json.loads(await self.read(response, MAX_FAULT)))
        except InputError:
            names = ""
        error = GovkernelError(
            "guard.upstream-refused",
            "The model server refused the request.",
            why=f"HTTP status {response.status}{': ' if names else ''}{names}.",
            remedy="See the model server's log; its message is withheld, since it may repeat the prompt.",
        )
        return Refused(response.status if 400 <= response.status < 600 else 502, error, decision)

    async def read(self, response: aiohttp.ClientResponse, limit: int | None = None) -> bytes:
        """The whole body, bounded.

        Args:
            response: its body not yet read.
            limit: bytes; default is what an answer may have.

        Raises:
            InputError: ``guard.upstream-too-large``.
        """
        limit = self._settings.max_response if limit is None else limit
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > limit:
                raise InputError(
                    "guard.upstream-too-large",
                    "The model server's answer is too large.",
                    why=f"More than {limit} bytes.",
                    remedy="Ask for less at once.",
                )
            parts.append(part)
        return b"".join(parts)


def _refuse_compressed(response: aiohttp.ClientResponse) -> None:
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise InputError(
            "guard.upstream-answer",
            "The model server's answer is compressed, which was not asked for.",
            why=f"Content-Encoding {coding[:40]!r}.",
            remedy="Switch compression off for the guard; it reads answers as they come.",
        )
