"""A model server for demonstrations: it answers with what it was sent, streamed in small pieces if asked.

``python -m runtime_guard.proxy.echo --port 8000``. No model, no network; never put it anywhere but on loopback.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from runtime_guard.proxy import sse
from runtime_guard.proxy.anthropic.form import MESSAGES
from runtime_guard.proxy.asgi import Receive, Scope, Send, read_body, respond, start

PIECE: Final = 5
LIMIT: Final = 4 * 1024 * 1024


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    if scope["path"] in ("/healthz", "/v1/models"):
        await respond(
            send, 200, json.dumps({"object": "list", "data": [{"id": "echo", "object": "model"}]}).encode()
        )
        return
    body = json.loads(await read_body(receive, LIMIT))
    text = _said(body["messages"][-1]["content"])
    if scope["path"] == MESSAGES.path:
        await _message(send, body, text)
    elif body.get("stream"):
        await _stream(send, body, text)
    else:
        message = {"role": "assistant", "content": f"You said: {text}"}
        await respond(send, 200, json.dumps(_frame(body, "chat.completion", message=message)).encode())


async def _message(send: Send, body: dict[str, Any], text: str) -> None:
    whole = {
        **{"id": "msg_echo", "type": "message", "role": "assistant", "model": body["model"]},
        **{
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    }
    if not body.get("stream"):
        content = [{"type": "text", "text": f"You said: {text}"}]
        await respond(send, 200, json.dumps({**whole, "content": content}).encode())
        return
    await start(send, 200, "text/event-stream", {})
    for event in _events({**whole, "content": [], "stop_reason": None}, text):
        await send({"type": "http.response.body", "body": MESSAGES.encode(event), "more_body": True})
    await send({"type": "http.response.body", "body": MESSAGES.end})


def _events(message: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for position in range(0, len(text), PIECE):
        delta = {"type": "text_delta", "text": text[position : position + PIECE]}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}


async def _stream(send: Send, body: dict[str, Any], text: str) -> None:
    await start(send, 200, "text/event-stream", {})
    for position in range(0, len(text), PIECE):
        delta = {"content": text[position : position + PIECE]}
        await _event(send, _frame(body, "chat.completion.chunk", finish=None, delta=delta))
    await _event(send, _frame(body, "chat.completion.chunk", delta={}))
    await send({"type": "http.response.body", "body": sse.DONE})


async def _event(send: Send, document: dict[str, Any]) -> None:
    await send({"type": "http.response.body", "body": sse.encode(document), "more_body": True})


def _frame(body: dict[str, Any], kind: str, finish: str | None = "stop", **said: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, **said}
    return {
        "id": "chatcmpl-echo",
        "object": kind,
        "created": int(time.time()),
        "model": body["model"],
        "choices": [choice],
    }


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def main() -> None:
    """Serve on loopback."""
    parser = argparse.ArgumentParser(description="Answer every chat with what was said.")
    parser.add_argument("--port", type=int, default=8000)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
