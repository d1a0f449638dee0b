"""Asks one endpoint by HTTP, bounded in time, size and number; its address comes from the settings."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import httpx

from govkernel.errors import ConfigError, GovkernelError
from govkernel_classifier.answers import MAX_ANSWER
from govkernel_classifier.settings import Endpoint

BLOCK: Final = 64 * 1024


class Client:
    """Connections to an endpoint, kept open.

    Args:
        endpoint: where it is, and the secret for it.

    Raises:
        ConfigError: ``classifier.certificates``.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._tls = _certificates(endpoint)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: httpx.AsyncClient | None = None

    async def ask(self, question: bytes) -> bytes:
        """The answer to a question in JSON.

        Raises:
            ConfigError: ``classifier.authorization``.
            GovkernelError: ``classifier.unavailable``, ``classifier.wrong-answer``; never with a part of either.
        """
        content = bytearray()
        headers = self._endpoint.secret()
        try:
            async with (
                asyncio.timeout(self._endpoint.timeout),
                self._connections().stream(
                    "POST", self._endpoint.url, content=question, headers=headers
                ) as answer,
            ):
                if answer.status_code != 200:
                    raise self.unavailable(f"It answers {answer.status_code}.")
                async for block in answer.aiter_raw(BLOCK):
                    content += block
                    if len(content) > MAX_ANSWER:
                        raise self.wrong(f"It has more than {MAX_ANSWER:,} bytes.")
        except TimeoutError:
            raise self.unavailable(f"No answer within {self._endpoint.timeout:g} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.unavailable(f"{type(error).__name__}.") from None
        return bytes(content)

    async def close(self) -> None:
        """Close its connections."""
        if self._open is not None:
            await self._open.aclose()
            self._open = None

    def unavailable(self, why: str) -> GovkernelError:
        """The error for an endpoint that gives no answer."""
        return GovkernelError(
            "classifier.unavailable",
            f"The classifier {self._endpoint.name!r} cannot be asked.",
            why=why,
            remedy="Check its address and the secret for it, and that it answers within `timeout`.",
        )

    def wrong(self, why: str) -> GovkernelError:
        """The error for an answer that cannot be."""
        return GovkernelError(
            "classifier.wrong-answer",
            f"The classifier {self._endpoint.name!r} gave an answer that cannot be.",
            why=why,
            remedy="Check that `format` and `unit` are those of the endpoint.",
        )

    def _connections(self) -> httpx.AsyncClient:
        """Those of the running loop; those of one that has ended are of no use."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._loop is not loop:
            self._loop = loop
            self._open = httpx.AsyncClient(
                headers={
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",  # so that what is read is bounded
                },
                limits=httpx.Limits(max_connections=self._endpoint.at_once),
                timeout=self._endpoint.timeout,
                verify=self._tls,
                follow_redirects=False,
                trust_env=False,
            )
        return self._open


def _certificates(endpoint: Endpoint) -> ssl.SSLContext | bool:
    if endpoint.ca_bundle is None:
        return True
    try:
        return ssl.create_default_context(cafile=endpoint.ca_bundle)
    except OSError as error:
        raise ConfigError(
            "classifier.certificates",
            f"The certificate authorities {str(endpoint.ca_bundle)!r} cannot be used.",
            why=type(error).__name__,
            remedy="Name a file with certificates (PEM) as `ca_bundle`.",
        ) from None
