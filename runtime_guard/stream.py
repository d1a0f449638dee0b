"""Release a text as it arrives, never a character before the span it belongs to is decided.

The text is cut and judged by content alone (:mod:`runtime_guard.segments`); policy is asked whenever a label
appears that was not seen before in this message, with all labels seen so far. So the released text is the same for
every chunking, the whole text in one piece included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from govkernel.domain import Decision, Finding
from runtime_guard.redact import Mask, Surrogates, blocks, masks, replacement
from runtime_guard.screen import Screen
from runtime_guard.segments import Reach, Segment, Sentence

Decide = Callable[[frozenset[str], int], Awaitable[Decision]]
"""Policy: the decision for the labels and the number of findings so far."""

SentenceJudge = Callable[[str, str], Awaitable[Sequence[Finding]]]
"""What is said: the findings about the end of a text by a role. Only their labels count.

It is asked once for each sentence that is over, with the sentence behind some of what stands before it.
"""


class StreamScreen:
    """Screens one message.

    Args:
        screen: the detectors.
        decide: asks policy.
        role: who writes the message.
        surrogates: names for tokenised values, shared within a conversation.
        judge: judges sentences; by default those detectors of the screen that only judge what is said.
        reach: how far the text is held back.
    """

    def __init__(
        self,
        screen: Screen,
        decide: Decide,
        role: str,
        surrogates: Surrogates | None = None,
        *,
        judge: SentenceJudge | None = None,
        reach: Reach | None = None,
    ) -> None:
        self._judge = judge or screen.sentence_judge
        self._segments = screen.segments(role, judged=self._judge is not None, reach=reach)
        self._decide = decide
        self._role = role
        self._surrogates = surrogates or Surrogates()
        self._labels: frozenset[str] = frozenset()
        self._count = 0
        self._masked_to = 0
        self.decision: Decision | None = None
        """The latest decision; None before anything was decided."""
        self.blocked = False
        """Whether policy blocked the message; nothing more is released."""

    @property
    def held(self) -> int:
        """Characters that were taken and wait to be decided."""
        return self._segments.held

    async def feed(self, delta: str) -> str:
        """Take a piece; the text that may be released now.

        Raises:
            GovkernelError: a detector or policy could not answer; nothing more may be released.
        """
        return "" if self.blocked else await self._released(self._segments.feed(delta))

    async def finish(self, delta: str = "") -> str:
        """The rest of the text, at its end, after a last piece.

        Raises:
            GovkernelError: as for :meth:`feed`.
        """
        released = "" if self.blocked else await self._released(self._segments.finish(delta))
        if self.decision is None:
            await self._ask(())
        return released

    async def _released(self, items: AsyncIterator[Segment | Sentence]) -> str:
        parts: list[str] = []
        async for item in items:
            if isinstance(item, Sentence):
                await self._judged(item)
            else:
                parts.append(await self._release(item))
            if self.blocked:
                break
        return "".join(parts)

    async def _judged(self, sentence: Sentence) -> None:
        """Let policy know what a sentence says."""
        if self._judge is not None:
            found = [
                item
                for item in await self._judge(sentence.text, self._role)
                if item.label not in self._labels
            ]
            if found:
                await self._ask(found)

    async def _release(self, segment: Segment) -> str:
        new = [item for item in segment.findings if item.whole_message or item.start >= segment.start]
        if self.decision is None or any(item.label not in self._labels for item in segment.findings):
            await self._ask(segment.findings, len(new))
        else:
            self._count += len(new)
        return "" if self.blocked else self._masked(segment)

    async def _ask(self, found: Sequence[Finding], count: int | None = None) -> None:
        self._count += len(found) if count is None else count
        self._labels |= {item.label for item in found}
        self.decision = await self._decide(self._labels, self._count)
        self.blocked = blocks(self.decision)

    def _masked(self, segment: Segment) -> str:
        """The segment, with masks over what is found; a mask that reaches into it goes on without a word."""
        parts: list[str] = []
        position = max(segment.start, self._masked_to)
        obligations = self.decision.obligations if self.decision else ()
        for mask in masks(segment.findings, obligations) if segment.findings else ():
            if mask.end <= position:
                continue
            if mask.start >= self._masked_to:
                start = max(position, mask.start)
                parts += [self._segments.slice(position, start), self._replacement(mask, start)]
            position = self._masked_to = mask.end
        return "".join([*parts, self._segments.slice(position, segment.end)])

    def _replacement(self, mask: Mask, start: int) -> str:
        return replacement(mask, self._segments.slice(start, mask.end), self._surrogates)
