"""Answers one AdmissionReview. What starts nothing is let through unasked; everything else is judged, and recorded.

Let through unasked, because there is no decision in it (docs/adr/0006-admission.md):

* ``DELETE`` and ``CONNECT``: nothing new runs, and what is bad must stay removable;
* sub-resources that cannot change what runs, e.g. ``status``;
* updates that leave everything a policy could ask about as it is, such as the removal of a finalizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from govkernel.admission.ask import Answer, Kernel, ask, principal_of
from govkernel.admission.extract import RISK_KEY
from govkernel.admission.message import annotations_of, message_of, shorten, warnings_of
from govkernel.admission.review import AdmissionResponse, Operation, ReviewRequest
from govkernel.errors import GovkernelError
from govkernel.plugins import PluginHost

HARMLESS_SUB_RESOURCES: Final = frozenset(
    {"approval", "attach", "binding", "eviction", "exec", "finalize", "log", "portforward", "proxy", "resize"}
    | {"scale", "status", "token"}
)
"""Sub-resources that cannot name another image or model; any other is judged as the object it carries."""

MAX_ATTRIBUTE_GROUPS: Final = 100


async def decide_review(
    review: ReviewRequest, kernel: Kernel, host: PluginHost, *, environments: Mapping[str, str]
) -> AdmissionResponse:
    """The answer to a review.

    Args:
        review: the question.
        kernel: decides.
        host: offers the extractors of artifacts.
        environments: namespace to environment, e.g. ``{"prod": "production"}``.
    """
    unasked = starts_nothing(review)
    if unasked:
        return AdmissionResponse(uid=review.uid, allowed=True, audit_annotations={"not-judged": unasked})
    answer = await ask(
        object_of(review),
        principal_of(review.user_info.username),
        kernel,
        host,
        environments=environments,
        attributes=attributes_of(review),
    )
    return respond(review.uid, answer)


def starts_nothing(review: ReviewRequest) -> str:
    """Why there is nothing to decide about; empty when there is."""
    if review.operation in {Operation.DELETE, Operation.CONNECT}:
        return f"{review.operation} starts nothing new"
    if review.sub_resource in HARMLESS_SUB_RESOURCES:
        return f"sub-resource {review.sub_resource} names no artifact"
    if review.operation is Operation.UPDATE and review.object is not None and review.old_object is not None:
        same = _judged_part(review.object) == _judged_part(review.old_object)
        return "the update changes nothing that is judged" if same else ""
    return ""


def object_of(review: ReviewRequest) -> Mapping[str, Any]:
    """The new object, with the name, namespace and kind that the API server is about to give it."""
    found = dict(review.object or {})
    given = found.get("metadata")
    metadata = dict(given) if isinstance(given, Mapping) else {}
    metadata["namespace"] = review.namespace or metadata.get("namespace", "")
    metadata["name"] = review.name or metadata.get("name") or metadata.get("generateName", "")
    group = f"{review.kind.group}/" if review.kind.group else ""
    return {
        **found,
        "apiVersion": f"{group}{review.kind.version}",
        "kind": review.kind.kind,
        "metadata": metadata,
    }


def attributes_of(review: ReviewRequest) -> Mapping[str, Any]:
    """Facts about the request for Rego policies and the record."""
    facts = {
        "uid": review.uid,
        "operation": review.operation.value,
        "subResource": review.sub_resource,
        "dryRun": bool(review.dry_run),
        "groups": list(review.user_info.groups[:MAX_ATTRIBUTE_GROUPS]),
    }
    return {"admission": facts}


def respond(uid: str, answer: Answer) -> AdmissionResponse:
    """The answer as Kubernetes wants it."""
    return AdmissionResponse(
        uid=uid,
        allowed=answer.allowed,
        message="" if answer.allowed else message_of(answer),
        warnings=warnings_of(answer),
        audit_annotations=annotations_of(answer),
    )


def refuse(uid: str, error: GovkernelError, *, code: int, reason: str) -> AdmissionResponse:
    """The denial that an error amounts to.

    Args:
        uid: of the review, as far as it is known.
        error: what went wrong.
        code: HTTP status for the user.
        reason: Kubernetes' machine-readable reason.
    """
    fix = f" — Fix: {error.remedy}" if error.remedy else ""
    text = shorten(f"govkernel cannot decide: {error.what} {error.why}{fix}", 1024)
    return AdmissionResponse(
        uid=uid,
        allowed=False,
        code=code,
        reason=reason,
        message=f"{text} [{error.code}]",
        audit_annotations={"effect": "deny", "faults": error.code},
    )


def _judged_part(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """All of an object that a decision can depend on."""
    metadata = manifest.get("metadata")
    known = metadata if isinstance(metadata, Mapping) else {}
    annotations = known.get("annotations")
    risk = annotations.get(RISK_KEY) if isinstance(annotations, Mapping) else None
    rest = {key: value for key, value in manifest.items() if key not in {"metadata", "status"}}
    return {**rest, "metadata": {"labels": known.get("labels"), "risk": risk}}
