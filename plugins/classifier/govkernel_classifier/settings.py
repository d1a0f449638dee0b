"""The plugin's table in govkernel.toml, and the secret that requests carry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from govkernel.errors import ConfigError

MAX_SECRET: Final = 16 * 1024
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_ENTITY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

Role = Literal["system", "user", "tool", "assistant"]
Bound = Annotated[float, Field(gt=0, le=1)]


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc) or parts.fragment:
        raise ValueError("an endpoint is https://HOST/PATH, without user and password")
    return text


class Endpoint(BaseModel):
    """A classifier somewhere else.

    Attributes:
        name: of the detector.
        url: ``https://HOST/PATH``; plain HTTP only if it says so. Every text is sent there.
        format: of its answers: ``labels`` and ``spans`` as those of Hugging Face (``[{"label", "score"}]``,
            ``[{"entity_group", "score", "start", "end"}]``), ``moderation`` as OpenAI's, ``govkernel`` as those of a
            screening that runs elsewhere (``runtime_guard.scale.serve``).
        labels: what it calls a thing, to what it is called here: entities in capitals for ``spans``, others in small
            letters, either for ``govkernel``. What is not named here is not reported.
        threshold: score from which on a label counts.
        thresholds: the same by label, as it is called here.
        roles: whose texts it is asked about.
        unit: what its offsets count.
        model: sent along with ``moderation``.
        parameters: sent along with the others, e.g. ``{"top_k": 100}``.
        authorization: a file with the value of the ``Authorization`` header, e.g. ``Bearer …``.
        ca_bundle: certificate authorities (PEM) instead of the system's.
        timeout: seconds for one text; below ``plugins.deadline``.
        at_once: texts that it is asked about at the same time; the rest waits, within ``timeout``.
        on_fault: when it gives no answer, ``refuse`` fails what is screened, ``flag`` reports the label ``unscreened``,
            for policies to decide about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")
    url: Annotated[str, AfterValidator(_address)] = Field(max_length=2048)
    format: Literal["labels", "spans", "moderation", "govkernel"]
    labels: dict[str, str] = Field(min_length=1, max_length=256)
    threshold: Bound = 0.5
    thresholds: dict[str, Bound] = Field(default_factory=dict)
    roles: frozenset[Role] = frozenset({"system", "user", "tool", "assistant"})
    unit: Literal["characters", "utf-16", "utf-8"] = "characters"
    model: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    authorization: Path | None = None
    ca_bundle: Path | None = None
    timeout: float = Field(default=1.5, gt=0, le=60)
    at_once: int = Field(default=16, ge=1, le=1024)
    on_fault: Literal["refuse", "flag"] = "refuse"

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        forms = {"spans": (_ENTITY,), "govkernel": (_ENTITY, _LABEL)}.get(self.format, (_LABEL,))
        if not all(any(form.fullmatch(label) for form in forms) for label in self.labels.values()):
            raise ValueError("labels of spans are written in capitals here, others in small letters")
        if not set(self.thresholds) <= set(self.labels.values()):
            raise ValueError("a threshold is of a label that is not reported")
        return self

    def bound(self, label: str) -> float:
        """Score from which on a label counts."""
        return self.thresholds.get(label, self.threshold)

    def secret(self) -> dict[str, str]:
        """The header to send, read each time: what rotates secrets writes a new file.

        Raises:
            ConfigError: ``classifier.authorization``; never with a secret in it.
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
                "classifier.authorization",
                f"The file {str(self.authorization)!r} holds no value of an Authorization header.",
                why="It cannot be read, is empty or has several lines.",
                remedy="Write one line into it, e.g. `Bearer` and a token.",
            )
        return {"Authorization": text}


class ClassifierSettings(BaseModel):
    """Settings of the plugin.

    Attributes:
        endpoints: that are asked about every text; their names differ.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoints: Annotated[tuple[Endpoint, ...], Field(max_length=16)] = ()

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        names = [endpoint.name for endpoint in self.endpoints]
        if len(set(names)) != len(names):
            raise ValueError("two endpoints have one name")
        return self
