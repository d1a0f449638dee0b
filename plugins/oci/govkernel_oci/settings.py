"""The plugin's table in govkernel.toml, and the credentials of a docker configuration file."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from govkernel.domain import strict_json
from govkernel.errors import ConfigError, GovkernelError

MAX_CONFIG: Final = 1024 * 1024


class OciSettings(BaseModel):
    """Settings of the plugin.

    Attributes:
        registries: hosts (with port, if any) that are asked; names on other hosts stay unresolved. The names come
            from strangers, so there is no default.
        insecure: those of them that are asked by plain HTTP.
        token_hosts: further hosts that may issue tokens; those in the registry's own domain always may.
        docker_config: a docker ``config.json`` with credentials under ``auths``; helpers are not run.
        timeout: seconds for each HTTP exchange.
        ca_bundle: certificate authorities (PEM) instead of the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    registries: frozenset[str] = frozenset()
    insecure: frozenset[str] = frozenset()
    token_hosts: frozenset[str] = frozenset()
    docker_config: Path | None = None
    timeout: float = Field(default=2.0, gt=0, le=60)
    ca_bundle: Path | None = None


def credentials(path: Path | None) -> dict[str, str]:
    """Basic credentials, still base64, by registry host.

    Raises:
        ConfigError: ``oci.credentials``; never with a secret in it.
    """
    if path is None:
        return {}
    try:
        with path.open("rb") as stream:
            document = strict_json.loads(stream.read(MAX_CONFIG + 1), max_bytes=MAX_CONFIG)
        found: dict[str, str] = {}
        for name, entry in document.get("auths", {}).items():
            if entry.get("auth"):
                base64.b64decode(entry["auth"], validate=True)
                found[host_of(name)] = str(entry["auth"])
    except (OSError, GovkernelError, AttributeError, TypeError, binascii.Error):
        raise ConfigError(
            "oci.credentials",
            f"The docker configuration {str(path)!r} cannot be used.",
            why="It cannot be read, or it is not a docker config.json with base64 credentials under auths.",
            remedy="Check docker_config in [plugins.settings.oci].",
        ) from None
    return found


def host_of(name: str) -> str:
    """The host of a key under ``auths``, e.g. ``https://index.docker.io/v1/``."""
    host = name.partition("://")[2] or name
    host = host.partition("/")[0].lower()
    return "docker.io" if host in {"index.docker.io", "registry-1.docker.io"} else host
