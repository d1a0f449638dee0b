"""What is asked: Cedar's principal, action, resource and context, plus the artifacts involved."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import Field, model_serializer, model_validator

from govkernel.domain.artifact import ArtifactRef
from govkernel.domain.base import Frozen, FrozenDict, JsonObject

MAX_ARTIFACTS: Final = 256
_ENTITY: Final = re.compile(
    r'([A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)::"((?:[^"\\]|\\.)*)"', re.DOTALL
)


class Action(StrEnum):
    """The actions a policy can speak about."""

    ADMIT = "admit"
    DEPLOY = "deploy"
    PROMOTE = "promote"
    INFER = "infer"
    EGRESS = "egress"
    INVOKE_TOOL = "invokeTool"
    EXPORT = "export"
    READ = "read"


class Door(StrEnum):
    """The enforcement point (PEP) a request came through."""

    ADMISSION = "admission"
    CI = "ci"
    GUARD = "guard"
    AUDIT = "audit"


class EntityRef(Frozen):
    """A Cedar entity identifier, written ``Type::"id"``."""

    type: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*$", max_length=128)
    id: str = Field(max_length=2048)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            match = _ENTITY.fullmatch(value)
            if match is None:
                raise ValueError('an entity is written Type::"id"')
            return {"type": match.group(1), "id": re.sub(r"\\(.)", r"\1", match.group(2), flags=re.DOTALL)}
        return value

    @model_serializer
    def _to_text(self) -> str:
        return str(self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``Type::"id"``.

        Raises:
            pydantic.ValidationError: not of that form.
        """
        return cls.model_validate(text)

    def __str__(self) -> str:
        escaped = self.id.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.type}::"{escaped}"'


class Workload(Frozen):
    """What is known about the workload that would use the artifacts.

    Attributes:
        kind: e.g. ``InferenceService``; empty when there is none (a CI gate).
        namespace: Kubernetes namespace, or empty.
        name: object name, or empty.
        ai: whether it runs or serves a model, as far as extraction can tell.
        labels: ``key=value`` strings, at most what the extractor kept.
    """

    kind: str = ""
    namespace: str = ""
    name: str = ""
    ai: bool = False
    labels: tuple[str, ...] = ()


class Screening(Frozen):
    """What screening found in one message; never the text itself.

    Attributes:
        direction: ``request`` or ``response``.
        labels: labels of the findings so far, sorted.
        findings: how many findings.
        complete: every configured detector answered.
    """

    direction: str = Field(pattern="^(request|response)$")
    labels: tuple[str, ...] = ()
    findings: int = 0
    complete: bool = True


class Request(Frozen):
    """A principal asks to do an action to a resource, in a context.

    Attributes:
        principal: who asks, e.g. ``User::"alice"``.
        action: what they ask to do.
        resource: what they ask to do it to.
        door: the PEP the request came through.
        artifacts: names of the artifacts involved; each is resolved, and decided about, on its own
            (XACML 3.0 Multiple Decision Profile); the answer is allow only if every part is.
        workload: the workload that would use them.
        screening: what the detectors found, for ``infer``.
        environment: e.g. ``production``; empty when unknown.
        risk: declared risk class of the use: empty, ``minimal``, ``limited``, ``high`` or ``unacceptable``.
        labels: ``key=value`` strings that policies may test.
        attributes: further JSON facts for Rego policies and the record; Cedar does not see them.
    """

    principal: EntityRef
    action: Action
    resource: EntityRef
    door: Door
    artifacts: tuple[ArtifactRef, ...] = Field(default=(), max_length=MAX_ARTIFACTS)
    workload: Workload = Workload()
    screening: Screening | None = None
    environment: str = ""
    risk: str = Field(default="", pattern="^(|minimal|limited|high|unacceptable)$")
    labels: tuple[str, ...] = ()
    attributes: JsonObject = FrozenDict()


class Extraction(Frozen):
    """What an extractor read out of a manifest: the workload and the artifacts it names."""

    workload: Workload
    artifacts: tuple[ArtifactRef, ...] = ()
    risk: str = Field(default="", pattern="^(|minimal|limited|high|unacceptable)$")
