"""One bounded HTTP exchange with a store: no redirects, so that a token goes nowhere else; a limit on what is read."""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from govkernel.domain import strict_json
from govkernel.errors import ConfigError, GovkernelError
from govkernel_signers.problems import bad_setting, no_credentials, no_key, unavailable, wrong_answer

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of one answer."""


@dataclass(frozen=True)
class Web:
    """A store's HTTP interface.

    Attributes:
        store: what people call it, for messages.
        base: URL that paths are added to.
        timeout: seconds for connecting, and for each read.
        ca_bundle: certificate authorities (PEM) instead of the system's.
    """

    store: str
    base: str
    timeout: float
    ca_bundle: Path | None = None

    def get(self, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object at a path.

        Raises:
            ConfigError: ``signer.*``.
        """
        return self._ask("GET", path, headers, None)

    def post(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that answers a JSON object; raises as :meth:`get`."""
        return self._ask("POST", path, headers, dict(body))

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: dict[str, Any] | None
    ) -> dict[str, Any]:
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        try:
            with (
                httpx.Client(timeout=self.timeout, verify=self._tls(), follow_redirects=False) as client,
                client.stream(method, f"{self.base}/{path}", headers=sent, json=body) as answer,
            ):
                content = _bounded(answer)
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unavailable(self.store, type(error).__name__) from None
        self._check(status)
        try:
            said = strict_json.loads(content, max_bytes=MAX_ANSWER)
        except GovkernelError as error:
            raise wrong_answer(self.store, error.what) from None
        if not isinstance(said, dict):
            raise wrong_answer(self.store, "It is no object.")
        return said

    def _tls(self) -> ssl.SSLContext | bool:
        if self.ca_bundle is None:
            return True
        try:
            return ssl.create_default_context(cafile=self.ca_bundle)
        except OSError:
            raise bad_setting(
                f"The certificate authorities {str(self.ca_bundle)!r} cannot be used.", "Check ca_bundle."
            ) from None

    def _check(self, status: int) -> None:
        if status in (401, 403):
            raise no_credentials(
                self.store, f"It answered {status}.", "Renew them, or let them read the key and sign with it."
            )
        if status == 404:
            raise no_key(self.store, "It answered 404.")
        if status != 200:
            raise unavailable(self.store, f"It answered {status}.")


def member(said: Mapping[str, Any], kind: type[Any], *names: str, store: str) -> Any:
    """The value at a path of an answer, of a type.

    Raises:
        ConfigError: ``signer.wrong-answer``.
    """
    value: Any = said
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise wrong_answer(store, f"It has no proper {'.'.join(names)!r}.")
    return value


def unpacked(text: str, store: str, *, url: bool = False) -> bytes:
    """The bytes of base64 text; ``url``: in the alphabet of URLs, without padding (RFC 7515)."""
    try:
        if url:
            return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _not_base64(store) from None


def _not_base64(store: str) -> ConfigError:
    return wrong_answer(store, "What should be base64 is not.")


def _bounded(answer: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in answer.iter_raw():
        content += chunk
        if len(content) > MAX_ANSWER:
            raise httpx.TransportError("larger than an answer may be")
    return bytes(content)
