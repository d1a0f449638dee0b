"""Text from grammars kept as data: ``{a|b}`` chooses an alternative, ``<name>`` stands for a rule."""

from __future__ import annotations

import random
import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from runtime_guard.training.contrasts import both_sides

_CHOICE: Final = re.compile(r"\{([^{}]*)\}")
_RULE: Final = re.compile(r"<([a-z0-9]+)>")
_SPACES: Final = re.compile(r" {2,}")


class Grammar:
    """A grammar; the same generator state makes the same text.

    Args:
        rules: alternatives per rule name. A name in angle brackets that is no rule is text.
    """

    def __init__(self, rules: dict[str, list[str]]) -> None:
        self._rules = rules

    def make(self, rule: str, rng: random.Random) -> str:
        """One text of a rule."""
        text = self._expand(rng.choice(self._rules[rule]), rng)
        return _SPACES.sub(" ", text).strip(" ")

    def _expand(self, text: str, rng: random.Random) -> str:
        while match := _CHOICE.search(text):
            chosen = rng.choice(match.group(1).split("|"))
            text = f"{text[: match.start()]}{chosen}{text[match.end() :]}"
        return _RULE.sub(lambda match: self._named(match, rng), text)

    def _named(self, match: re.Match[str], rng: random.Random) -> str:
        alternatives = self._rules.get(match.group(1))
        return self._expand(rng.choice(alternatives), rng) if alternatives else match.group()


@cache
def grammar(name: str) -> Grammar:
    """The grammar ``grammars/NAME.yaml``; a theme of contrasts where it has frames or themes."""
    rules = _read(name)
    if "frames" in rules or "themes" in rules:
        room, slash, _ = name.rpartition("/")
        return Grammar(both_sides(rules, lambda other: _read(room + slash + other)))
    return Grammar(rules)


@cache
def _read(name: str) -> dict[str, Any]:
    path = files("runtime_guard.training").joinpath("grammars", f"{name}.yaml")
    rules: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return rules
