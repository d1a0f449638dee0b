"""The plugin's table in govkernel.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from govkernel.domain.readings import WAIT

GIB: Final = 1024**3
BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    rest = (parts.path.strip("/"), parts.query, parts.fragment)
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc) or any(rest):
        raise ValueError("an endpoint is https://HOST, with port if there is one")
    return f"{parts.scheme}://{parts.netloc}"


class Place(BaseModel):
    """A store, and the buckets of it that are read.

    Attributes:
        endpoint: ``https://HOST``; plain HTTP only if it says so.
        region: that requests are signed for.
        buckets: that are read; the names come from strangers, so there is no default.
        credentials: a file as ``~/.aws/credentials``; without one, requests are not signed.
        profile: section of that file.
        ambient: take credentials as the SDKs of AWS do: from variables, files, web identity, and the metadata
            services of the machine, which are then asked.
        ca_bundle: certificate authorities (PEM) instead of the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: Annotated[str, AfterValidator(_endpoint)]
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,64}$")
    buckets: frozenset[Annotated[str, Field(pattern=rf"^{BUCKET}$")]]
    credentials: Path | None = None
    profile: str = "default"
    ambient: bool = False
    ca_bundle: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.ambient and self.credentials is not None:
            raise ValueError("credentials come from a file or are ambient, not both")
        return self


class S3Settings(BaseModel):
    """Settings of the plugin.

    Attributes:
        places: stores; no bucket may be in two of them.
        timeout: seconds for each exchange, and for each wait for the next block of an object.
        deadline: seconds for reading one artifact.
        max_bytes: largest artifact that is read.
        at_once: objects of one artifact that are read at the same time.
        remember: seconds an answer counts again while the listing is the same; that of a version counts for good.
        wait: seconds that a caller waits for a read; it goes on after that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    places: tuple[Place, ...] = ()
    timeout: float = Field(default=5.0, gt=0, le=60)
    deadline: float = Field(default=3600.0, gt=0)
    max_bytes: int = Field(default=1024 * GIB, gt=0)
    at_once: int = Field(default=8, ge=1, le=64)
    remember: float = Field(default=300.0, ge=0, le=86400)
    wait: float = Field(default=WAIT, ge=0)

    @model_validator(mode="after")
    def _one_place_each(self) -> Self:
        named = [bucket for place in self.places for bucket in place.buckets]
        if len(set(named)) != len(named):
            raise ValueError("a bucket may be in one place only: names do not say which store they mean")
        return self
