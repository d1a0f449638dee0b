"""A whole chat completion, screened; and the parts of one that streams have too."""

from __future__ import annotations

from typing import Any, Final

from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.openai.words import OPENAI

_CHOICE_KEYS: Final = frozenset({"index", "finish_reason", "stop_reason"})


async def screen_completion(conversation: Conversation, body: Any) -> dict[str, Any]:
    """What may be released of a chat completion.

    Raises:
        InputError: ``guard.upstream-answer``.
        Refused, GovkernelError: policy does not let it pass, or it could not be screened.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list):
        raise OPENAI.not_an_answer("It has no choices.")
    released = await conversation.frame({**body, "choices": []})
    released["choices"] = [await _screen_choice(conversation, choice) for choice in choices]
    return released


async def choice_frame(conversation: Conversation, choice: dict[str, Any]) -> dict[str, Any]:
    """What of a choice is passed on beside its text; log probabilities and token ids would repeat the text.

    Raises:
        Refused, GovkernelError: like :func:`screen_completion`.
    """
    released = {key: value for key, value in choice.items() if key in _CHOICE_KEYS}
    await conversation.mask_frame(released)
    return released


async def _screen_choice(conversation: Conversation, choice: Any) -> dict[str, Any]:
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise OPENAI.not_an_answer("A choice has no message.")
    message = choice["message"] | ({"role": "assistant"} if "role" in choice["message"] else {})
    await conversation.mask_whole(message)
    return {**await choice_frame(conversation, choice), "message": message, "logprobs": None}
