"""One exchange without servers: what a model server is sent, and what its answer becomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from govkernel.errors import GovkernelError
from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.forms import WireForm
from runtime_guard.proxy.judge import Exchange
from runtime_guard.proxy.openai.form import CHAT
from runtime_guard.proxy.settings import GuardSettings
from runtime_guard.screen import Screen
from runtime_guard.tokens.vault import Vault
from tests.runtime_guard.streamed import PATTERNS
from tests.simulators.policy import Policy

SCREEN = Screen(PATTERNS)


def conversation(policy: Policy | None = None, form: WireForm = CHAT) -> Conversation:
    """A conversation under a policy that redacts everything and blocks injections."""
    return Conversation(
        SCREEN,
        (policy or Policy()).decide,
        Exchange("acme", "m", ""),
        GuardSettings(),
        form=form,
        vault=Vault.in_memory(),
        now=1_700_000_000,
    )


def sent(body: dict[str, Any], policy: Policy | None = None, form: WireForm = CHAT) -> dict[str, Any]:
    """What the model server is sent for a request."""
    asyncio.run(conversation(policy, form).screen_request(body))
    return body


def released(message: dict[str, Any], **around: Any) -> dict[str, Any]:
    """What the client gets for a message of an answer.

    Args:
        message: the message.
        around: keys of the answer; those of ``choice`` are added to its choice.
    """
    choice = {"index": 0, "message": message, "finish_reason": "stop", **around.pop("choice", {})}
    return asyncio.run(conversation().screen_answer({"id": "c1", "choices": [choice], **around}))


def streamed(
    *events: Any, done: bool = True, policy: Policy | None = None, form: WireForm = CHAT
) -> tuple[list[dict[str, Any]], GovkernelError | None]:
    """The chunks that the client gets for a stream, and the error that ends it.

    Args:
        events: chunks; texts are sent as they are.
        done: the stream ends with ``[DONE]``.
        policy: what decides.
        form: the wire form.
    """

    async def data() -> AsyncIterator[str]:
        for event in events:
            yield event if isinstance(event, str) else json.dumps(event)
        if done:
            yield "[DONE]"

    async def take() -> tuple[list[dict[str, Any]], GovkernelError | None]:
        chunks: list[dict[str, Any]] = []
        try:
            async for chunk in form.stream(conversation(policy, form), data()):
                chunks.append(json.loads(json.dumps(chunk)))
        except GovkernelError as error:
            return chunks, error
        return chunks, None

    return asyncio.run(take())


def chunk(delta: Any, finish: str | None = None, **around: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    return {"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **around}
