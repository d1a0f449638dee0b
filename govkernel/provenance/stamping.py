"""Asking a timestamp authority for the time (RFC 3161, section 3.4), bounded, believing nothing unchecked."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from govkernel.errors import ConfigError, GovkernelError
from govkernel.provenance.timestamp_tokens import (
    MAX_TOKEN,
    check_imprint,
    check_purpose,
    distrust,
    read_token,
    reading,
    signer_of,
)
from govkernel.provenance.timestamps import TimeAuthority, demanded_time

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest

STAMPING_SECONDS: Final = 10.0
"""For connecting, and for each read."""


@dataclass(frozen=True)
class TimestampService:
    """A timestamp authority at a URL; follows :class:`govkernel.provenance.bundle.Stamper`.

    Attributes:
        url: ``http`` or ``https``; what it answers is signed, so plain HTTP hides nothing and changes nothing.
        times: one of whom must have signed the answer; empty checks only that the answer is one.
        clock: the time that no answer may be ahead of.

    Raises:
        ConfigError: ``timestamp.url``.
    """

    url: str
    times: Sequence[TimeAuthority] = ()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise ConfigError(
                "timestamp.url",
                "The address of the timestamp authority is none.",
                remedy="Give an http or https URL without credentials.",
            )

    def stamp(self, signature: bytes) -> bytes:
        """A response over the signature, checked as its verifiers will.

        Raises:
            ConfigError: ``timestamp.not-installed``.
            GovkernelError: ``timestamp.unavailable``, ``timestamp.nonce``, or what is wrong with the answer.
        """
        request = _request(signature)
        token = self._posted(request.as_bytes())
        with reading():
            said = read_token(token)
            check_imprint(said, signature)
            told, asked = (str(item).encode() for item in (said.tst_info.nonce, request.nonce))
            if not hmac.compare_digest(told, asked):
                raise distrust("nonce", "The timestamp answers another request.")
            known = [item.only for item in self.times if item.only is not None]
            check_purpose(signer_of(said, known)[0])
        if self.times:
            demanded_time([token], signature, self.times, self.clock())
        return token

    def _posted(self, body: bytes) -> bytes:
        import urllib3  # noqa: PLC0415

        headers = {"Content-Type": "application/timestamp-query", "Accept-Encoding": "identity"}
        try:
            answer = urllib3.PoolManager().request(
                "POST",
                self.url,
                body=body,
                headers=headers,
                timeout=STAMPING_SECONDS,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                content = _bounded(answer)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _unavailable(type(error).__name__) from None
        if answer.status != 200:
            raise _unavailable(f"It answered {answer.status}.")
        return content


def _request(signature: bytes) -> TimeStampRequest:
    try:
        import urllib3  # noqa: F401, PLC0415
        from rfc3161_client import TimestampRequestBuilder  # noqa: PLC0415
        from rfc3161_client.base import HashAlgorithm  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "timestamp.not-installed",
            "Timestamps need rfc3161-client and urllib3, which are not installed.",
            remedy='pip install "govkernel[timestamps]"',
        ) from None
    return TimestampRequestBuilder(data=signature, hash_algorithm=HashAlgorithm.SHA256).build()


def _bounded(answer: Any) -> bytes:
    content = bytearray()
    while chunk := answer.read(8192, decode_content=False):
        content += chunk
        if len(content) > MAX_TOKEN:
            raise _unavailable(f"It sent more than {MAX_TOKEN} bytes.")
    return bytes(content)


def _unavailable(why: str) -> GovkernelError:
    return GovkernelError(
        "timestamp.unavailable",
        "The timestamp authority gave no timestamp.",
        why=why,
        remedy="Check its address and that it can be reached; or sign without --timestamp-url.",
    )
