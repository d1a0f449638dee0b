"""Screen a streamed message (Anthropic API reference, "Streaming Messages"), event by event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from runtime_guard.proxy.anthropic.answers import screen_message
from runtime_guard.proxy.anthropic.blocks import Block, Event
from runtime_guard.proxy.anthropic.words import ANTHROPIC
from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.forms import ended_early, failed_within, message
from runtime_guard.proxy.judge import Refused
from runtime_guard.proxy.wire import CONTENT, TYPE


class EventScreen:
    """Screens the events of one streamed answer.

    Blocks follow one another, and are numbered anew: an event for a block that is not open is the model server's
    fault. Events of unknown types are left out, as the API says that clients should.

    Args:
        conversation: screening of this exchange.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._begun = False
        self._stopped = False
        self._count = 0
        self._block: Block | None = None
        self._known_as: Any = None
        self._tokens = 0

    async def screen(self, events: AsyncIterator[str]) -> AsyncIterator[Event]:
        """The events to release for the upstream's, up to its ``message_stop``.

        A block by policy ends the message with the stop reason ``refusal``.

        Raises:
            InputError: ``guard.upstream-answer``, ``guard.upstream-error``, ``guard.upstream-stream`` for a stream
                that ends too early, after what is decided was released, or what the event reader raises.
            Refused: before the message has begun.
            GovkernelError: nothing could be screened.
        """
        try:
            async for event in self._screened(events):
                yield event
        except Refused as refused:
            if not self._begun:
                raise
            for event in self._refusal(refused):
                yield event

    async def _screened(self, events: AsyncIterator[str]) -> AsyncIterator[Event]:
        async for data in events:
            if data.strip() == "[DONE]":
                break
            event = ANTHROPIC.event(data)
            if event.get(TYPE) == "message_stop":
                self._stopped = True
                break
            async for released in self._event(event):
                yield released
        async for released in self._end_block(complete=self._stopped):
            yield released
        if not self._begun or not self._stopped:
            raise ended_early()
        yield {TYPE: "message_stop"}

    async def _event(self, event: Event) -> AsyncIterator[Event]:
        kind = event.get(TYPE)
        if not isinstance(kind, str):
            raise ANTHROPIC.not_an_answer("An event has no type.")
        if kind == "error" or "error" in event:
            raise failed_within(event)
        if kind == "ping":
            yield {TYPE: kind}
        elif kind == "message_start":
            yield await self._start(event)
        elif kind in _WITHIN:
            if not self._begun:
                raise ANTHROPIC.not_an_answer("An event comes before the message.")
            async for released in _WITHIN[kind](self, event):
                yield released

    async def _start(self, event: Event) -> Event:
        if self._begun:
            raise ANTHROPIC.not_an_answer("A message begins twice.")
        begun = await screen_message(self._conversation, event.get("message"))
        self._count = len(begun[CONTENT])
        self._note(begun)
        self._begun = True
        return {TYPE: "message_start", "message": begun}

    async def _start_block(self, event: Event) -> AsyncIterator[Event]:
        async for released in self._end_block():
            yield released
        begun = event.get("content_block")
        if not isinstance(begun, dict) or self._stopped:
            raise ANTHROPIC.not_an_answer("A block is no object, or comes behind the end.")
        self._block, self._known_as = Block(self._conversation, self._count, begun), event.get("index")
        self._count += 1
        async for released in self._block.start():
            yield released

    async def _delta(self, event: Event) -> AsyncIterator[Event]:
        delta = event.get("delta")
        if self._block is None or event.get("index") != self._known_as or not isinstance(delta, dict):
            raise ANTHROPIC.not_an_answer("A delta is no object, or for a block that is not open.")
        async for released in self._block.take(delta):
            yield released

    async def _stop_block(self, event: Event) -> AsyncIterator[Event]:
        if self._block is None or event.get("index") != self._known_as:
            raise ANTHROPIC.not_an_answer("A block ends that is not open.")
        async for released in self._end_block():
            yield released

    async def _end_block(self, *, complete: bool = True) -> AsyncIterator[Event]:
        if self._block is None:
            return
        async for released in self._block.stop() if complete else self._block.cut():
            yield released
        self._block = None

    async def _end(self, event: Event) -> AsyncIterator[Event]:
        """What the server says of the whole message, at its end."""
        async for released in self._end_block():
            yield released
        delta = event.get("delta")
        if not isinstance(delta, dict):
            raise ANTHROPIC.not_an_answer("What is said of the message is no object.")
        said = await self._conversation.frame(
            {key: value for key, value in event.items() if key not in (TYPE, "delta")}
        )
        self._note(said)
        await self._conversation.mask_frame(delta)
        self._stopped = self._stopped or delta.get("stop_reason") is not None
        yield {TYPE: "message_delta", **said, "delta": delta}

    def _note(self, frame: dict[str, Any]) -> None:
        """Take note of how many tokens a frame tells of; it tells of some, since clients count on it."""
        usage = frame.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        tokens = usage.get("output_tokens")
        self._tokens = tokens if isinstance(tokens, int) else self._tokens
        frame["usage"] = {**usage, "output_tokens": self._tokens}

    def _refusal(self, refused: Refused) -> list[Event]:
        """What ends the message that policy blocks, with as many tokens as the server had told of."""
        said = f"{refused.error.code}: {message(refused.error)}"
        details = {TYPE: "refusal", "category": None, "explanation": said}
        delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
        open_block = [self._block.stopped()] if self._block is not None and self._block.open else []
        usage = {"output_tokens": self._tokens}
        return [
            *open_block,
            {TYPE: "message_delta", "delta": delta, "usage": usage},
            {TYPE: "message_stop"},
        ]


_WITHIN = {
    "content_block_start": EventScreen._start_block,
    "content_block_delta": EventScreen._delta,
    "content_block_stop": EventScreen._stop_block,
    "message_delta": EventScreen._end,
}
