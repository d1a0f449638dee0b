"""Reads a request body of bounded size: what is too large is counted and thrown away, never kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from govkernel.errors import InputError

DRAIN_FACTOR: Final = 8
"""How many times the limit is still read (and thrown away), so that the sender gets to see the answer."""


class TooLarge(InputError):
    """A body over the limit.

    Attributes:
        head: its first bytes, from which the uid may be told.
        drained: whether it was read to its end, so that the connection can be used again.
    """

    def __init__(self, limit: int, head: bytes, *, drained: bool) -> None:
        super().__init__(
            "admission.too-large",
            "The AdmissionReview is too large.",
            why=f"It has more than {limit} bytes.",
            remedy="Kubernetes objects have at most 1.5 MiB; exclude the resource from the webhook's rules.",
        )
        self.head = head
        self.drained = drained


async def read_body(stream: AsyncIterator[bytes], limit: int) -> bytes:
    """The body, if it has at most ``limit`` bytes.

    Raises:
        TooLarge: it has more; at most ``limit`` bytes were held at any time.
    """
    kept = bytearray()
    total = 0
    async for chunk in stream:
        total += len(chunk)
        if total <= limit:
            kept += chunk
        else:
            head = bytes(kept[:4096]) or chunk[:4096]
            kept.clear()
            return await _refuse(stream, limit, head, total)
    return bytes(kept)


async def _refuse(stream: AsyncIterator[bytes], limit: int, head: bytes, total: int) -> bytes:
    async for chunk in stream:
        total += len(chunk)
        if total > limit * DRAIN_FACTOR:
            raise TooLarge(limit, head, drained=False)
    raise TooLarge(limit, head, drained=True)
