"""Text from grammars kept as data: ``{a|b}`` chooses, ``<rule>`` and ``<grammar:rule>`` stand for rules."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from runtime_guard.training.contrasts import both_sides

RULE: Final = re.compile(r"<(?:([a-z_]+):)?([a-z0-9]+)>")
"""A reference: the grammar, where it is another, and the rule."""

_CHOICE: Final = re.compile(r"\{([^{}]*)\}")
_SPACES: Final = re.compile(r"(?<=\S) {2,}")
"""Not those a line begins with: code stays indented."""

_Kept = dict[tuple[int, str], str]


class Grammar:
    """A grammar; the same generator state makes the same text.

    Args:
        rules: alternatives per rule name. A name in angle brackets that is no rule is text, so is a brace that stands
            alone in its alternative. A rule named by one letter is expanded once per text: a name stays the same.
    """

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        self.rules = rules

    def make(self, rule: str, rng: random.Random) -> str:
        """One text of a rule."""
        return _SPACES.sub(" ", self._expand(rng.choice(self.rules[rule]), rng, {})).strip(" ")

    def _expand(self, text: str, rng: random.Random, kept: _Kept) -> str:
        while match := _CHOICE.search(text):
            chosen = rng.choice(match.group(1).split("|"))
            text = f"{text[: match.start()]}{chosen}{text[match.end() :]}"
        return RULE.sub(lambda match: self._named(match, rng, kept), text)

    def _named(self, match: re.Match[str], rng: random.Random, kept: _Kept) -> str:
        other, name = match.groups()
        home = grammar(other) if other else self
        if name not in home.rules:
            return match.group()
        key = (id(home), name)
        if key in kept:
            return kept[key]
        made = home._expand(rng.choice(home.rules[name]), rng, kept)
        if len(name) == 1:
            kept[key] = made
        return made


@cache
def grammar(name: str) -> Grammar:
    """The grammar ``grammars/NAME.yaml``; a theme of contrasts where it has frames or themes."""
    rules = _read(name)
    if "frames" in rules or "themes" in rules:
        room, slash, _ = name.rpartition("/")
        return Grammar(both_sides(rules, lambda other: _read(room + slash + other)))
    return Grammar(rules)


@cache
def grammars_in(folder: str) -> tuple[str, ...]:
    """Names of the grammars ``grammars/FOLDER/NAME.yaml``, sorted."""
    found = files("runtime_guard.training").joinpath("grammars", folder).iterdir()
    return tuple(sorted(path.name.removesuffix(".yaml") for path in found if path.name.endswith(".yaml")))


@cache
def _read(name: str) -> dict[str, Any]:
    path = files("runtime_guard.training").joinpath("grammars", f"{name}.yaml")
    rules: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return rules
