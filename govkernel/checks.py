"""Checks of what providers return: each gives back the value, revalidated, or raises TypeError/ValueError."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def model(kind: type[M]) -> Callable[[Any], M]:
    """Exactly one ``kind``; validated again, since ``model_construct`` can make anything."""

    def check(value: Any) -> M:
        if not isinstance(value, kind):
            raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
        return kind.model_validate(value.model_dump(round_trip=True))

    return check


def either(*kinds: type[BaseModel]) -> Callable[[Any], Any]:
    """One of several models, or None."""

    def check(value: Any) -> Any:
        if value is None:
            return None
        for kind in kinds:
            if isinstance(value, kind):
                return model(kind)(value)
        raise TypeError(f"expected one of {[kind.__name__ for kind in kinds]}, got {type(value).__name__}")

    return check


def sequence(kind: type[M], limit: int) -> Callable[[Any], tuple[M, ...]]:
    """At most ``limit`` models in a list, tuple or other sequence, whatever length it claims."""
    one = model(kind)

    def check(value: Any) -> tuple[M, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise TypeError(f"expected a sequence, got {type(value).__name__}")
        items = tuple(islice(value, limit + 1))
        if len(items) > limit:
            raise ValueError(f"{max(len(value), len(items))} items, limit {limit}")
        return tuple(one(item) for item in items)

    return check


def names(value: Any) -> frozenset[str]:
    """A set of strings."""
    if not isinstance(value, Set):
        raise TypeError(f"expected a set, got {type(value).__name__}")
    return frozenset(text(item) for item in value)


def text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value


def anything(value: Any) -> Any:
    """No expectation: for calls whose result is not used."""
    return value
