"""The audit door: a read-only HTTP API over the log, and a page for people. Needs the extra ``admission``.

``GET /v1/records?q=…``, ``/v1/records/{index}``, ``/v1/records/{index}/proof``, ``/v1/checkpoint``,
``/v1/consistency?from=&to=``, ``/healthz``; ``/`` and ``/records/{index}`` are the pages. docs/reference/audit-query.md
describes them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from govkernel.audit.log import AuditLog
from govkernel.audit.pages import HEADERS, error_page, record_page, results_page
from govkernel.errors import AuditError

_STATUS: Final = {
    "audit.not-found": 404,
    "audit.unauthorized": 401,
    "audit.request": 400,
    "audit.locked": 503,
    "audit.unavailable": 503,
    "audit.query-timeout": 503,
}
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="govkernel audit", Basic realm="govkernel audit"'}

Clock = Callable[[], datetime]
Next = Callable[[Request], Awaitable[Response]]


def create_app(log: AuditLog, *, token: str = "", clock: Clock = lambda: datetime.now(UTC)) -> FastAPI:
    """The audit door over a log.

    Args:
        log: an open log; the caller closes it.
        token: what every caller but ``/healthz`` must present, as a Bearer token or, in a browser, as the password
            of Basic authentication with any user name; empty asks for none.
        clock: returns the current time, aware.
    """
    app = FastAPI(title="govkernel audit", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")

    @app.middleware("http")
    async def _guard(request: Request, proceed: Next) -> Response:
        allowed = not token or request.url.path == "/healthz" or _presents(request, token)
        response = await proceed(request) if allowed else _unauthorized()
        response.headers.update(HEADERS)
        return response

    _add_api(app, log, clock)
    _add_pages(app, log, clock)
    _add_errors(app)
    return app


def _add_api(app: FastAPI, log: AuditLog, clock: Clock) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """Whether the log can be read."""
        log.checkpoint()
        return {"status": "ok"}

    @app.get("/v1/records")
    def records(q: str = "") -> dict[str, Any]:
        """Records that match a query, newest first."""
        now = clock()
        return {"records": [row.as_dict() for row in log.query(q, now)], "total": log.count(q, now)}

    @app.get("/v1/records/{index}")
    def record(index: int) -> dict[str, Any]:
        """One record; ``payload`` is the exact text whose bytes are the leaf."""
        row = log.row(index)
        return {**row.as_dict(), "payload": row.payload}

    @app.get("/v1/records/{index}/proof")
    def proof(index: int) -> dict[str, Any]:
        """Proof that the record is in the log as the newest checkpoint signs it."""
        return dict(log.prove(index).as_dict())

    @app.get("/v1/checkpoint", response_class=PlainTextResponse)
    def checkpoint() -> str:
        """The newest checkpoint, a signed note; empty while the log is."""
        return log.checkpoint()

    @app.get("/v1/consistency")
    def consistency(
        first: Annotated[int, Query(alias="from")], second: Annotated[int, Query(alias="to")]
    ) -> dict[str, Any]:
        """Proof that the log of ``from`` records is a prefix of the log of ``to`` records."""
        return dict(log.consistency(first, second).as_dict())


def _add_pages(app: FastAPI, log: AuditLog, clock: Clock) -> None:
    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def results(q: str = "") -> HTMLResponse:
        now = clock()
        try:
            return HTMLResponse(results_page(q, log.query(q, now), log.count(q, now)))
        except AuditError as error:
            return HTMLResponse(results_page(q, (), 0, error), status_of(error))

    @app.get("/records/{index}", response_class=HTMLResponse, include_in_schema=False)
    def details(index: int) -> HTMLResponse:
        try:
            row = log.row(index)
        except AuditError as error:
            return HTMLResponse(error_page(error), status_of(error))
        try:
            return HTMLResponse(record_page(row, log.prove(index)))
        except AuditError as error:
            return HTMLResponse(record_page(row, None, error))


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(AuditError)
    async def _audit_error(_request: Request, error: AuditError) -> JSONResponse:
        return _error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        where = ", ".join(sorted({str(item["loc"][-1])[:40] for item in error.errors()}))
        remedy = "Records and sizes are whole numbers; docs/reference/audit-query.md shows every address."
        return _error(
            AuditError("audit.request", "The request cannot be understood.", why=where, remedy=remedy)
        )

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        remedy = "Use GET on one of the addresses in docs/reference/audit-query.md."
        refused = AuditError("audit.request", str(error.detail), remedy=remedy)
        return _error(refused, error.status_code)

    @app.exception_handler(Exception)
    async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
        remedy = "Report it; the log itself was only read."
        failed = AuditError(
            "audit.unexpected", "The request failed.", why=type(error).__name__, remedy=remedy
        )
        answer = _error(failed, 500)
        answer.headers.update(HEADERS)
        return answer


def status_of(error: AuditError) -> int:
    """The HTTP status of an error."""
    if error.code.startswith("audit.query-"):
        return _STATUS.get(error.code, 400)
    return _STATUS.get(error.code, 500)


def _error(error: AuditError, status: int | None = None) -> JSONResponse:
    return JSONResponse({"error": dict(error.as_dict())}, status or status_of(error))


def _unauthorized() -> JSONResponse:
    remedy = "Send the header `Authorization: Bearer TOKEN`, or the token as password when the browser asks."
    refused = _error(
        AuditError("audit.unauthorized", "A token is needed to read the audit log.", remedy=remedy)
    )
    refused.headers.update(_CHALLENGE)
    return refused


def _presents(request: Request, token: str) -> bool:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    given = value.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        given = _password(given)
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(token.encode()).digest())


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
