"""The runtime guard: turns text into findings, and findings and policy into released text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from runtime_guard.screen import Screen
    from runtime_guard.stream import StreamScreen

__all__ = ["Screen", "StreamScreen"]

_WHERE: Final = {"Screen": "runtime_guard.screen", "StreamScreen": "runtime_guard.stream"}


def __getattr__(name: str) -> Any:
    """A public name, loaded when it is first asked for, so that importing a part of the guard stays light."""
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(_WHERE[name]), name)
