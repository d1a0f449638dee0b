"""Calls that may hang: the thread of one that does is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from govkernel.errors import GovkernelError

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T], late: GovkernelError) -> T:
    """The result of a call.

    Args:
        seconds: that it may take.
        call: in a thread of its own.
        late: raised when it takes longer.

    Raises:
        GovkernelError: ``late``; or whatever the call raises.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise late
    return results[0]
