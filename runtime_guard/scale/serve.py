"""Screening as a Ray Serve deployment: replicas that each hold a screen, as many as the queue asks for.

Over HTTP a row comes in and its document goes out, as ``govkernel screen --jsonl`` reads and writes them; from Python
the handle's method ``message`` gives the same. A replica batches what waits for its models, one text of each tenant in
turn (:mod:`runtime_guard.readers.batcher`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from govkernel.errors import GovkernelError, InputError
from runtime_guard.rows.batch import document_of
from runtime_guard.rows.lines import MAX_LINE, BadRow, Row, read_rows, row_of
from runtime_guard.scale.parts import not_installed
from runtime_guard.screen import Screen

MakeScreen = Callable[[], Screen]

TENANT: Final = b"x-govkernel-tenant"
"""Header that names whose text it is; tenants share no cache and are served in turn."""

MAX_TENANT: Final = 128


@dataclass(frozen=True)
class Scaling:
    """How many replicas there are, and what each takes.

    Attributes:
        least, most: replicas.
        queue: texts under way or waiting per replica, at which more replicas are started.
        at_once: texts that a replica takes at once.
        waiting: texts that may wait besides; one more is refused.
        cpus: of a replica.
        gpus: of a replica; a fraction shares one.
    """

    least: int = 1
    most: int = 1
    queue: float = 16.0
    at_once: int = 64
    waiting: int = 1024
    cpus: float = 1.0
    gpus: float = 0.0


class Screening:
    """A replica; an ASGI-like callable for Ray Serve's requests.

    Args:
        make_screen: makes its screen.
    """

    def __init__(self, make_screen: MakeScreen) -> None:
        self._screen = make_screen()

    async def message(self, text: str, role: str = "user", tenant: str = "") -> dict[str, Any]:
        """The document of one message: findings, and labels that are flagged; or an error in their place.

        Args:
            text: as of :meth:`Screen.message`.
            role: as in rows.
            tenant: whose it is.
        """
        return await self._document(row_of({"text": text, "role": role}), tenant)

    async def __call__(self, request: Any) -> Any:
        """The document of a row that came by HTTP; 400 for what is no row, 503 for what could not be screened.

        Args:
            request: of Starlette.
        """
        from starlette.responses import Response  # noqa: PLC0415 - comes with Ray Serve

        said = await self._answer(request)
        return Response(json.dumps(said), _status(said), media_type="application/json")

    async def _answer(self, request: Any) -> dict[str, Any]:
        tenant = request.headers.get(TENANT.decode(), "")
        content = await _bounded(request.stream())
        rows = list(read_rows(BytesIO(content))) if request.method == "POST" else []
        if len(rows) != 1 or len(tenant) > MAX_TENANT:
            return {"id": None, "error": dict(_not_one_row().as_dict())}
        return await self._document(rows[0], tenant)

    async def _document(self, row: Row | BadRow, tenant: str) -> dict[str, Any]:
        if isinstance(row, BadRow):
            return {"id": row.id, "error": dict(row.error.as_dict())}
        try:
            found = await self._screen.message(row.text, row.role, tenant=tenant)
        except GovkernelError as error:
            return {"id": row.id, "error": dict(error.as_dict())}
        return document_of(row.id, found)


def screening(make_screen: MakeScreen, scaling: Scaling | None = None) -> Any:
    """The application, for ``ray.serve.run``.

    Args:
        make_screen: makes the screen of a replica, there; a function of a module, or a partial of one.
        scaling: how many replicas there are.

    Raises:
        ConfigError: ``scale.not-installed``.
    """
    try:
        from ray import serve  # noqa: PLC0415 - takes seconds, and comes with the extra
    except ModuleNotFoundError:
        raise not_installed() from None
    chosen = scaling or Scaling()
    deployment: Any = serve.deployment(
        Screening,
        name="screening",
        autoscaling_config={
            "min_replicas": chosen.least,
            "max_replicas": chosen.most,
            "target_ongoing_requests": chosen.queue,
        },
        max_ongoing_requests=chosen.at_once,
        max_queued_requests=chosen.waiting,
        ray_actor_options={"num_cpus": chosen.cpus, "num_gpus": chosen.gpus},
    )
    return deployment.bind(make_screen)


def _not_one_row() -> InputError:
    return InputError(
        "row.malformed",
        "The request does not bring one row.",
        remedy='POST {"id", "text", "role"?}, and a tenant of at most 128 characters.',
    )


async def _bounded(stream: AsyncIterator[bytes]) -> bytes:
    """All of a body, and of a longer one so much that it is no row."""
    content = bytearray()
    async for block in stream:
        content += block
        if len(content) > MAX_LINE:
            break
    return bytes(content)


def _status(said: dict[str, Any]) -> int:
    code = said.get("error", {}).get("code", "")
    if not code:
        return 200
    return 503 if code in {"guard.detector-failed", "guard.overloaded"} else 400
