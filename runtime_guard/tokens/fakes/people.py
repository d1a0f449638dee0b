"""Names of people who do not exist: put together so that they sound like names and are hardly anybody's."""

from __future__ import annotations

from typing import Final

from runtime_guard.tokens.fakes.choices import Choices

_GIVEN: Final = tuple(
    first + last
    for first in ("Bel", "Cor", "Dal", "Elm", "Far", "Gal", "Hal", "Ist", "Jor", "Kel", "Lor", "Mar", "Orl")
    for last in ("anda", "evin", "isar", "onwy", "uvel", "ithe")
)
_FAMILY: Final = tuple(
    first + last
    for first in (
        "Avel",
        "Brin",
        "Corv",
        "Dresk",
        "Elst",
        "Fenn",
        "Garv",
        "Hesk",
        "Ilv",
        "Jand",
        "Kolv",
        "Lint",
    )
    for last in ("ander", "inson", "ersley", "ovich", "umby", "aker", "iston", "eman")
)


def person(value: str, choices: Choices) -> str:
    """A given name, and a family name where the value has more than one word; capitals where it is all capitals."""
    name = choices.one_of(_GIVEN)
    if len(value.split()) > 1:
        name = f"{name} {choices.one_of(_FAMILY)}"
    return name.upper() if value.isupper() else name
