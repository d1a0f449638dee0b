"""One chat exchange: screen the request, ask the model, screen the answer. Transport is somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from govkernel.domain import Decision, Finding
from govkernel.errors import InputError
from runtime_guard.proxy.judge import Decider, Exchange, Judge, refuse_blocked
from runtime_guard.proxy.settings import GuardSettings
from runtime_guard.proxy.texts import Slot, extra_slots, message_slots, request_slots
from runtime_guard.redact import Surrogates, apply, masks
from runtime_guard.screen import Screen
from runtime_guard.stream import StreamScreen

_CHOICE_KEYS: Final = frozenset({"index", "finish_reason", "stop_reason"})
_LEAKING: Final = frozenset({"prompt_logprobs", "prompt_token_ids", "kv_transfer_params"})
"""Keys of an answer that repeat the prompt in a form that cannot be screened."""
_FRAME: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}
)
"""Keys of an answer that the server writes, not the model."""


class Conversation:
    """The screening of one request and its answer.

    Args:
        screen: the detectors.
        decide: the kernel.
        exchange: who talks to which model.
        settings: limits.
    """

    def __init__(self, screen: Screen, decide: Decider, exchange: Exchange, settings: GuardSettings) -> None:
        self._screen = screen
        self._asked = Judge(decide, exchange, "request", settings.decide_seconds)
        self._answered = Judge(decide, exchange, "response", settings.decide_seconds)
        self._surrogates = Surrogates()
        self._reach = settings.reach
        self.decision = ""
        """Id of the latest decision."""

    async def screen_request(self, body: dict[str, Any]) -> None:
        """Screen a chat request and mask it in place.

        Raises:
            Refused: policy does not let it pass.
            GovkernelError: it could not be screened.
        """
        slots = request_slots(body)
        found = [await self._screen.findings(slot.text, slot.role) for slot in slots]
        labels = frozenset(item.label for items in found for item in items)
        decision = await self._asked(labels, sum(map(len, found)))
        self.decision = decision.id
        refuse_blocked(decision)
        for slot, items in zip(slots, found, strict=True):
            self._mask(slot, items, decision)

    async def screen_answer(self, body: Any) -> dict[str, Any]:
        """Screen a whole answer; returns what may be released.

        Raises:
            InputError: ``guard.upstream-answer``.
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        choices = body.get("choices") if isinstance(body, dict) else None
        if not isinstance(choices, list):
            raise not_an_answer("It has no choices.")
        released = await self.frame(body)
        released["choices"] = [await self._screen_choice(choice) for choice in choices]
        return released

    async def frame(self, body: dict[str, Any]) -> dict[str, Any]:
        """What of an answer is passed on beside its choices; what vendors add to it is screened.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        released = {key: value for key, value in body.items() if key not in _LEAKING}
        await self._mask_slots(list(extra_slots(released, _FRAME)))
        return released

    def stream(self) -> StreamScreen:
        """A screen for one text of a streamed answer."""
        return StreamScreen(self._screen, self._answered, "assistant", self._surrogates, reach=self._reach)

    async def mask_whole(self, holder: dict[str, Any]) -> None:
        """Screen every text of a complete part of an answer and mask it in place.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        await self._mask_slots(list(message_slots(holder, "assistant")))

    async def _mask_slots(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            stream = self.stream()
            text = await stream.finish(slot.text)
            if stream.decision is not None:
                self.decision = stream.decision.id
                refuse_blocked(stream.decision)
            if text != slot.text:
                slot.put(text)

    async def _screen_choice(self, choice: Any) -> dict[str, Any]:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise not_an_answer("A choice has no message.")
        await self.mask_whole(choice["message"])
        return {**choice_frame(choice), "message": choice["message"], "logprobs": None}

    def _mask(self, slot: Slot, found: tuple[Finding, ...], decision: Decision) -> None:
        to_mask = masks(found, decision.obligations)
        if to_mask:
            slot.put(apply(slot.text, to_mask, self._surrogates))


def choice_frame(choice: dict[str, Any]) -> dict[str, Any]:
    """What of a choice is passed on beside its text; log probabilities and token ids would repeat the text."""
    return {key: value for key, value in choice.items() if key in _CHOICE_KEYS}


def not_an_answer(why: str) -> InputError:
    """The error for an upstream answer that is not a chat completion."""
    return InputError(
        "guard.upstream-answer",
        "The model server's answer is not a chat completion.",
        why=why,
        remedy="Check that the upstream is an OpenAI-compatible server.",
    )
