"""What every noun shares: frozen pydantic models and deeply immutable JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict

MAX_VALUE_DEPTH: Final = 64


class Frozen(BaseModel):
    """Base of every domain model: immutable, closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FrozenDict(dict[str, Any]):
    """A ``dict`` that cannot be changed after it was made, so every JSON encoder still takes it.

    What it holds must be frozen as well; :func:`freeze` sees to that, and takes a FrozenDict as done.
    """

    __slots__ = ()

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this mapping is frozen")

    def __deepcopy__(self, _memo: object) -> FrozenDict:
        return self

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse


def freeze(value: Any, depth: int = MAX_VALUE_DEPTH) -> Any:
    """Deep, immutable copy of a JSON value: mappings become FrozenDict, sequences tuples.

    Raises:
        ValueError: the value is not JSON or is nested deeper than ``depth``.
    """
    if value is None or isinstance(value, (str, bool, int, float, FrozenDict)):
        return value
    if depth <= 0:
        raise ValueError(f"nested deeper than {MAX_VALUE_DEPTH} levels")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("JSON object keys must be strings")
        return FrozenDict({key: freeze(item, depth - 1) for key, item in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return tuple(freeze(item, depth - 1) for item in items)
    raise ValueError(f"not a JSON value: {type(value).__name__}")


def thaw(value: Any) -> Any:
    """A frozen JSON value as the dicts and lists that others know, e.g. jsonschema."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [thaw(item) for item in value]
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(freeze)]
"""A JSON object, deeply frozen when the model that holds it is made."""
