"""The proxies that people write by hand, to compare ours with: FastAPI and httpx, without and with Presidio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from tests.simulators.upstream import ScriptedUpstream

model_server = ScriptedUpstream(
    content="The invoice is attached; reply to this thread if something is missing."
)


def relay() -> FastAPI:
    """Passes everything on, screens nothing."""
    return _proxy(screened=False)


def screened() -> FastAPI:
    """Passes everything on after Presidio has seen the text of both directions."""
    return _proxy(screened=True)


def _proxy(*, screened: bool) -> FastAPI:
    @asynccontextmanager
    async def client(app: FastAPI) -> AsyncIterator[None]:
        if screened:
            _screen([{"content": "warm@example.com"}])
        async with httpx.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=30) as app.state.client:
            yield

    app = FastAPI(lifespan=client)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = await request.json()
        if screened:
            await asyncio.to_thread(_screen, body["messages"])
        answer = await request.app.state.client.post("/chat/completions", json=body)
        if screened:
            await asyncio.to_thread(_screen, [choice["message"] for choice in answer.json()["choices"]])
        return Response(answer.content, answer.status_code, media_type="application/json")

    return app


@cache
def _analyzer() -> AnalyzerEngine:
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    tokens = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    return AnalyzerEngine(registry=registry, nlp_engine=tokens, supported_languages=["en"])


def _screen(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        _analyzer().analyze(message["content"], language="en")
