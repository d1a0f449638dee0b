"""One exchange: screen the request, ask the model, screen the answer. Transport is somebody else's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from govkernel.domain import Finding
from runtime_guard.cells import blocks as cells
from runtime_guard.proxy.forms import WireForm
from runtime_guard.proxy.judge import Decider, Exchange, Judge, refuse_blocked
from runtime_guard.proxy.seams import seams
from runtime_guard.proxy.settings import ANONYMOUS, GuardSettings
from runtime_guard.proxy.texts import counts, frame_slots, message_slots, name_slots, request_slots
from runtime_guard.proxy.tree import Slot, put_back
from runtime_guard.quoting import Quotes
from runtime_guard.redact import masks
from runtime_guard.screen import Screen
from runtime_guard.stream import StreamScreen
from runtime_guard.tokens.exchange import Pseudonyms, Talk, WithoutSurrogates
from runtime_guard.tokens.forms import in_json, plain
from runtime_guard.tokens.restore import Restorer
from runtime_guard.tokens.stream import RestoredStream
from runtime_guard.tokens.streaming import Restoring
from runtime_guard.tokens.vault import Vault

_LEAKING: Final = frozenset({"prompt_logprobs", "prompt_token_ids", "kv_transfer_params"})
"""Keys of an answer that repeat the prompt in a form that cannot be screened."""


class Conversation:
    """The screening of one request and its answer.

    Args:
        screen: the detectors.
        decide: the kernel.
        exchange: who talks to which model.
        settings: limits.
        form: the wire form in which they talk.
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
        form: WireForm,
        vault: Vault,
        now: int,
    ) -> None:
        self.form = form
        """The wire form."""
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

    @property
    def outcome(self) -> str:
        """``ok``, or the code with which policy ended the answer or a part of it."""
        return self._answered.outcome

    async def screen_request(self, body: dict[str, Any]) -> None:
        """Screen a request and mask it in place.

        Raises:
            Refused: policy does not let it pass.
            GovkernelError: it could not be screened.
        """
        slots = request_slots(body, self.form)
        settle = self.form.watch(body)
        found = await self._found(slots)
        labels = frozenset(item.label for items in found for item in items)
        decision = await self._asked(labels, sum(map(len, found)))
        self.decision = decision.id
        refuse_blocked(decision)
        self._pseudonyms, self._json = self._talk(self.form.beginning(body)), self.form.in_json(body)
        to_mask = [masks(items, decision.obligations) for items in found]
        texts = await self._pseudonyms.mask([slot.text for slot in slots], to_mask)
        put_back(slots, texts)
        settle()

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
        return await self.form.screen(self, body)

    async def frame(self, body: dict[str, Any]) -> dict[str, Any]:
        """What of an answer is passed on beside what is said in it: screened, and of its usage the numbers.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        released = {key: value for key, value in body.items() if key not in _LEAKING}
        if "usage" in released:
            released["usage"] = counts(released["usage"])
        await self.mask_frame(released)
        return released

    async def mask_frame(self, holder: dict[str, Any]) -> None:
        """Screen every text of what a server says of an answer, or a part of it, and mask it in place.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        await self._mask_slots(frame_slots(holder, self.form.words))

    def stream(self, field: str = "", *, restore: bool = True) -> RestoredStream:
        """A screen for one text of an answer, which then puts values back.

        Args:
            field: the field of the message that is this text; where it holds JSON, what replaces something in it is
                written as JSON.
            restore: whether values are put back.
        """
        names, words = self._pseudonyms, self.form.words
        holds_json = field == words.arguments or (field == words.said and self._json)
        screen = StreamScreen(
            self._screen,
            self._answered,
            "assistant",
            names,
            tenant=self._exchange.tenant,
            reach=self._reach,
            counting=WithoutSurrogates(names.restorer),
            quotes=Quotes() if holds_json else None,
        )
        encode = in_json if holds_json else plain
        return RestoredStream(screen, names.restoring(encode) if restore else Restoring(Restorer(())))

    async def mask_whole(self, holder: dict[str, Any], *, restore: bool = True) -> None:
        """Screen every text of a complete part of an answer and mask it in place.

        Args:
            holder: the part.
            restore: whether values are put back.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        await self._mask_slots(message_slots(holder, "assistant", self.form.words), restore=restore)

    async def mask_names(self, holder: dict[str, Any], *, own: bool = False) -> None:
        """Screen the names of members, and the numbers, of a part of an answer whose strings are screened.

        Args:
            holder: the part.
            own: only the names of its own members; what they hold is complete.

        Raises:
            Refused, GovkernelError: like :meth:`screen_request`.
        """
        words = self.form.words
        await self._mask_slots(
            name_slots(holder, words) if own else frame_slots(holder, words, strings=False)
        )

    async def _mask_slots(self, found: Iterable[Slot], *, restore: bool = True) -> None:
        slots = list(found)
        put_back(slots, [await self._masked(slot, restore=restore) for slot in slots])

    async def _masked(self, slot: Slot, *, restore: bool) -> str:
        stream = self.stream(slot.field, restore=restore)
        text = await stream.finish(slot.text)
        if stream.decision is not None:
            self.decision = stream.decision.id
            refuse_blocked(stream.decision)
        return text

    def _talk(self, begins: str) -> Pseudonyms:
        tenant = self._exchange.tenant
        talk = Talk(tenant, self._exchange.conversation, begins, apart=tenant != ANONYMOUS)
        return Pseudonyms(self._vault, talk, self._screen.labels, self._now)
