"""Release a text as it arrives, never a character before the span it belongs to is decided.

The text is cut and judged by content alone (:mod:`runtime_guard.segments.chain`); policy is asked whenever a label
appears that was not seen before in this message, with all labels seen so far. So the released text is the same for
every chunking, the whole text in one piece included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from govkernel.domain import Decision, Finding
from runtime_guard.quoting import Quotes
from runtime_guard.redact import Mask, Numbered, Surrogates, blocks, masks, replacements
from runtime_guard.screen import Screen, SentenceJudge
from runtime_guard.segments.chain import Counting, Reach, Segment, Sentence

Decide = Callable[[frozenset[str], int], Awaitable[Decision]]
"""Policy: the decision for the labels and the number of findings so far."""


@dataclass(frozen=True)
class Piece:
    """Text that may be released.

    Attributes:
        text: masked.
        decision: the one it was released under.
    """

    text: str
    decision: Decision


class StreamScreen:
    """Screens one message.

    Args:
        screen: the detectors.
        decide: asks policy.
        role: who writes the message.
        surrogates: names for tokenised values, shared within a conversation.
        tenant: whose message it is.
        judge: judges sentences; by default what of the screen only judges what is said.
        reach: how far the text is held back.
        counting: which findings count; by default all.
        quotes: what to write stand-ins by where the message is JSON.
    """

    def __init__(
        self,
        screen: Screen,
        decide: Decide,
        role: str,
        surrogates: Surrogates | None = None,
        *,
        tenant: str = "",
        judge: SentenceJudge | None = None,
        reach: Reach | None = None,
        counting: Counting | None = None,
        quotes: Quotes | None = None,
    ) -> None:
        self._quotes = quotes
        self._judge = judge or screen.sentence_judge(tenant)
        self._segments = screen.segments(
            role, judged=self._judge is not None, reach=reach, tenant=tenant, counting=counting
        )
        self._decide = decide
        self._role = role
        self._surrogates = surrogates or Numbered()
        self._labels: frozenset[str] = frozenset()
        self._count = 0
        self._masked_to = 0
        self.decision: Decision | None = None
        """The latest decision; None before anything was decided."""

    @property
    def blocked(self) -> bool:
        """Whether policy blocked the message; nothing more is released."""
        return self.decision is not None and blocks(self.decision)

    @property
    def held(self) -> int:
        """Characters that were taken and wait to be decided."""
        return self._segments.held

    async def feed(self, delta: str) -> str:
        """Take a piece; the text that may be released now.

        Raises:
            GovkernelError: a detector or policy could not answer; nothing more may be released.
        """
        return "".join([piece.text async for piece in self.pieces(delta)])

    async def finish(self, delta: str = "") -> str:
        """The rest of the text, at its end, after a last piece.

        Raises:
            GovkernelError: as for :meth:`feed`.
        """
        return "".join([piece.text async for piece in self.pieces(delta, final=True)])

    async def pieces(self, delta: str, *, final: bool = False) -> AsyncIterator[Piece]:
        """Like :meth:`feed`, or :meth:`finish`: segment by segment, each under its decision, which no chunking changes.

        Raises:
            GovkernelError: as for :meth:`feed`.
        """
        if not self.blocked:
            items = self._segments.finish(delta) if final else self._segments.feed(delta)
            async for piece in self._released(items):
                yield piece
        if final and self.decision is None:
            await self._ask((), 0)

    async def _released(self, items: AsyncIterator[Segment | Sentence]) -> AsyncIterator[Piece]:
        async for item in items:
            if isinstance(item, Sentence):
                await self._judged(item)
            else:
                decision = await self._decided(item)
                if not blocks(decision):
                    yield Piece(await self._masked(item, decision), decision)
            if self.blocked:
                return

    async def _judged(self, sentence: Sentence) -> None:
        """Let policy know what a sentence says."""
        said = await self._judge(sentence.text, self._role) if self._judge is not None else ()
        found = [item for item in said if item.label not in self._labels]
        if found:
            await self._ask(found, len(found))

    async def _decided(self, segment: Segment) -> Decision:
        """What policy says of a segment."""
        new = [item for item in segment.findings if item.whole_message or item.start >= segment.start]
        if self.decision is None or any(item.label not in self._labels for item in segment.findings):
            return await self._ask(segment.findings, len(new))
        self._count += len(new)
        return self.decision

    async def _ask(self, found: Sequence[Finding], count: int) -> Decision:
        self._count += count
        self._labels |= {item.label for item in found}
        self.decision = await self._decide(self._labels, self._count)
        return self.decision

    async def _masked(self, segment: Segment, decision: Decision) -> str:
        """The segment, with masks over what is found; a mask that reaches into it goes on without a word."""
        position = max(segment.start, self._masked_to)
        found = masks(segment.findings, decision.obligations) if segment.findings else ()
        there = [mask for mask in found if mask.end > position]
        goes_on = bool(there) and there[0].start < self._masked_to
        to_mask = [replace(mask, start=max(position, mask.start)) for mask in there]
        stand_ins = (
            ["", *await self._replacements(to_mask[1:])] if goes_on else await self._replacements(to_mask)
        )
        parts: list[str] = []
        for mask, stand_in in zip(to_mask, stand_ins, strict=True):
            parts.append(self._followed(position, mask.start))
            parts.append(self._written(stand_in, mask))
            position = self._masked_to = mask.end
        return "".join([*parts, self._followed(position, segment.end)])

    def _followed(self, start: int, end: int) -> str:
        text = self._segments.slice(start, end)
        if self._quotes is not None:
            self._quotes.follow(text)
        return text

    def _written(self, stand_in: str, mask: Mask) -> str:
        """A stand-in as it is written where the message is JSON; empty for a mask that goes on."""
        if self._quotes is None:
            return stand_in
        value = self._segments.slice(mask.start, mask.end)
        written = self._quotes.around(stand_in, value) if stand_in else ""
        self._quotes.follow(value)
        return written

    async def _replacements(self, fresh: Sequence[Mask]) -> Sequence[str]:
        values = [self._segments.slice(mask.start, mask.end) for mask in fresh]
        return await replacements(fresh, values, self._surrogates)
