"""One block of a streamed message: texts as far as they are decided, calls of tools when they are complete."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any, Final

from runtime_guard.proxy.anthropic.answers import screen_block
from runtime_guard.proxy.anthropic.words import ANTHROPIC, CALLS, INPUT, SIGNATURE, TEXT, THINKING
from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.judge import refuse_blocked
from runtime_guard.proxy.wire import TYPE
from runtime_guard.tokens.stream import RestoredStream

MAX_CALL: Final = 1024 * 1024
"""Characters of the input of a call."""
_TEXTS: Final = {TEXT: "text_delta", THINKING: "thinking_delta"}
"""Types of blocks with a text, which stands in the member of that name, and the deltas in which it goes on."""
_COMPLETE: Final = {"citations_delta": TEXT}
"""Deltas that hold something complete, and the type of their block."""

Event = dict[str, Any]


class Block:
    """A block while it streams.

    Args:
        conversation: screening of this exchange.
        index: its number in the answer.
        begun: the block as it begins.
    """

    def __init__(self, conversation: Conversation, index: int, begun: dict[str, Any]) -> None:
        self._conversation = conversation
        self._index = index
        self._block = begun
        self._kind = str(begun.get(TYPE))
        self._text = _Text(conversation, self._kind) if self._kind in _TEXTS else None
        self._signature = ""
        self._input: list[str] = []
        self._size = 0
        self._is_call = self._kind in CALLS
        self.open = False
        """Whether the client knows of it."""

    async def start(self) -> AsyncIterator[Event]:
        """Events for its beginning; none for a call, which waits until it is complete.

        Raises:
            Refused, InputError, GovkernelError: policy does not let it pass, or it could not be screened.
        """
        if self._is_call:
            return
        if self._text and self._block.get(self._kind) is None:
            self._block[self._kind] = ""
        said = self._taken(self._kind) if self._text else ""
        self._signature = self._taken(SIGNATURE) if self._kind == THINKING else ""
        self._block = await screen_block(self._conversation, self._block)
        yield self._started()
        async for event in self._said(said, {}):
            yield event

    async def take(self, delta: dict[str, Any]) -> AsyncIterator[Event]:
        """Events for a delta.

        Raises:
            Refused, InputError, GovkernelError: like :meth:`start`.
        """
        kind = str(delta.get(TYPE))
        rest = {key: value for key, value in delta.items() if key != TYPE}
        if kind == _TEXTS.get(self._kind):
            text = _string(rest.pop(self._kind, None))
            async for event in self._said(text, rest):
                yield event
        elif kind == "input_json_delta" and self._is_call:
            self._collect(_string(rest.get("partial_json")))
        elif kind == "signature_delta" and self._kind == THINKING:
            self._signature = _string(rest.get(SIGNATURE))
        elif _COMPLETE.get(kind) == self._kind:
            await self._conversation.mask_whole(rest)
            yield self._delta({TYPE: kind, **rest})
        else:
            raise ANTHROPIC.not_an_answer(
                "A delta is of a type that its block does not have, or that nobody knows."
            )

    async def stop(self) -> AsyncIterator[Event]:
        """Events for its end: what was held back, a signature of what was not changed, a call.

        Raises:
            Refused, InputError, GovkernelError: like :meth:`start`.
        """
        if self._is_call:
            async for event in self._called():
                yield event
        if self._text is not None:
            async for event in self._ended(self._text):
                yield event
        yield self.stopped()

    async def cut(self) -> AsyncIterator[Event]:
        """Events for a block that the stream left unfinished: what is decided of it; of a call nothing.

        Raises:
            Refused, InputError, GovkernelError: like :meth:`start`.
        """
        if not self._is_call:
            async for event in self.stop():
                yield event

    def stopped(self) -> Event:
        """The event that ends it."""
        self.open = False
        return {TYPE: "content_block_stop", "index": self._index}

    async def _said(self, said: str, rest: dict[str, Any]) -> AsyncIterator[Event]:
        if self._text is None:
            return
        await self._conversation.mask_whole(rest, restore=self._kind != THINKING)
        released = await self._text.feed(said)
        if released or rest:
            yield self._delta({TYPE: _TEXTS[self._kind], **rest, self._kind: released})
        self._text.refuse()

    async def _ended(self, text: _Text) -> AsyncIterator[Event]:
        rest = await text.finish()
        if rest:
            yield self._delta({TYPE: _TEXTS[self._kind], self._kind: rest})
        text.refuse()
        if self._signature and not text.changed:
            signed = {SIGNATURE: self._signature}
            await self._conversation.mask_whole(signed)
            if signed[SIGNATURE] == self._signature:
                yield self._delta({TYPE: "signature_delta", **signed})

    async def _called(self) -> AsyncIterator[Event]:
        """A call at its end: its input is read as JSON, since an escape hides a value from a look at the text."""
        if self._input:
            self._block[INPUT] = "".join(self._input)
        self._block = await screen_block(self._conversation, self._block)
        written = self._block[INPUT] if self._input else ""
        self._block |= {INPUT: {}} if self._input else {}
        yield self._started()
        if written:
            yield self._delta({TYPE: "input_json_delta", "partial_json": written})

    def _collect(self, piece: str) -> None:
        self._size += len(piece)
        if self._size > MAX_CALL:
            raise ANTHROPIC.not_an_answer("The input of a tool is too large.")
        if piece:
            self._input.append(piece)

    def _taken(self, member: str) -> str:
        """A text of the block as it begins, taken out of it."""
        text = self._block.get(member)
        if not isinstance(text, str):
            return ""
        self._block[member] = ""
        return text

    def _started(self) -> Event:
        self.open = True
        return {TYPE: "content_block_start", "index": self._index, "content_block": self._block}

    def _delta(self, delta: dict[str, Any]) -> Event:
        return {TYPE: "content_block_delta", "index": self._index, "delta": delta}


class _Text:
    """A text of a block, and whether what is released of it is what was said."""

    def __init__(self, conversation: Conversation, member: str) -> None:
        self._screen: RestoredStream = conversation.stream(member, restore=member != THINKING)
        self._said = hashlib.sha256()
        self._released = hashlib.sha256()

    @property
    def changed(self) -> bool:
        return self._said.digest() != self._released.digest()

    async def feed(self, text: str) -> str:
        self._said.update(_units(text))
        return self._known(await self._screen.feed(text))

    async def finish(self) -> str:
        return self._known(await self._screen.finish())

    def refuse(self) -> None:
        """Raise when policy blocked it.

        Raises:
            Refused: so.
        """
        if self._screen.decision is not None:
            refuse_blocked(self._screen.decision)

    def _known(self, text: str) -> str:
        self._released.update(_units(text))
        return text


def _units(text: str) -> bytes:
    """A text as units of 16 bits, which do not depend on where a character was cut in halves."""
    return text.encode("utf-16-le", "surrogatepass")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ANTHROPIC.not_an_answer("A delta holds no text.")
    return value
