"""Thinking in the history of a request: a signature stands for a text, so both go on as they were, or neither does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime_guard.proxy.anthropic.answers import signed_part
from runtime_guard.proxy.anthropic.words import SIGNATURE, THINKING
from runtime_guard.proxy.wire import CONTENT, TYPE


def watch(body: dict[str, Any]) -> Callable[[], None]:
    """Take note of what is signed; what this returns is to be called when the texts are masked.

    It leaves thinking out whose text was changed, now or when the guard released it without its signature, and
    messages of which nothing is left. Other blocks that were changed lose their signature.

    Args:
        body: a request whose messages are objects.
    """
    before = {id(block): signed_part(block) for message in body["messages"] for block in _signed(message)}

    def settle() -> None:
        kept: list[dict[str, Any]] = []
        for message in body["messages"]:
            gone = {id(block) for block in _signed(message) if _unsign(block, before.get(id(block)))}
            if gone:
                message[CONTENT] = [block for block in message[CONTENT] if id(block) not in gone]
            if message.get(CONTENT) or not gone:
                kept.append(message)
        body["messages"] = kept

    return settle


def _signed(message: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = message.get(CONTENT)
    found = blocks if isinstance(blocks, list) else []
    return [block for block in found if isinstance(block, dict) and SIGNATURE in block]


def _unsign(block: dict[str, Any], before: str | None) -> bool:
    """Whether a block is to be left out; one that was changed and is not loses its signature."""
    if signed_part(block) != before:
        block[SIGNATURE] = ""
    return block.get(TYPE) == THINKING and block[SIGNATURE] in ("", None)
