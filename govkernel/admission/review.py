"""AdmissionReview of ``admission.k8s.io/v1``: bytes in, a frozen review out; a response back to bytes.

Strict in what decides (uid, operation, kinds, user, objects), tolerant to what later versions of Kubernetes may add.
Spec: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from govkernel.domain import strict_json
from govkernel.errors import InputError

API_VERSION: Final = "admission.k8s.io/v1"
KIND: Final = "AdmissionReview"
MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one review. etcd takes objects of 1.5 MiB; a review carries the new and the old one."""
MAX_DEPTH: Final = 100
MAX_GROUPS: Final = 500

_UID: Final = re.compile(rb'"uid"\s*:\s*"([A-Za-z0-9_-]{1,128})"')
_HEAD: Final = 4096
_REMEDY: Final = "Send an AdmissionReview of admission.k8s.io/v1, as a Kubernetes API server does."


class Operation(StrEnum):
    """What is done to the object."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class _Tolerant(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, strict=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        """Go writes absent values as null."""
        return (
            {key: item for key, item in value.items() if item is not None}
            if isinstance(value, dict)
            else value
        )


class GroupVersionKind(_Tolerant):
    """A kind, e.g. ``apps/v1 Deployment``; the core group is empty."""

    group: str = Field(default="", max_length=253)
    version: str = Field(min_length=1, max_length=63)
    kind: str = Field(min_length=1, max_length=63)


class GroupVersionResource(_Tolerant):
    """A resource, e.g. ``apps/v1 deployments``."""

    group: str = Field(default="", max_length=253)
    version: str = Field(min_length=1, max_length=63)
    resource: str = Field(min_length=1, max_length=253)


class UserInfo(_Tolerant):
    """Who asks, as the API server authenticated them.

    Attributes:
        username: empty for an anonymous request.
        groups: the groups they are in.
    """

    username: str = Field(default="", max_length=1024)
    groups: tuple[str, ...] = Field(default=(), max_length=MAX_GROUPS, strict=False)


class ReviewRequest(_Tolerant):
    """The question of an API server.

    Attributes:
        uid: names this question; the answer must repeat it.
        kind: kind of the object as the webhook's rule asked for it.
        resource: the resource it goes to.
        sub_resource: e.g. ``status`` or ``scale``; empty for the object itself.
        name: object name; empty when the server will generate it.
        namespace: empty for objects outside namespaces.
        operation: what is done.
        user_info: who asks.
        object: the new object; None on DELETE.
        old_object: the object as it is; None on CREATE and CONNECT.
        dry_run: nothing will be stored.
    """

    uid: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")
    kind: GroupVersionKind
    resource: GroupVersionResource
    sub_resource: str = Field(default="", max_length=63)
    name: str = Field(default="", max_length=253)
    namespace: str = Field(default="", max_length=253)
    operation: Operation = Field(strict=False)
    user_info: UserInfo = Field(default=UserInfo())
    object: dict[str, Any] | None = None
    old_object: dict[str, Any] | None = None
    dry_run: bool | None = None

    @model_validator(mode="after")
    def _has_object(self) -> Self:
        if self.operation in {Operation.CREATE, Operation.UPDATE} and self.object is None:
            raise ValueError(f"{self.operation} needs an object")
        return self


class AdmissionResponse(BaseModel):
    """The answer to an API server.

    Attributes:
        uid: the question's.
        allowed: whether the API server may go on.
        code: HTTP status that the user gets when it may not.
        reason: the machine-readable reason, ``Forbidden`` or ``BadRequest``.
        message: the text that the user sees when it may not.
        warnings: lines that kubectl prints, at most 256 characters each.
        audit_annotations: go into the API server's audit log, under the webhook's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: str
    allowed: bool
    code: int = 403
    reason: str = "Forbidden"
    message: str = ""
    warnings: tuple[str, ...] = ()
    audit_annotations: Mapping[str, str] = Field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The AdmissionReview that carries the answer, as plain JSON values."""
        response: dict[str, Any] = {"uid": self.uid, "allowed": self.allowed}
        if not self.allowed:
            response["status"] = {
                "status": "Failure",
                "code": self.code,
                "reason": self.reason,
                "message": self.message,
            }
        if self.warnings:
            response["warnings"] = list(self.warnings)
        if self.audit_annotations:
            response["auditAnnotations"] = dict(self.audit_annotations)
        return {"apiVersion": API_VERSION, "kind": KIND, "response": response}

    def to_bytes(self) -> bytes:
        """The AdmissionReview as JSON."""
        return json.dumps(self.document()).encode()


def parse_review(data: bytes, *, max_bytes: int = MAX_BYTES) -> ReviewRequest:
    """Read an AdmissionReview.

    Raises:
        InputError: ``json.*`` for what is not acceptable JSON; ``admission.version`` for another kind or version;
            ``admission.malformed`` for a review that lacks what it must say.
    """
    return review_of(strict_json.loads(data, max_bytes=max_bytes, max_depth=MAX_DEPTH))


def review_of(document: Any) -> ReviewRequest:
    """The request of an AdmissionReview that was parsed already.

    Raises:
        InputError: as :func:`parse_review`.
    """
    found = (document.get("apiVersion"), document.get("kind")) if isinstance(document, dict) else None
    if found != (API_VERSION, KIND):
        raise InputError(
            "admission.version",
            f"The document is not an {KIND} of {API_VERSION}.",
            why=f"It says {str(found)[:120]}.",
            remedy=_REMEDY,
        )
    try:
        return ReviewRequest.model_validate(document.get("request"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in ("request", *first["loc"]))
        raise InputError(
            "admission.malformed",
            "The AdmissionReview lacks something it must say.",
            why=f"{where}: {first['msg']}"[:300],
            remedy=_REMEDY,
        ) from None


def uid_in(data: bytes) -> str:
    """The uid of a review that could not be read, as far as its first bytes tell; empty when they do not."""
    match = _UID.search(data[:_HEAD])
    return match.group(1).decode() if match else ""
