"""TLS for the webhook: at least 1.2, certificates renewed and reloaded without a restart."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from govkernel.admission.certificates import Certificates, ensure_certificates
from govkernel.errors import ConfigError, GovkernelError

if TYPE_CHECKING:
    import uvicorn

LOOK_EVERY: Final = 60.0
"""Seconds between looks at the files."""


class LiveContext:
    """A server's TLS context that follows its certificate files.

    Every handshake may look at the files, at most once a minute; when they changed, or are about to lapse and ours
    to renew, the handshake and all after it use what is there now. Files that cannot be used leave the old ones.

    Args:
        folder: of the certificates.
        names: that the server certificate is for.
        clock: monotonic seconds.
    """

    def __init__(
        self, folder: Path, names: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._names = tuple(names)
        self._clock = clock
        self.certificates = ensure_certificates(folder, names)
        self._seen = self._stamp(self.certificates)
        self._looked = clock()
        self._current = _load(self.certificates)
        self.context = _load(self.certificates)
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if self._clock() - self._looked >= LOOK_EVERY:
            self._looked = self._clock()
            self._look()
        connection.context = self._current

    def _look(self) -> None:
        try:
            made = ensure_certificates(self._folder, self._names)
            stamp = self._stamp(made)
            if stamp != self._seen:
                self._current, self._seen, self.certificates = _load(made), stamp, made
        except (GovkernelError, OSError):  # half-written, or gone: the next look may find them whole
            return

    @staticmethod
    def _stamp(made: Certificates) -> tuple[tuple[int, int], ...]:
        found = (path.stat() for path in (made.certificate_path, made.key_path))
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in found)


def uvicorn_tls(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments for ``uvicorn.Config`` that serve over TLS with live certificates.

    Raises:
        ConfigError: as :func:`govkernel.admission.certificates.ensure_certificates`, ``certificates.unusable``.
    """
    live = LiveContext(folder, names)

    def factory(_config: uvicorn.Config, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        return live.context

    return {"ssl_context_factory": factory}


def _load(made: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(os.fspath(made.certificate_path), os.fspath(made.key_path), _no_passphrase)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            "certificates.unusable",
            f"The certificate {made.certificate_path} and its key do not work together.",
            why=str(error),
            remedy="Replace both, or remove them and run `govkernel serve certificates`.",
        ) from None
    return context


def _no_passphrase() -> bytes:
    """Without this, OpenSSL would ask for one on the terminal."""
    return b""
