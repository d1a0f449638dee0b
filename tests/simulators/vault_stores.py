"""Stores of the vault that go away, and a key service that refuses, lies or stalls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from runtime_guard.tokens.errors import unavailable
from runtime_guard.tokens.memory import MemoryStore
from runtime_guard.tokens.wrapping import LocalWrapper


class AwayStore(MemoryStore):
    """A store that is there only while ``here`` is true."""

    here = True

    @contextmanager
    def session(self, *, write: bool) -> Iterator[Any]:
        if not self.here:
            raise unavailable("It is away.")
        with super().session(write=write) as session:
            yield session


@dataclass
class KeyService:
    """A key-encryption key behind a service.

    Attributes:
        mood: ``well``, ``refuses``, ``stalls``, ``lies`` (another key each time) or ``nonsense``.
        calls: how often it was asked.
    """

    mood: str = "well"
    calls: int = 0

    def __post_init__(self) -> None:
        self._key = LocalWrapper.new()
        self.key_id = "service:guard"

    async def wrap(self, key: bytes, context: bytes) -> Any:
        return await self._answer(self._key.wrap(key, context))

    async def unwrap(self, wrapped: bytes, context: bytes) -> Any:
        return await self._answer(self._key.unwrap(wrapped, context))

    async def _answer(self, honest: bytes) -> Any:
        self.calls += 1
        if self.mood == "refuses":
            raise PermissionError("secret detail")
        if self.mood == "stalls":
            await asyncio.Event().wait()
        return {"lies": bytes(64), "nonsense": "text"}.get(self.mood, honest)
