"""One chat exchange: screen the request, ask the model, screen the answer. Transport is somebody else's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from govkernel.domain import Finding
from govkernel.errors import InputError
from runtime_guard.cells import blocks as cells
from runtime_guard.proxy.judge import Decider, Exchange, Judge, refuse_blocked
from runtime_guard.proxy.seams import seams
from runtime_guard.proxy.settings import ANONYMOUS, GuardSettings
from runtime_guard.proxy.texts import (
    answers_in_json,
    beginning,
    counts,
    frame_slots,
    message_slots,
    name_slots,
    request_slots,
)
from runtime_guard.proxy.tree import Slot, put_back
from runtime_guard.proxy.wire import ARGUMENTS, CONTENT
from runtime_guard.redact import masks
from runtime_guard.screen import Screen
from runtime_guard.stream import StreamScreen
from runtime_guard.tokens.exchange import Pseudonyms, Talk, WithoutSurrogates
from runtime_guard.tokens.forms import in_json, plain
from runtime_guard.tokens.stream import RestoredStream
from runtime_guard.tokens.vault import Vault

_CHOICE_KEYS: Final = frozenset({"index", "finish_reason", "stop_reason"})
_LEAKING: Final = frozenset({"prompt_logprobs", "prompt_token_ids", "kv_transfer_params"})
"""Keys of an answer that repeat the prompt in a form that cannot be screened."""


class Conversation:
    """The screening of one request and its answer.

    Args:
        screen: the detectors.
        decide: the kernel.
        exchange: who talks to which model.
        settings: limits.
        vault: remembers surrogates.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        screen: Screen,
        decide: Decider,
        exchange: Exchange,
        settings: GuardSettings,
        *,
        vault: Vault,
        now: int,
    ) -> None:
        self._screen = screen
        self._exchange = exchange
        self._asked = Judge(decide, exchange, "request", settings.decide_seconds)
        self._answered = Judge(decide, exchange, "response", settings.decide_seconds)
        self._reach = settings.reach
        self._vault = vault
        self._now = now
        self._pseudonyms = self._talk("")
        self._json = False
        self.decision = ""
        """Id of the latest decision."""

    async def screen_request(self, body: dict[str, Any]) -> None:
        """Screen a chat request and mask it in place.

        Raises:
            Refused: policy does not let it pass.
            GovkernelError: it could not be screened.
        """
        slots = request_slots(body)
        found = await self._found(slots)
        labels = frozenset(item.label for items in found for item in items)
        decision = await self._asked(labels, sum(map(len, found)))
        self.decision = decision.id
        refuse_blocked(decision)
        self._pseudonyms, self._json = self._talk(beginning(body)), answers_in_json(body)
        to_mask = [masks(items, decision.obligations) for items in found]
        texts = await self._pseudonyms.mask([slot.text for slot in slots], to_mask)
        put_back(slots, texts)

    async def _found(self, slots: Sequence[Slot]) -> list[list[Finding]]:
        """What is found in each slot, and over the borders of messages."""
        tenant = self._exchange.tenant
        found = [await self._screen.message(slot.text, slot.role, tenant=tenant) for slot in slots]
        joined = [list(items) for items in found]
        for seam in seams(slots):
            for item in await self._screen.findings(seam.text, seam.role, cells, tenant=tenant):
                for number, part in seam.split(item, found):
                    if part not in joined[number]:
                        joined[number].append(part)
        return joined

    async def screen_answer(self, body: Any) -> dict[str, Any]:
        """Screen a whole answer; returns what may be released.

        Raises:
            InputError: ``guard.upstream-answer``.
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        choices = body.get("choices") if isinstance(body, dict) else None
        if not isinstance(choices, list):
            raise not_an_answer("It has no choices.")
        released = await self.frame({**body, "choices": []})
        released["choices"] = [await self._screen_choice(choice) for choice in choices]
        return released

    async def frame(self, body: dict[str, Any]) -> dict[str, Any]:
        """What of an answer is passed on beside its choices: screened, and of its usage the numbers.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        released = {key: value for key, value in body.items() if key not in _LEAKING}
        if "usage" in released:
            released["usage"] = counts(released["usage"])
        await self._mask_slots(frame_slots(released))
        return released

    async def choice_frame(self, choice: dict[str, Any]) -> dict[str, Any]:
        """What of a choice is passed on beside its text; log probabilities and token ids would repeat the text.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        released = {key: value for key, value in choice.items() if key in _CHOICE_KEYS}
        await self._mask_slots(frame_slots(released))
        return released

    def stream(self, field: str = "") -> RestoredStream:
        """A screen for one text of an answer, which then puts values back.

        Args:
            field: the field of the message that is this text; where it holds JSON, values are written as JSON.
        """
        names = self._pseudonyms
        screen = StreamScreen(
            self._screen,
            self._answered,
            "assistant",
            names,
            tenant=self._exchange.tenant,
            reach=self._reach,
            counting=WithoutSurrogates(names.restorer),
        )
        holds_json = field == ARGUMENTS or (field == CONTENT and self._json)
        return RestoredStream(screen, names.restoring(in_json if holds_json else plain))

    async def mask_whole(self, holder: dict[str, Any]) -> None:
        """Screen every text of a complete part of an answer and mask it in place.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        await self._mask_slots(message_slots(holder, "assistant"))

    async def mask_names(self, holder: dict[str, Any], *, own: bool = False) -> None:
        """Screen the names of members, and the numbers, of a part of an answer whose strings are screened.

        Args:
            holder: the part.
            own: only the names of its own members; what they hold is complete.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        await self._mask_slots(name_slots(holder) if own else frame_slots(holder, strings=False))

    async def _mask_slots(self, found: Iterable[Slot]) -> None:
        slots = list(found)
        put_back(slots, [await self._masked(slot) for slot in slots])

    async def _masked(self, slot: Slot) -> str:
        stream = self.stream(slot.field)
        text = await stream.finish(slot.text)
        if stream.decision is not None:
            self.decision = stream.decision.id
            refuse_blocked(stream.decision)
        return text

    async def _screen_choice(self, choice: Any) -> dict[str, Any]:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise not_an_answer("A choice has no message.")
        message = choice["message"] | ({"role": "assistant"} if "role" in choice["message"] else {})
        await self.mask_whole(message)
        return {**await self.choice_frame(choice), "message": message, "logprobs": None}

    def _talk(self, begins: str) -> Pseudonyms:
        tenant = self._exchange.tenant
        talk = Talk(tenant, self._exchange.conversation, begins, apart=tenant != ANONYMOUS)
        return Pseudonyms(self._vault, talk, self._screen.labels, self._now)


def not_an_answer(why: str) -> InputError:
    """The error for an upstream answer that is not a chat completion."""
    return InputError(
        "guard.upstream-answer",
        "The model server's answer is not a chat completion.",
        why=why,
        remedy="Check that the upstream is an OpenAI-compatible server.",
    )
