"""The proxy as an ASGI application: what clients and model servers say, screened both ways.

Each path has its wire form. Plain ASGI and aiohttp, because this is the hot path of somebody else's product. Whatever
cannot be screened is not passed on: unknown paths are refused, and every failure ends the exchange with an error in
the client's own shape.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp

from govkernel.domain import strict_json
from govkernel.errors import GovkernelError, InputError
from govkernel.hookspecs import Upstream
from runtime_guard.proxy import sse
from runtime_guard.proxy.anthropic.form import COUNT, MESSAGES, VERSION
from runtime_guard.proxy.asgi import (
    ClientLeft,
    Receive,
    Scope,
    Send,
    headers_of,
    read_body,
    respond,
    wait_for_disconnect,
)
from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.forms import WireForm
from runtime_guard.proxy.judge import Decider, Exchange, Refused
from runtime_guard.proxy.metrics import Metrics
from runtime_guard.proxy.models import BASE, MODELS, names_models, path_of_models
from runtime_guard.proxy.openai.form import CHAT
from runtime_guard.proxy.replies import Answer, respond_error
from runtime_guard.proxy.settings import GuardSettings
from runtime_guard.proxy.told import told
from runtime_guard.proxy.upstream import UpstreamClient
from runtime_guard.screen import Screen
from runtime_guard.tokens.vault import Vault

FORMS: Final = {form.path: form for form in (CHAT, MESSAGES, COUNT)}
"""Wire forms by the path where requests of that form are sent."""
MAX_DEPTH: Final = 64
CONVERSATION: Final = "x-govkernel-conversation"
"""Header in which a client names the conversation; it is not passed on."""
MAX_CONVERSATION: Final = 256
_FRAMES: Final = 6
"""Places that are logged of a failure, the innermost last."""
_log = logging.getLogger(__name__)

_STATUS: Final = {
    "guard.request-too-large": 413,
    "guard.too-long": 413,
    "guard.no-upstream": 404,
    "guard.upstream-timeout": 504,
    "guard.upstream-unreachable": 502,
    "guard.upstream-too-large": 502,
    "guard.upstream-stream": 502,
    "guard.upstream-answer": 502,
    "guard.upstream-error": 502,
    "guard.detector-failed": 503,
    "guard.overloaded": 503,
    "guard.too-many-findings": 503,
    "guard.decision-failed": 503,
    "vault.contended": 503,
    "vault.full": 413,
    "vault.key-failed": 503,
    "vault.key-unknown": 503,
    "vault.tampered": 503,
    "vault.unavailable": 503,
}


class GuardApp:
    """The ASGI application.

    Args:
        settings: limits and tenants.
        decide: the kernel.
        screen: the detectors.
        upstreams: model servers.
        vault: remembers surrogates; default one that ends with this process.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: GuardSettings,
        decide: Decider,
        screen: Screen,
        upstreams: Sequence[Upstream],
        *,
        vault: Vault | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._decide = decide
        self._screen = screen
        self._vault = vault or Vault.in_memory()
        self._clock = clock
        self._client = UpstreamClient(upstreams, settings)
        self._metrics = Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection event loop of ASGI: lifespan or an HTTP request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._client.open()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._client.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method == "POST" and path in FORMS:
            await self._guarded(FORMS[path], scope, receive, send)
        elif method == "GET" and names_models(path):
            await self._models(scope, send)
        elif (method, path) == ("GET", "/healthz"):
            await respond(send, 200, b'{"status":"ok"}')
        elif (method, path) == ("GET", "/metrics"):
            shown = self._metrics.render(self._screen.metrics())
            await respond(send, 200, shown, "text/plain; version=0.0.4; charset=utf-8")
        else:
            error = InputError(
                "guard.unknown-path",
                "This path is not screened, so it is not passed on.",
                remedy=f"Use POST {', POST '.join(FORMS)} or GET {MODELS}.",
            )
            await respond_error(send, _form_for(scope), 404, error)

    async def _guarded(self, form: WireForm, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; stop working when the client leaves."""
        answer = Answer(send, form)
        await self._concluded(form.name, answer, self._while_there(form, scope, receive, answer))

    async def _while_there(self, form: WireForm, scope: Scope, receive: Receive, answer: Answer) -> str:
        body = await read_body(receive, self._settings.max_request)
        work = asyncio.ensure_future(self._answered(form, scope, body, answer))
        gone = asyncio.ensure_future(wait_for_disconnect(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ClientLeft
            return work.result()
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _concluded(self, route: str, answer: Answer, work: Awaitable[str]) -> None:
        """Do the work, tell the client what went wrong, and count how it ended."""
        try:
            outcome = await work
        except ClientLeft:
            outcome = "client_left"
        except Refused as refused:
            outcome = refused.error.code
            await answer.fail(refused.status, refused.error, refused.decision)
        except GovkernelError as error:
            outcome = error.code
            await answer.fail(_STATUS.get(error.code, 400), error)
        except Exception as error:
            outcome = "guard.unexpected"
            _log.error("The guard failed: %s, at %s.", type(error).__name__, _place_of(error))
            await answer.fail(500, _unexpected())
        self._metrics.count(route, outcome)

    async def _answered(self, form: WireForm, scope: Scope, raw: bytes, answer: Answer) -> str:
        headers = headers_of(scope)
        body = _parse(form, raw, self._settings.max_request)
        exchange = self._exchange(form, headers, body)
        now = int(self._clock())
        conversation = Conversation(
            self._screen, self._decide, exchange, self._settings, form=form, vault=self._vault, now=now
        )
        await conversation.screen_request(body)
        route = self._client.route(exchange.model)
        if route.model is not None:
            body["model"] = route.model
        sent = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        path, relayed = _upstream_path(form, scope), form.relayed(headers, route.headers)
        async with self._client.send("POST", path, route, relayed, sent) as response:
            answer.told = told(response.headers)
            if response.status != 200:
                raise await self._client.refusal(response, conversation.decision)
            if body.get("stream") is True:
                await self._stream(response, conversation, answer)
            else:
                whole = _json(form, await self._client.read(response))
                released = await conversation.screen_answer(whole)
                text = json.dumps(released, ensure_ascii=False).encode("utf-8", "replace")
                await answer.whole(text, conversation.decision)
        return conversation.outcome

    def _exchange(self, form: WireForm, headers: dict[str, str], body: dict[str, Any]) -> Exchange:
        tenant = self._tenant(form, headers)
        model = body.get("model")
        if not isinstance(model, str) or not 0 < len(model) <= 512:
            raise form.api.malformed("'model' must be a name.")
        return Exchange(tenant, model, self._settings.environment, _conversation(form, headers))

    def _tenant(self, form: WireForm, headers: dict[str, str]) -> str:
        tenant = self._settings.tenant(form.authorization(headers))
        if tenant is not None:
            return tenant
        error = InputError(
            "guard.unauthorized",
            "The API key is not known.",
            remedy="Use a key the operator of the guard gave you.",
        )
        raise Refused(401, error, "")

    async def _stream(
        self, response: aiohttp.ClientResponse, conversation: Conversation, answer: Answer
    ) -> None:
        if response.content_type != "text/event-stream":
            raise InputError(
                "guard.upstream-answer",
                "The model server did not stream.",
                why=f"Content type {response.content_type[:60]!r}.",
                remedy="Check that the upstream supports streaming.",
            )
        await answer.begin_stream(conversation.decision)
        heard = answer.beating(response.content.iter_any(), self._settings.beat_seconds)
        events = sse.events(heard, self._settings.max_line)
        async for event in conversation.form.stream(conversation, events):
            await answer.event(event)
        await answer.end_stream()

    async def _models(self, scope: Scope, send: Send) -> None:
        form = _form_for(scope)
        answer = Answer(send, form)
        await self._concluded("models", answer, self._listed(form, scope, answer))

    async def _listed(self, form: WireForm, scope: Scope, answer: Answer) -> str:
        headers = headers_of(scope)
        self._tenant(form, headers)
        route = self._client.route("")
        path, relayed = (
            path_of_models(scope["path"], scope.get("query_string", b"")),
            form.relayed(headers, route.headers),
        )
        async with self._client.send("GET", path, route, relayed, None) as response:
            answer.told = told(response.headers)
            if response.status != 200:
                raise await self._client.refusal(response)
            await answer.whole(json.dumps(_json(form, await self._client.read(response))).encode(), "")
        return "ok"


def _form_for(scope: Scope) -> WireForm:
    """The form in which to speak on a path that has none of its own."""
    of_messages = scope["path"].startswith(MESSAGES.path) or VERSION in headers_of(scope)
    return MESSAGES if of_messages else CHAT


def _upstream_path(form: WireForm, scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return form.path.removeprefix(BASE) + (f"?{query}" if query in form.queries else "")


def _parse(form: WireForm, raw: bytes, limit: int) -> dict[str, Any]:
    body = strict_json.loads(raw, max_bytes=limit, max_depth=MAX_DEPTH)
    if not isinstance(body, dict):
        raise form.api.malformed("The body must be a JSON object.")
    return body


def _conversation(form: WireForm, headers: dict[str, str]) -> str:
    name = headers.get(CONVERSATION, "")
    if len(name) > MAX_CONVERSATION or not (name.isascii() and name.isprintable()):
        raise form.api.malformed(
            f"The header {CONVERSATION} must have at most {MAX_CONVERSATION} ASCII characters."
        )
    return name.strip()


def _json(form: WireForm, raw: bytes) -> Any:
    try:
        return strict_json.loads(raw, max_bytes=len(raw) + 1)
    except InputError as error:
        raise InputError(
            "guard.upstream-answer",
            "The model server's answer is not JSON.",
            why=error.what,
            remedy=f"Check that the upstream is an {form.api.name}-compatible server.",
        ) from None


def _place_of(error: Exception) -> str:
    """Where an error arose; its message and its values may hold what somebody said."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return ", ".join(f"{Path(file).name}:{line}" for file, line in frames[-_FRAMES:])


def _unexpected() -> GovkernelError:
    return GovkernelError(
        "guard.unexpected",
        "The guard failed in a way it should not; nothing unscreened was released.",
        remedy="Tell the operator of the guard.",
    )
