"""The runtime guard: turns text into findings, and findings and policy into released text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime_guard.screen import Screen

__all__ = ["Screen"]


def __getattr__(name: str) -> Any:
    """``Screen``, loaded when it is first asked for, so that importing a part of the guard stays light."""
    if name != "Screen":
        raise AttributeError(name)
    from runtime_guard.screen import Screen  # noqa: PLC0415

    return Screen
