"""Names of people, towns, companies and things, kept as data: ``lists/NAME.yaml``, alternatives per rule."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from runtime_guard.training.grammar import Grammar

FAMILIES: Final = "family"
"""End of the rules of ``people`` that hold surnames."""


@cache
def read(name: str) -> Mapping[str, Any]:
    """The file ``lists/NAME.yaml``."""
    path = files("runtime_guard.training").joinpath("lists", f"{name}.yaml")
    found: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@cache
def listed(name: str) -> Grammar:
    """The rules of a list; ``<town>``, ``<surname>`` and ``<country>`` stand in all of them."""
    people = read("people")
    surnames = [value for rule, values in people.items() if rule.endswith(FAMILIES) for value in values]
    country = [
        value for value in read("places")["country"] if not value.startswith("the ") and "." not in value
    ]
    shared = {"town": [place[0] for place in towns()], "surname": surnames, "country": country}
    return Grammar({**shared, **read(name)})


@cache
def towns() -> tuple[tuple[str, str, str], ...]:
    """Town, region and country."""
    return tuple(
        (town, region, country)
        for country, regions in read("towns").items()
        for region, names in regions.items()
        for town in names
    )


def drawn(name: str, rule: str, rng: random.Random) -> str:
    """A value of a list."""
    return listed(name).make(rule, rng)
