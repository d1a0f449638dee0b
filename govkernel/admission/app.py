"""The webhook: FastAPI around :mod:`govkernel.admission.service`. Needs the extra ``admission``.

``POST /v1/admit`` takes an AdmissionReview and answers with one, always: what cannot be read or decided in time is
a denial that says why. ``/healthz``, ``/readyz`` and ``/metrics`` are for the cluster.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from govkernel.admission.ask import Kernel
from govkernel.admission.body import TooLarge, read_body
from govkernel.admission.metrics import CONTENT_TYPE, Metrics
from govkernel.admission.review import MAX_BYTES, AdmissionResponse, parse_review, uid_in
from govkernel.admission.service import decide_review, refuse
from govkernel.errors import GovkernelError, InputError
from govkernel.plugins import PluginHost

DEFAULT_DEADLINE: Final = 8.0
"""Seconds for one answer; less than the ten that the webhook's configuration gives us."""
MAX_REVIEWS: Final = 64
"""Reviews under way; the next ones are denied at once instead of piling up."""

_STATUS: Final = {"admission.too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "json.too-large": 413}
_NO_CACHE: Final = {"cache-control": "no-store"}


def create_app(
    kernel: Kernel,
    host: PluginHost,
    *,
    environments: Mapping[str, str] | None = None,
    deadline: float = DEFAULT_DEADLINE,
    max_bytes: int = MAX_BYTES,
) -> FastAPI:
    """The webhook as an ASGI application.

    Args:
        kernel: decides.
        host: offers the extractors of artifacts.
        environments: namespace to environment.
        deadline: seconds for one answer, body included.
        max_bytes: largest AdmissionReview.
    """
    app = FastAPI(title="govkernel admission", docs_url=None, redoc_url=None, openapi_url=None)
    door = _Door(kernel, host, environments or {}, deadline, max_bytes)
    app.add_api_route("/v1/admit", door.admit, methods=["POST"])
    app.add_api_route("/healthz", _healthy, methods=["GET"])
    app.add_api_route("/readyz", door.ready, methods=["GET"])
    app.add_api_route("/metrics", door.metrics, methods=["GET"])
    return app


class _Door:
    """The handlers, with what they need."""

    def __init__(
        self,
        kernel: Kernel,
        host: PluginHost,
        environments: Mapping[str, str],
        deadline: float,
        max_bytes: int,
    ) -> None:
        self._kernel = kernel
        self._host = host
        self._environments = environments
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._metrics = Metrics()
        self._under_way = 0

    async def admit(self, request: Request) -> Response:
        started = time.monotonic()
        self._under_way += 1
        try:
            response, status, cause = await self._answer(request)
        finally:
            self._under_way -= 1
        effect = "allow" if response.allowed else "deny"
        self._metrics.count(effect, cause, time.monotonic() - started)
        closing = {"connection": "close"} if cause == "admission.too-large" else {}
        return _json(response.document(), status, closing)

    async def ready(self) -> Response:
        broken = [error.as_dict() for error in self._host.broken()]
        status = HTTPStatus.SERVICE_UNAVAILABLE if broken else HTTPStatus.OK
        return _json({"ready": not broken, "broken": broken}, status)

    async def metrics(self) -> Response:
        return Response(self._metrics.render(self._host), media_type=CONTENT_TYPE, headers=_NO_CACHE)

    async def _answer(self, request: Request) -> tuple[AdmissionResponse, int, str]:
        uid = ""
        try:
            async with asyncio.timeout(self._deadline):
                data = await read_body(request.stream(), self._max_bytes)
                uid = uid_in(data)
                review = parse_review(data, max_bytes=self._max_bytes)
                uid = review.uid
                self._refuse_flood()
                response = await decide_review(
                    review, self._kernel, self._host, environments=self._environments
                )
                cause = "unasked" if "not-judged" in response.audit_annotations else "policy"
                return response, HTTPStatus.OK, cause
        except InputError as error:
            return _bad_request(uid, error)
        except GovkernelError as error:
            return _unable(uid, error)
        except TimeoutError:
            return _unable(uid, _too_slow(self._deadline))
        except Exception as error:
            return _unable(uid, _unexpected(error))

    def _refuse_flood(self) -> None:
        if self._under_way > MAX_REVIEWS:
            raise GovkernelError(
                "admission.busy",
                "Too many AdmissionReviews are under way.",
                why=f"The limit is {MAX_REVIEWS}.",
                remedy="Try again; if it lasts, run more replicas.",
            )


async def _healthy() -> Response:
    return _json({"healthy": True}, HTTPStatus.OK)


def _bad_request(uid: str, error: InputError) -> tuple[AdmissionResponse, int, str]:
    """An answer for whoever sent this, and a denial for an API server that reads it all the same."""
    known = uid_in(error.head) if isinstance(error, TooLarge) else uid
    status = _STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
    return refuse(known, error, code=status, reason="BadRequest"), status, error.code


def _unable(uid: str, error: GovkernelError) -> tuple[AdmissionResponse, int, str]:
    """A denial because we, not the sender, could not do our part."""
    response = refuse(uid, error, code=HTTPStatus.FORBIDDEN, reason="Forbidden")
    return response, HTTPStatus.OK, error.code


def _too_slow(deadline: float) -> GovkernelError:
    return GovkernelError(
        "admission.deadline",
        f"No answer within {deadline:g} s.",
        why="Evidence, a policy engine or a plugin was too slow.",
        remedy="Try again; look at `govkernel plugins` and at /metrics for the slow part.",
    )


def _unexpected(error: Exception) -> GovkernelError:
    return GovkernelError(
        "admission.unexpected",
        "An internal error stopped the decision.",
        why=type(error).__name__,
        remedy="Report it; the request was denied.",
    )


def _json(document: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        json.dumps(document), status, {**_NO_CACHE, **(headers or {})}, media_type="application/json"
    )
