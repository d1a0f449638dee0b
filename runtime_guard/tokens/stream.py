"""The stages of an answer's text, one after the other: screened and masked, then restored."""

from __future__ import annotations

from govkernel.domain import Decision
from runtime_guard.redact import DETOKENIZE, Labels, labels_of
from runtime_guard.stream import StreamScreen
from runtime_guard.tokens.streaming import Restoring


class RestoredStream:
    """Screens one message, and puts values back into what was released.

    What may come back is decided with the segment in which its surrogate ends. It is not screened again.

    Args:
        screen: the first stage.
        restoring: the second.
    """

    def __init__(self, screen: StreamScreen, restoring: Restoring) -> None:
        self._screen = screen
        self._restoring = restoring

    @property
    def decision(self) -> Decision | None:
        """The latest decision; see :class:`StreamScreen`."""
        return self._screen.decision

    @property
    def blocked(self) -> bool:
        """Whether policy blocked the message; see :class:`StreamScreen`."""
        return self._screen.blocked

    async def feed(self, delta: str) -> str:
        """Take a piece; the text that may be released now.

        Raises:
            GovkernelError: as :meth:`StreamScreen.feed`.
        """
        return await self._restored(delta)

    async def finish(self, delta: str = "") -> str:
        """The rest of the text, at its end, after a last piece.

        Raises:
            GovkernelError: as for :meth:`feed`.
        """
        released = await self._restored(delta, final=True)
        return released if self.blocked else released + self._restoring.finish(_labels(self.decision))

    async def _restored(self, delta: str, *, final: bool = False) -> str:
        return "".join(
            [
                self._restoring.feed(piece.text, _labels(piece.decision))
                async for piece in self._screen.pieces(delta, final=final)
            ]
        )


def _labels(decision: Decision | None) -> Labels:
    return labels_of(decision.obligations, DETOKENIZE) if decision else None
