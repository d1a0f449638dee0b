"""From an object and the one who asks to a Request, and from the kernel's Record to whether this door may say yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from govkernel.admission.extract import extract, undone
from govkernel.combine import fault_of
from govkernel.domain import (
    Action,
    Door,
    Effect,
    EntityRef,
    Extraction,
    Fault,
    Reason,
    Record,
    Request,
    Workload,
)
from govkernel.errors import GovkernelError
from govkernel.plugins import PluginHost

_SERVICE_ACCOUNT: Final = "system:serviceaccount:"
_FULFILLED: Final = frozenset({"warn", "audit"})
"""Obligations this door fulfils: warnings are shown, and every decision is recorded."""


class Kernel(Protocol):
    """The decision point, as this door sees it."""

    async def judge(self, request: Request) -> Record:
        """The recorded decision with its evidence; never raises for what a request holds."""


@dataclass(frozen=True)
class Answer:
    """What this door knows about one object.

    Attributes:
        record: the kernel's record.
        denials: why the door denies even where the kernel allows: it could not read the object, or cannot do what
            the policies oblige it to.
    """

    record: Record
    denials: tuple[Reason, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the object may be stored."""
        return self.record.decision.allowed and not self.denials

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it may not, or why it may."""
        decided = self.record.decision
        return self.denials + (() if decided.allowed and self.denials else decided.reasons)


async def ask(
    manifest: Mapping[str, Any],
    principal: EntityRef,
    kernel: Kernel,
    host: PluginHost,
    *,
    environments: Mapping[str, str],
    attributes: Mapping[str, Any],
) -> Answer:
    """Judge one object.

    Args:
        manifest: the object, with its namespace.
        principal: who asks.
        kernel: decides.
        host: offers the extractors.
        environments: namespace to environment.
        attributes: facts about the request, for Rego and the record.
    """
    failure: GovkernelError | None = None
    try:
        extraction = await extract(manifest, host)
    except GovkernelError as error:
        failure, extraction = error, undone(manifest, error)
    record = await kernel.judge(_request(extraction, principal, environments, attributes))
    if failure is not None:
        fault = fault_of(failure)
        return Answer(record, (_unreadable(fault),), (fault,))
    return Answer(record, tuple(_unfulfilled(record)))


def principal_of(username: str) -> EntityRef:
    """The Cedar principal for a Kubernetes user name.

    ``system:serviceaccount:NAMESPACE:NAME`` is ``ServiceAccount::"NAMESPACE/NAME"``, any other ``User``.
    """
    if username.startswith(_SERVICE_ACCOUNT):
        namespace, colon, name = username.removeprefix(_SERVICE_ACCOUNT).partition(":")
        if colon and namespace and name:
            return EntityRef(type="ServiceAccount", id=f"{namespace}/{name}")
    return EntityRef(type="User", id=username or "system:anonymous")


def title_of(workload: Workload) -> str:
    """What a person calls an object, e.g. ``InferenceService prod/chat``."""
    place = f"{workload.namespace}/" if workload.namespace else ""
    return f"{workload.kind or 'object'} {place}{workload.name or '(no name)'}"


def _request(
    extraction: Extraction,
    principal: EntityRef,
    environments: Mapping[str, str],
    attributes: Mapping[str, Any],
) -> Request:
    workload = extraction.workload
    parts = (workload.namespace, workload.kind or "object", workload.name)
    return Request(
        principal=principal,
        action=Action.ADMIT,
        resource=EntityRef(type="Workload", id="/".join(part for part in parts if part)),
        door=Door.ADMISSION,
        artifacts=extraction.artifacts,
        workload=workload,
        environment=environments.get(workload.namespace, ""),
        risk=extraction.risk,
        attributes=dict(attributes),
    )


def _unreadable(fault: Fault) -> Reason:
    return Reason(
        policy=f"admission/{fault.code}",
        effect=Effect.DENY,
        message=f"{fault.what} {fault.why}".strip(),
        remedy=fault.remedy,
    )


def _unfulfilled(record: Record) -> list[Reason]:
    """Obligations of an allow that an admission webhook cannot fulfil (XACML 3.0, 7.2.1: then it must deny)."""
    if not record.decision.allowed:
        return []
    loose = [subject.artifact.name for subject in record.subjects if not subject.artifact.pinned]
    found = []
    for obligation in record.decision.obligations:
        if obligation.type in _FULFILLED or (obligation.type == "pinDigest" and not loose):
            continue
        wanted = ", ".join(obligation.arguments)
        found.append(
            Reason(
                policy=obligation.policy,
                effect=Effect.DENY,
                message=f"The policy obliges to {obligation.type}{f' ({wanted})' if wanted else ''}, "
                "which cannot be done at admission.",
                remedy=f"Name by digest: {', '.join(loose[:5])}."
                if obligation.type == "pinDigest"
                else "Do it before, or have the policy's owner write it as a condition.",
            )
        )
    return found
