"""Artifacts and how they are named: a name only ever resolves to a digest; the digest is the identity."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_serializer, model_validator

from govkernel.domain.base import Frozen

HEX_LENGTH: Final = {"sha256": 64, "sha384": 96, "sha512": 128, "gitCommit": 40, "blake3": 64}
"""Digest algorithms we name, as in-toto's DigestSet does, with the length of their hex form."""

MAX_URI: Final = 2048
_OCI_DIGEST: Final = re.compile(r"@(sha256:[0-9a-f]{64})$")
_COMMIT: Final = re.compile(r"[^@]+@[0-9a-f]{40}")
_COMMIT_AND_PATH: Final = re.compile(r"git\+[a-z]+://[^/@]*/[^@]+@[0-9a-f]{40}(?://.*)?")
_PINNED: Final = {
    "hf": _COMMIT,
    "git": _COMMIT,
    **dict.fromkeys(("git+https", "git+http", "git+file"), _COMMIT_AND_PATH),
    "mlflow": re.compile(r"mlflow://models/[^/@]+/[0-9]+"),
    "prompt": re.compile(r"prompt://[^/@]+/[^@]+@[^@]+"),
    "s3": re.compile(r"s3://[^?]+\?versionId=(?!null$)[A-Za-z0-9._-]+"),
}
"""By scheme, the names that can only ever mean one content."""

_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*):")


class ArtifactKind(StrEnum):
    """What an artifact is; the values are also the kinds a trust policy names."""

    MODEL = "model"
    PROMPT = "prompt"
    DATASET = "dataset"
    ADAPTER = "adapter"
    TOKENIZER = "tokenizer"
    TOOL = "tool"
    IMAGE = "image"

    @property
    def entity_type(self) -> str:
        """The Cedar entity type of artifacts of this kind, e.g. ``Model``."""
        return self.value.capitalize()


class Digest(Frozen):
    """A cryptographic digest, written ``algorithm:hex`` (in-toto DigestSet naming, lower-case hex)."""

    algorithm: str
    hex: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            algorithm, _, hexadecimal = value.partition(":")
            return {"algorithm": algorithm, "hex": hexadecimal}
        return value

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        length = HEX_LENGTH.get(self.algorithm)
        if length is None:
            raise ValueError(f"unknown digest algorithm {self.algorithm[:20]!r}")
        if not re.fullmatch(rf"[0-9a-f]{{{length}}}", self.hex):
            raise ValueError(f"{self.algorithm} digest must be {length} lower-case hex digits")
        return self

    @model_serializer
    def _to_text(self) -> str:
        return str(self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``algorithm:hex``.

        Raises:
            pydantic.ValidationError: unknown algorithm or malformed hex.
        """
        return cls.model_validate(text)

    @classmethod
    def sha256(cls, hexadecimal: str) -> Self:
        """A SHA-256 digest from its 64 hex digits."""
        return cls(algorithm="sha256", hex=hexadecimal)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


class ArtifactRef(Frozen):
    """A name that someone used for an artifact, e.g. ``oci://host/repo:tag`` or ``prompt://team/name@v1``.

    Attributes:
        uri: the name, with a scheme, at most 2,048 characters.
        kind: what the place it was used in says it is.
        where: the place it was found, e.g. ``spec.containers[0].image`` or a path; for messages.
    """

    uri: str = Field(min_length=3, max_length=MAX_URI)
    kind: ArtifactKind
    where: str = ""

    @field_validator("uri")
    @classmethod
    def _has_scheme(cls, uri: str) -> str:
        if not _SCHEME.match(uri):
            raise ValueError("an artifact reference needs a scheme, such as oci:// or file:")
        if any(ord(char) < 32 or ord(char) == 127 for char in uri):
            raise ValueError("control characters are not allowed in an artifact reference")
        return uri

    @property
    def scheme(self) -> str:
        """The part before the first colon, e.g. ``oci``."""
        match = _SCHEME.match(self.uri)
        return match.group(1) if match else ""

    @property
    def digest(self) -> Digest | None:
        """The digest the name itself carries (OCI ``@sha256:``), if it does."""
        match = _OCI_DIGEST.search(self.uri) if self.scheme == "oci" else None
        return Digest.parse(match.group(1)) if match else None

    @property
    def pinned(self) -> bool:
        """Whether the name can only ever mean one content: a digest, a commit, a version of a model or of an object.

        Local files are pinned: what they resolve to is the content that was read.
        """
        if self.scheme in {"file", "oci"}:
            return self.scheme == "file" or self.digest is not None
        pinned = _PINNED.get(self.scheme)
        return pinned is not None and pinned.fullmatch(self.uri) is not None


class Artifact(Frozen):
    """An artifact identified by content.

    Attributes:
        kind: what it is.
        name: the name it was asked for by (a URI or a path); evidence may speak of it by this name.
        digest: the subject digest that evidence must be about; None when nothing could resolve the name,
            in which case no evidence can be about it and policy sees ``resolved == false``.
        aliases: other digests of the same content (an OMS root, a plain file hash); for look-up only.
        pinned: the name can only ever mean this content.
        observed: we read the content ourselves (as opposed to learning the digest from a signed name).
        formats: file formats found in it, e.g. ``safetensors``, ``pickle``.
        location: where its content can be read on this machine, if it can.
        where: the place in the request it was found at.
    """

    kind: ArtifactKind
    name: str
    digest: Digest | None = None
    aliases: tuple[Digest, ...] = ()
    pinned: bool = False
    observed: bool = False
    formats: tuple[str, ...] = ()
    location: str | None = None
    where: str = ""

    @property
    def resolved(self) -> bool:
        """Whether the name led to a digest."""
        return self.digest is not None
