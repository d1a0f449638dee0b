"""The plugin's table in govkernel.toml, and the secret that requests carry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from govkernel.domain.readings import WAIT
from govkernel.errors import ConfigError

GIB: Final = 1024**3
MAX_SECRET: Final = 16 * 1024
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._~-]*)*/?")


def _address(text: str) -> str:
    parts = urlsplit(text)
    plain = _HOST.fullmatch(parts.netloc) and _PATH.fullmatch(parts.path) and not parts.query + parts.fragment
    if parts.scheme not in {"http", "https"} or not plain:
        raise ValueError("a server is https://HOST, with port and path if there are any")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class Server(BaseModel):
    """A tracking server with a model registry.

    Attributes:
        url: ``https://HOST``, as for ``MLFLOW_TRACKING_URI``; plain HTTP only if it says so.
        authorization: a file with the value of the ``Authorization`` header, e.g. ``Bearer …`` or ``Basic …``.
        ca_bundle: certificate authorities (PEM) instead of the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_address)]
    authorization: Path | None = None
    ca_bundle: Path | None = None

    def secret(self) -> dict[str, str]:
        """The header to send, read each time: what rotates secrets writes a new file.

        Raises:
            ConfigError: ``mlflow.authorization``; never with a secret in it.
        """
        if self.authorization is None:
            return {}
        try:
            with self.authorization.open(encoding="ascii") as stream:
                text = stream.read(MAX_SECRET + 1).strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        if not text or len(text) > MAX_SECRET or not text.isprintable():
            raise ConfigError(
                "mlflow.authorization",
                f"The file {str(self.authorization)!r} holds no value of an Authorization header.",
                why="It cannot be read, is empty or has several lines.",
                remedy="Write one line into it, e.g. `Bearer` and a token.",
            )
        return {"Authorization": text}


class MlflowSettings(BaseModel):
    """Settings of the plugin.

    Attributes:
        servers: that are asked, all of them: names do not say which one they mean.
        timeout: seconds for each exchange, and for each wait for the next block of a file.
        deadline: seconds for reading one version.
        max_bytes: largest version that is read.
        at_once: files of one version that are read at the same time.
        remember: seconds an answer counts again while the version and its list of files are the same.
        wait: seconds that a caller waits for a read; it goes on after that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: Annotated[tuple[Server, ...], Field(max_length=16)] = ()
    timeout: float = Field(default=5.0, gt=0, le=60)
    deadline: float = Field(default=3600.0, gt=0)
    max_bytes: int = Field(default=1024 * GIB, gt=0)
    at_once: int = Field(default=4, ge=1, le=64)
    remember: float = Field(default=300.0, ge=0, le=86400)
    wait: float = Field(default=WAIT, ge=0)
