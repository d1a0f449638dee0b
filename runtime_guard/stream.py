"""Release a text as it arrives, never a character before the span it belongs to is decided.

The text is judged cell by cell (:mod:`runtime_guard.cells`); policy is asked whenever a label appears that was not
seen before in this message, with all labels seen so far. Both depend on the content alone, so the released text is
the same for every chunking, the whole text in one piece included.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from govkernel.domain import Decision, Finding
from runtime_guard.cells import CellCutter, Window
from runtime_guard.redact import Mask, Surrogates, blocks, masks, replacement
from runtime_guard.screen import CellScreen, Screen

Decide = Callable[[frozenset[str], int], Awaitable[Decision]]
"""Policy: the decision for the labels and the number of findings so far."""

HOLD_BACK: Final = 2 * 256
"""Characters that are held back at most: a cell and its window ahead."""


class StreamScreen:
    """Screens one message.

    Args:
        screen: the detectors.
        decide: asks policy.
        role: who writes the message.
        surrogates: names for tokenised values, shared within a conversation.
    """

    def __init__(
        self, screen: Screen, decide: Decide, role: str, surrogates: Surrogates | None = None
    ) -> None:
        self._cells = CellScreen(screen, role)
        self._decide = decide
        self._surrogates = surrogates or Surrogates()
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
        released = [await self._release(window) for window in self._cutter.feed(delta) if not self.blocked]
        return "".join(released)

    async def finish(self) -> str:
        """The rest of the text, at its end."""
        released = [await self._release(window) for window in self._cutter.finish() if not self.blocked]
        if self.decision is None:
            self.decision = await self._decide(self._labels, self._cells.count)
        return "".join(released)

    async def _release(self, window: Window) -> str:
        found = await self._cells.findings(window)
        labels = self._labels | {item.label for item in found}
        if self.decision is None or labels != self._labels:
            self._labels = labels
            self.decision = await self._decide(labels, self._cells.count)
        if blocks(self.decision):
            return ""
        return self._masked(window, found)

    def _masked(self, window: Window, found: tuple[Finding, ...]) -> str:
        obligations = self.decision.obligations if self.decision else ()
        parts: list[str] = []
        position = window.start
        for mask in masks(found, obligations):
            parts.append(_slice(window, position, mask.start))
            # A mask that goes on where the last cell's mask ended is the rest of the same value.
            if mask.start != self._masked_to or mask.start != window.start or mask.start == 0:
                parts.append(self._replacement(window, mask))
            position = self._masked_to = mask.end
        return "".join([*parts, _slice(window, position, window.end)])

    def _replacement(self, window: Window, mask: Mask) -> str:
        return replacement(mask, _slice(window, mask.start, mask.end), self._surrogates)


def _slice(window: Window, start: int, end: int) -> str:
    return window.text[start - window.offset : end - window.offset]
