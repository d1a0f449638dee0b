"""A whole message of an answer, screened; and the parts of one that streams have too."""

from __future__ import annotations

import json
from typing import Any

from runtime_guard.proxy.anthropic.words import ANTHROPIC, SIGNATURE, THINKING
from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.texts import counts
from runtime_guard.proxy.wire import CONTENT, TYPE


async def screen_message(conversation: Conversation, body: Any) -> dict[str, Any]:
    """What may be released of a message.

    Raises:
        InputError: ``guard.upstream-answer``.
        Refused, GovkernelError: policy does not let it pass, or it could not be screened.
    """
    blocks = body.get(CONTENT) if isinstance(body, dict) else None
    if not isinstance(blocks, list):
        raise ANTHROPIC.not_an_answer("It has no content.")
    released = await conversation.frame({**body, CONTENT: []} | {"role": "assistant"})
    released[CONTENT] = [await screen_block(conversation, block) for block in blocks]
    return released


async def screen_block(conversation: Conversation, block: Any) -> dict[str, Any]:
    """What may be released of a complete block.

    In thinking values are not put back, and what was changed loses its signature (ADR 0033).

    Raises:
        InputError, Refused, GovkernelError: like :func:`screen_message`.
    """
    if not isinstance(block, dict):
        raise ANTHROPIC.not_an_answer("A block of its content is not an object.")
    before = signed_part(block)
    await conversation.mask_whole(block, restore=block.get(TYPE) != THINKING)
    if SIGNATURE in block and signed_part(block) != before:
        block[SIGNATURE] = ""
    return block


async def screen_count(conversation: Conversation, body: Any) -> dict[str, Any]:
    """What may be released of a count of tokens: its numbers.

    Raises:
        InputError: ``guard.upstream-answer``.
    """
    released = counts(body) if isinstance(body, dict) else {}
    if not isinstance(released.get("input_tokens"), int):
        raise ANTHROPIC.not_an_answer("It counts no tokens.")
    return dict(released)


def signed_part(block: dict[str, Any]) -> str:
    """What a signature of a block may stand for: all of it but what clients add."""
    return json.dumps({key: value for key, value in block.items() if key != "cache_control"}, sort_keys=True)
