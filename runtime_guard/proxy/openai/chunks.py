"""Screen a streamed chat completion: each text of each choice on its own, tool calls when they are complete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any, Final

from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.forms import ended_early, failed_within
from runtime_guard.proxy.openai.answers import choice_frame
from runtime_guard.proxy.openai.parts import Path, joined, last_names, nested, place_of
from runtime_guard.proxy.openai.words import OPENAI, WORDS
from runtime_guard.proxy.wire import CONTENT
from runtime_guard.tokens.stream import RestoredStream

MAX_CHOICES: Final = 128
MAX_CALL: Final = 1024 * 1024
MAX_TEXTS: Final = 128
"""Texts of one choice that go on from delta to delta."""
_CALLS: Final = ("tool_calls", "function_call")
_GOES_ON: Final = frozenset(
    {CONTENT, "refusal", "reasoning", "reasoning_content", "reasoning_details", "thinking", "audio"}
)
"""Members of a delta whose texts go on in the next one, in the part at the same place; others are complete."""
_FRAME: Final = frozenset({"id", "object", "created", "model", "system_fingerprint", "service_tier"})
"""What a server writes around the choices of every chunk."""


class _Choice:
    """One choice of the answer while it streams."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._texts: dict[Path, RestoredStream] = {}
        self._calls: list[dict[str, Any]] = []
        self._going_on: dict[int, dict[str, Any]] = {}
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
            elif key in _CALLS:
                self._collect(key, value)
            elif value is not None:
                said = await self._said(key, value)
                released.update({key: said} if said not in ("", None) else {})
        await self._conversation.mask_names(released, own=True)
        return released

    async def rest(self) -> dict[str, Any]:
        """What was held back, at the end of the choice."""
        released: dict[str, Any] = {}
        for path, screen in self._texts.items():
            if not self.blocked and (text := await screen.finish()):
                key, value = nested(path, text)
                released[key] = joined(released[key], value) if key in released else value
        await self._conversation.mask_names(released)
        numbered = [{**call, "index": number} for number, call in enumerate(self._calls)]
        calls: dict[str, Any] = {"tool_calls": numbered} if numbered else {}
        if self._function:
            calls["function_call"] = self._function
        if calls and not self.blocked:
            await self._conversation.mask_whole(calls)
            released.update(calls)
        return released

    @property
    def blocked(self) -> bool:
        """Whether policy ended this choice."""
        return any(screen.blocked for screen in self._texts.values())

    async def _said(self, key: str, value: Any) -> Any:
        """A member of a delta, screened: texts that go on in the next one as far as they are decided."""
        if isinstance(value, str):
            return await self._part((key,), value, media=False)
        if key in _GOES_ON:
            holder = {CONTENT: await self._part((key,), value, media=False)}
            await self._conversation.mask_names(holder)
        else:
            holder = {CONTENT: value}
            await self._conversation.mask_whole(holder)
        return holder[CONTENT]

    async def _part(self, path: Path, value: Any, *, media: bool) -> Any:
        if isinstance(value, str):
            name, parent = last_names(path)
            if WORDS.is_no_text(value, name, parent, media=media):
                return value
            return "" if self.blocked else await self._screen(path).feed(value)
        if isinstance(value, list):
            return [
                await self._part((*path, place_of(item, number)), item, media=media)
                for number, item in enumerate(value)
            ]
        if isinstance(value, dict):
            media = WORDS.is_media(value, last_names(path)[0], within=media)
            return {key: await self._part((*path, key), item, media=media) for key, item in value.items()}
        return value

    def _screen(self, path: Path) -> RestoredStream:
        if path not in self._texts:
            if len(self._texts) >= MAX_TEXTS:
                raise OPENAI.not_an_answer("Its message has too many parts.")
            field = path[0] if len(path) == 1 and isinstance(path[0], str) else ""
            self._texts[path] = self._conversation.stream(field)
        return self._texts[path]

    def _collect(self, key: str, value: Any) -> None:
        for part in value if isinstance(value, list) else [] if value is None else [value]:
            if not isinstance(part, dict):
                raise OPENAI.not_an_answer("A tool call is not an object.")
            whole = self._function if key == "function_call" else self._call(part)
            self._size += len(str(part))
            if self._size > MAX_CALL or len(self._calls) > MAX_CHOICES:
                raise OPENAI.not_an_answer("Its tool calls are too large.")
            _merge(whole, part)

    def _call(self, part: dict[str, Any]) -> dict[str, Any]:
        """The call that a piece belongs to: that of its index, if it does not begin another one.

        Servers that number no call, or all of them 0, send each whole, under its own id and name.
        """
        index = part["index"] if isinstance(part.get("index"), int) else 0
        known = self._going_on.get(index)
        if known is None or (_named(part) and part.get("id") not in (None, "", known.get("id"))):
            known = self._going_on[index] = {}
            self._calls.append(known)
        return known


class ChunkScreen:
    """Screens the chunks of one streamed answer.

    Args:
        conversation: screening of this exchange.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._choices: dict[int, _Choice] = {}
        self._frame: dict[str, Any] = {}
        self._added: dict[str, Any] = {}
        self._at_end: dict[str, Any] = {}

    async def screen(self, events: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
        """The chunks to release for the upstream's events, up to its ``[DONE]``.

        Raises:
            InputError: ``guard.upstream-answer``, ``guard.upstream-stream`` for a stream that ends too early, after
                what is decided was released, or what the event reader raises.
            Refused, GovkernelError: a tool call was blocked, or nothing could be screened.
        """
        done = False
        async for data in events:
            if done := data.strip() == "[DONE]":
                break
            async for chunk in self._chunk(_parse(data)):
                yield chunk
        done = done or (bool(self._choices) and all(choice.ended for choice in self._choices.values()))
        for index, choice in self._choices.items():
            if not choice.ended:
                async for chunk in self._end(index, choice, None):
                    yield chunk
        if not done:
            raise ended_early()

    async def _chunk(self, chunk: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise OPENAI.not_an_answer("Its choices are no list.")
        rest = {key: value for key, value in chunk.items() if key != "choices"}
        frame = await self._conversation.frame(rest)
        usage = frame.pop("usage", None)
        self._frame = {key: value for key, value in frame.items() if key in _FRAME}
        self._added = {key: value for key, value in frame.items() if key not in _FRAME}
        if not choices:
            yield {**self._framed(), "choices": [], "usage": usage}
            return
        if usage is not None:
            (self._at_end if any(map(_ends, choices)) else self._added)["usage"] = usage
        for item in choices:
            async for released in self._choice(item):
                yield released
        self._added |= self._at_end
        self._at_end = {}
        if self._added:
            yield self._released(0, {}, {"finish_reason": None})

    async def _choice(self, item: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        if not isinstance(item, dict) or not isinstance(item.get("delta") or {}, dict):
            raise OPENAI.not_an_answer("A choice has no delta.")
        index = item["index"] if isinstance(item.get("index"), int) else 0
        choice = self._choices.get(index)
        if choice is None:
            if not 0 <= index < MAX_CHOICES:
                raise OPENAI.not_an_answer(f"A choice has an index beyond {MAX_CHOICES}.")
            choice = self._choices[index] = _Choice(self._conversation)
        if choice.ended:
            return
        delta = await choice.take(item.get("delta") or {})
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
            yield self._released(index, {}, await choice_frame(self._conversation, item))

    def _released(self, index: int, delta: dict[str, Any], frame: dict[str, Any]) -> dict[str, Any]:
        if frame.get("finish_reason") is not None:
            self._added |= self._at_end
            self._at_end = {}
        return {**self._framed(), "choices": [{**frame, "index": index, "delta": delta, "logprobs": None}]}

    def _framed(self) -> dict[str, Any]:
        """What stands around choices in every chunk, and once what the vendor added to this one."""
        added, self._added = self._added, {}
        return {**self._frame, **added}


def _parse(data: str) -> dict[str, Any]:
    chunk = OPENAI.event(data)
    if "error" in chunk:
        raise failed_within(chunk)
    return chunk


def _ends(item: Any) -> bool:
    """Whether a choice of a chunk is the last of its choice."""
    return isinstance(item, dict) and item.get("finish_reason") is not None


def _named(part: dict[str, Any]) -> bool:
    """Whether a piece of a tool call names what is called, as its first one does."""
    called = part.get("function") or part.get("custom")
    return isinstance(called, dict) and bool(called.get("name"))


def _merge(whole: dict[str, Any], part: dict[str, Any]) -> None:
    """Add a piece of a tool call: texts of arguments are joined, everything else is set once."""
    for key, value in part.items():
        known = whole.get(key)
        if known in (None, ""):
            whole[key] = deepcopy(value)
        elif isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif key in (WORDS.arguments, "input") and value is not None:
            if not isinstance(known, str) or not isinstance(value, str):
                raise OPENAI.not_an_answer("Pieces of a tool call do not fit together.")
            whole[key] = known + value
