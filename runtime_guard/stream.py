"""Release a text as it arrives, never a character before the span it belongs to is decided.

The text is judged cell by cell (:mod:`runtime_guard.cells`); policy is asked whenever a label appears that was not
seen before in this message, with all labels seen so far. Both depend on the content alone, so the released text is
the same for every chunking, the whole text in one piece included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from govkernel.domain import Decision, Finding
from runtime_guard.cells import CellCutter, Window
from runtime_guard.redact import Mask, Numbered, Surrogates, blocks, masks, replacements
from runtime_guard.screen import CellScreen, Looks

Decide = Callable[[frozenset[str], int], Awaitable[Decision]]
"""Policy: the decision for the labels and the number of findings so far."""

HOLD_BACK: Final = 2 * 256
"""Characters that are held back at most: a cell and its window ahead."""


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
    """

    def __init__(
        self, screen: Looks, decide: Decide, role: str, surrogates: Surrogates | None = None
    ) -> None:
        self._cells = CellScreen(screen, role)
        self._decide = decide
        self._surrogates = surrogates or Numbered()
        self._cutter = CellCutter()
        self._labels: frozenset[str] = frozenset()
        self._masked_to = 0
        self.decision: Decision | None = None
        """The latest decision; None before the first cell."""

    @property
    def blocked(self) -> bool:
        """Whether policy blocked the message; nothing more is released."""
        return self.decision is not None and blocks(self.decision)

    async def feed(self, delta: str) -> str:
        """Take a piece; the text that may be released now.

        Raises:
            GovkernelError: a detector or policy could not answer; nothing more may be released.
        """
        return "".join([piece.text async for piece in self.pieces(delta)])

    async def finish(self) -> str:
        """The rest of the text, at its end."""
        return "".join([piece.text async for piece in self.pieces(None)])

    async def pieces(self, delta: str | None) -> AsyncIterator[Piece]:
        """Like :meth:`feed`, and with None like :meth:`finish`: cell by cell, which no chunking changes."""
        windows = self._cutter.finish() if delta is None else self._cutter.feed(delta)
        async for piece in self._released(windows):
            yield piece
        if delta is None and self.decision is None:
            self.decision = await self._decide(self._labels, self._cells.count)

    async def _released(self, windows: Iterable[Window]) -> AsyncIterator[Piece]:
        for window in windows:
            if self.blocked:
                return
            found = await self._cells.findings(window)
            decision = await self._decided(found)
            if not blocks(decision):
                yield Piece(await self._masked(window, masks(found, decision.obligations)), decision)

    async def _decided(self, found: tuple[Finding, ...]) -> Decision:
        labels = self._labels | {item.label for item in found}
        if self.decision is None or labels != self._labels:
            self._labels = labels
            self.decision = await self._decide(labels, self._cells.count)
        return self.decision

    async def _masked(self, window: Window, to_mask: list[Mask]) -> str:
        fresh = [mask for mask in to_mask if not self._goes_on(window, mask)]
        values = [_slice(window, mask.start, mask.end) for mask in fresh]
        stand_ins = dict(zip(fresh, await replacements(fresh, values, self._surrogates), strict=True))
        parts: list[str] = []
        position = window.start
        for mask in to_mask:
            parts += (_slice(window, position, mask.start), stand_ins.get(mask, ""))
            position = self._masked_to = mask.end
        return "".join([*parts, _slice(window, position, window.end)])

    def _goes_on(self, window: Window, mask: Mask) -> bool:
        """Whether a mask is the rest of the value that the last cell's mask ended with."""
        return mask.start == self._masked_to == window.start != 0


def _slice(window: Window, start: int, end: int) -> str:
    return window.text[start - window.offset : end - window.offset]
