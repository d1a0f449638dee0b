"""Screen a streamed chat completion: each text of each choice on its own, tool calls when they are complete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import InputError
from runtime_guard.proxy.exchange import Conversation, choice_frame, not_an_answer
from runtime_guard.tokens.stream import RestoredStream

MAX_CHOICES: Final = 128
MAX_CALL: Final = 1024 * 1024
_CALLS: Final = ("tool_calls", "function_call")


class _Choice:
    """One choice of the answer while it streams."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._texts: dict[str, RestoredStream] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._function: dict[str, Any] = {}
        self._size = 0
        self.ended = False

    async def take(self, delta: dict[str, Any]) -> dict[str, Any]:
        """The part of a delta that may be released now."""
        released: dict[str, Any] = {}
        for key, value in delta.items():
            if self.blocked:
                break
            if key == "role":
                released[key] = "assistant"
            elif isinstance(value, str):
                text = await self._screen(key).feed(value)
                if text:
                    released[key] = text
            elif key in _CALLS:
                self._collect(key, value)
        return released

    async def rest(self) -> dict[str, Any]:
        """What was held back, at the end of the choice."""
        released: dict[str, Any] = {}
        for key, screen in self._texts.items():
            if not self.blocked and (text := await screen.finish()):
                released[key] = text
        calls = {"tool_calls": list(self._calls.values())} if self._calls else {}
        if self._function:
            calls = {**calls, "function_call": self._function}  # type: ignore[dict-item]
        if calls and not self.blocked:
            await self._conversation.mask_whole(calls)
            released.update(calls)
        return released

    @property
    def blocked(self) -> bool:
        """Whether policy ended this choice."""
        return any(screen.blocked for screen in self._texts.values())

    def _screen(self, key: str) -> RestoredStream:
        if key not in self._texts:
            self._texts[key] = self._conversation.stream(key)
        return self._texts[key]

    def _collect(self, key: str, value: Any) -> None:
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                continue
            index = part.get("index") if isinstance(part.get("index"), int) else 0
            whole = self._function if key == "function_call" else self._calls.setdefault(index or 0, {})
            self._size += len(str(part))
            if self._size > MAX_CALL or len(self._calls) > MAX_CHOICES:
                raise not_an_answer("Its tool calls are too large.")
            _merge(whole, part)


class ChunkScreen:
    """Screens the chunks of one streamed answer.

    Args:
        conversation: screening of this exchange.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._choices: dict[int, _Choice] = {}
        self._frame: dict[str, Any] = {}

    async def screen(self, events: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
        """The chunks to release for the upstream's events, up to its ``[DONE]``.

        Raises:
            InputError: ``guard.upstream-answer`` or what the event reader raises.
            Refused, GovkernelError: a tool call was blocked, or nothing could be screened.
        """
        async for data in events:
            if data.strip() == "[DONE]":
                break
            async for chunk in self._chunk(_parse(data)):
                yield chunk
        for index, choice in self._choices.items():
            if not choice.ended:
                async for chunk in self._end(index, choice, None):
                    yield chunk

    async def _chunk(self, chunk: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        choices = chunk.get("choices") or []
        rest = {key: value for key, value in chunk.items() if key not in ("choices", "usage")}
        self._frame = await self._conversation.frame(rest)
        for item in choices:
            if not isinstance(item, dict) or not isinstance(item.get("delta"), dict):
                raise not_an_answer("A choice has no delta.")
            async for released in self._choice(item):
                yield released
        if chunk.get("usage") is not None or not choices:
            yield {**self._frame, "choices": [], "usage": chunk.get("usage")}

    async def _choice(self, item: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        index = item["index"] if isinstance(item.get("index"), int) else 0
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) >= MAX_CHOICES:
                raise not_an_answer("It has too many choices.")
            choice = self._choices[index] = _Choice(self._conversation)
        if choice.ended:
            return
        delta = await choice.take(item["delta"])
        if delta:
            yield self._released(index, delta, {"finish_reason": None})
        if choice.blocked:
            choice.ended = True
            yield self._released(index, {}, {"finish_reason": "content_filter"})
        elif item.get("finish_reason") is not None:
            async for released in self._end(index, choice, item):
                yield released

    async def _end(
        self, index: int, choice: _Choice, item: dict[str, Any] | None
    ) -> AsyncIterator[dict[str, Any]]:
        rest = await choice.rest()
        choice.ended = True
        if rest:
            yield self._released(index, rest, {"finish_reason": None})
        if choice.blocked:
            yield self._released(index, {}, {"finish_reason": "content_filter"})
        elif item is not None:
            yield self._released(index, {}, choice_frame(item))

    def _released(self, index: int, delta: dict[str, Any], frame: dict[str, Any]) -> dict[str, Any]:
        return {**self._frame, "choices": [{**frame, "index": index, "delta": delta, "logprobs": None}]}


def _parse(data: str) -> dict[str, Any]:
    chunk = strict_json.loads(data, halves=True)
    if not isinstance(chunk, dict):
        raise not_an_answer("An event is not an object.")
    if "error" in chunk:
        raise InputError(
            "guard.upstream-error",
            "The model server reported an error in the middle of its answer.",
            remedy="Try again; if it lasts, look at the model server.",
        )
    return chunk


def _merge(whole: dict[str, Any], part: dict[str, Any]) -> None:
    """Add a piece of a tool call: texts of arguments are joined, everything else is set once."""
    for key, value in part.items():
        if isinstance(value, dict):
            _merge(whole.setdefault(key, {}), value)
        elif key in ("arguments", "input") and isinstance(value, str):
            whole[key] = str(whole.get(key, "")) + value
        elif whole.get(key) in (None, ""):
            whole[key] = value
