"""Words of a container's command, with what is not known about them: values from secrets, files and sub-shells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_KUBERNETES: Final = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
_SHELL: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
MAX_VALUE: Final = 64 * 1024
"""Characters of one word after variables were put in; more is not known."""


@dataclass(frozen=True)
class Word:
    """A word of a command or the value of a variable.

    Attributes:
        text: what is known of it.
        where: place in the manifest.
        known: false when a part of it comes from somewhere a manifest does not show.
    """

    text: str
    where: str = ""
    known: bool = True

    def part(self, text: str) -> Word:
        """A piece of this word."""
        return Word(text, self.where, self.known)


@dataclass
class Environment:
    """The variables of a container.

    Attributes:
        variables: name to value; values from secrets, config maps and fields are not known.
        open: more variables come from a secret or config map as a whole.
    """

    variables: dict[str, Word] = field(default_factory=dict)
    open: bool = False

    @classmethod
    def of(cls, container: Mapping[str, Any], where: str) -> Environment:
        """The environment of a container; each variable may use those before it."""
        made = cls(open=bool(container.get("envFrom")))
        for index, item in enumerate(_dicts(container.get("env"))):
            name, value = item.get("name"), item.get("value")
            place = f"{where}.env[{index}]"
            if not isinstance(name, str):
                continue
            if isinstance(value, str):
                made.variables[name] = made.expand(Word(value, place))
            elif item.get("valueFrom") is not None:
                made.variables[name] = Word("", place, known=False)
            else:
                made.variables[name] = Word("", place)
        return made

    def expand(self, word: Word) -> Word:
        """``$(NAME)`` replaced as Kubernetes does in commands, arguments and variables; others stay as they are."""
        return self._replace(word, _KUBERNETES)

    def expand_shell(self, word: Word) -> Word:
        """``$NAME`` and ``${NAME}`` replaced as a shell does; whatever else a shell would compute is not known."""
        made = self._replace(word, _SHELL)
        missing = any((match[1] or match[2]) not in self.variables for match in _SHELL.finditer(word.text))
        computed = "$" in _SHELL.sub("", word.text) or "`" in word.text
        return Word(made.text, made.where, made.known and not computed and not missing)

    def assign(self, word: Word) -> bool:
        """Take ``NAME=value`` as a shell would; false when the word is no assignment."""
        match = _ASSIGNMENT.fullmatch(word.text)
        if match is None:
            return False
        self.variables[match[1]] = word.part(match[2])
        return True

    def value(self, name: str) -> str:
        """What is known of a variable; empty when nothing is."""
        word = self.variables.get(name)
        return word.text if word is not None and word.known else ""

    def copy(self) -> Environment:
        """A copy for a shell to change."""
        return Environment(dict(self.variables), self.open)

    def _replace(self, word: Word, pattern: re.Pattern[str]) -> Word:
        known = word.known

        def value(match: re.Match[str]) -> str:
            nonlocal known
            if match[0] == "$$":
                return "$"
            name = next(group for group in match.groups() if group)
            found = self.variables.get(name)
            if found is not None and found.known:
                return found.text
            known = known and found is None and not self.open
            return match[0]

        text = pattern.sub(value, word.text)
        return Word(text[:MAX_VALUE], word.where, known and len(text) <= MAX_VALUE)


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, Mapping))
