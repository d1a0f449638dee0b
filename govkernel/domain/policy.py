"""Policy as data: what a pack says about itself, what an engine is asked and what it answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from govkernel.domain.artifact import Digest
from govkernel.domain.base import Frozen, FrozenDict, JsonObject
from govkernel.domain.request import EntityRef


class Effect(StrEnum):
    """The two answers there are."""

    ALLOW = "allow"
    DENY = "deny"


class PackMode(StrEnum):
    """What a pack's denial does: stops the request, is shown as a warning, or is only recorded."""

    ENFORCE = "enforce"
    WARN = "warn"
    AUDIT = "audit"


OBLIGATIONS: Final = frozenset(
    {"redact", "tokenize", "pseudonymize", "detokenize", "block", "warn", "audit"}
    | {"requireApproval", "pinDigest", "route"}
)
"""Obligation types every PEP understands; a policy that names another does not load."""


class Obligation(Frozen):
    """Something the PEP must do when it enforces the decision.

    Attributes:
        type: one of :data:`OBLIGATIONS`.
        arguments: e.g. the labels to redact; empty means all it can apply to.
        policy: id of the policy that asked for it.
    """

    type: str
    arguments: tuple[str, ...] = ()
    policy: str = ""


class Reason(Frozen):
    """A policy that determined (part of) the decision.

    Attributes:
        policy: ``pack/policy`` id.
        effect: what the policy says.
        mode: the mode of its pack.
        message: human text, what is wrong or why it is allowed.
        remedy: what to do about a denial.
        about: the entity it was evaluated on (an artifact or the resource itself).
        name: the name that a person knows that entity by.
        controls: ids of the controls the policy implements.
    """

    policy: str
    effect: Effect
    mode: PackMode = PackMode.ENFORCE
    message: str = ""
    remedy: str = ""
    about: EntityRef | None = None
    name: str = ""
    controls: tuple[str, ...] = ()


class PolicyInput(Frozen):
    """One question to a policy engine: the same document for Cedar, Rego and anything else.

    Attributes:
        principal, action, resource: the question.
        context: facts; its shape is the ``context`` types of govkernel/engines/govkernel.cedarschema,
            plus ``statements`` (accepted predicates in full) and ``attributes``, which Cedar does not see.
        name: the name a person knows the resource by.
    """

    principal: EntityRef
    action: str
    resource: EntityRef
    context: JsonObject = FrozenDict()
    name: str = ""

    def document(self) -> dict[str, Any]:
        """The question as plain JSON, OPA's ``input``."""
        return {
            "principal": {"type": self.principal.type, "id": self.principal.id},
            "action": self.action,
            "resource": {"type": self.resource.type, "id": self.resource.id},
            "context": self.context,
        }


class Verdict(Frozen):
    """What one pack says to one question.

    Attributes:
        permits: reasons of the satisfied permits.
        forbids: reasons of the satisfied forbids.
        obligations: obligations of the satisfied policies, each naming its policy.
    """

    permits: tuple[Reason, ...] = ()
    forbids: tuple[Reason, ...] = ()
    obligations: tuple[Obligation, ...] = ()


class Control(Frozen):
    """A control of some framework that a pack implements, e.g. ``NIST-AI-RMF/MAP-4.1``."""

    id: str
    title: str = ""


class PackManifest(Frozen):
    """The ``pack.yaml`` of a policy pack.

    Attributes:
        id: short name, also the prefix of its policy ids.
        version: semantic version.
        engine: name of the policy engine, ``cedar`` or ``opa``.
        owner: who answers for it.
        mode: what its denials do.
        description: one sentence.
        controls: controls it implements.
        parameters: JSON Schema (object) of its parameters, with defaults.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?$")
    engine: str
    owner: str = Field(min_length=1)
    mode: PackMode = PackMode.ENFORCE
    description: str = ""
    controls: tuple[Control, ...] = ()
    parameters: JsonObject = FrozenDict({"type": "object", "properties": {}})


class PolicyFile(Frozen):
    """One policy source of a pack: its path inside the pack and its text."""

    path: str
    text: str


class PolicyPack(Frozen):
    """A pack read from disk, with parameter values chosen, not yet understood by any engine.

    Attributes:
        manifest: what it says about itself.
        policies: its sources, ordered by path.
        parameters: values, validated against the manifest's schema, defaults filled in.
        digest: SHA-256 of the canonical form of all of the above.
    """

    manifest: PackManifest
    policies: tuple[PolicyFile, ...] = Field(min_length=1)
    parameters: JsonObject = FrozenDict()
    digest: Digest
