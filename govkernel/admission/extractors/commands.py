"""The commands a container runs: command and arguments, shells and scripts taken apart, variables put in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from govkernel.admission.extractors.words import MAX_VALUE, Environment, Word

MAX_SHELLS: Final = 4
"""Shells in shells."""

_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh", "busybox"})
_RUN: Final = re.compile(r"-[a-z]*c")
_SEPARATORS: Final = ";|&()<>\n"
_COMMENT_LINE: Final = re.compile(r"(?m)^[ \t]*#.*$")
_SUB_SHELL: Final = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_PREFIXES: Final = frozenset(
    {"exec", "nohup", "env", "time", "sudo", "export", "then", "do", "else", "if", "!", "{"}
)


@dataclass(frozen=True)
class Command:
    """One simple command.

    Attributes:
        words: program and arguments, variables put in.
        variables: the environment it runs in.
        entrypoint: the program is whatever the image starts; ``words`` are arguments to it.
        readable: false when the script it stands for could not be taken apart; then ``words`` is that script.
    """

    words: tuple[Word, ...]
    variables: Environment
    entrypoint: bool = False
    readable: bool = True


def commands_of(container: Mapping[str, Any], variables: Environment, where: str) -> Iterator[Command]:
    """The commands of something shaped like a container (``command``, ``args``, ``script``)."""
    program = [variables.expand(word) for word in _listed(container, "command", where)]
    words = [*program, *(variables.expand(word) for word in _listed(container, "args", where))]
    if words:
        yield from _taken_apart(words, variables, entrypoint=not program, shells=MAX_SHELLS)
    script = container.get("script")
    if isinstance(script, str):
        yield from _script(Word(script, f"{where}.script"), variables, MAX_SHELLS)


def program_of(word: Word) -> str:
    """The base name of a program, lower case."""
    return word.text.rpartition("/")[2].lower()


def _listed(container: Mapping[str, Any], key: str, where: str) -> list[Word]:
    value = container.get(key)
    if isinstance(value, str):
        return [Word(value, f"{where}.{key}")]
    if not isinstance(value, list | tuple):
        return []
    return [Word(str(item), f"{where}.{key}[{index}]") for index, item in enumerate(value)]


def _taken_apart(
    words: Sequence[Word], variables: Environment, *, entrypoint: bool, shells: int
) -> Iterator[Command]:
    script = _script_in(words, entrypoint=entrypoint)
    if script is None:
        yield Command(tuple(words), variables, entrypoint)
    else:
        yield from _script(script, variables, shells)


def _script_in(words: Sequence[Word], *, entrypoint: bool) -> Word | None:
    """The script that a shell among the words is told to run."""
    shell = entrypoint
    for index, word in enumerate(words[:-1]):
        if shell and _RUN.fullmatch(word.text):
            return words[index + 1]
        shell = shell or program_of(word) in _SHELLS
    return None


def _script(script: Word, variables: Environment, shells: int) -> Iterator[Command]:
    lines = _split(script.text) if shells > 0 and len(script.text) < MAX_VALUE else None
    if lines is None:
        yield Command((script,), variables, readable=False)
        return
    scope = variables.copy()
    for line in lines:
        words = _program_first([scope.expand_shell(Word(text, script.where)) for text in line], scope)
        if words:
            yield from _taken_apart(words, scope.copy(), entrypoint=False, shells=shells - 1)


def _program_first(words: list[Word], scope: Environment) -> list[Word]:
    """Without the assignments and prefixes before the program."""
    while words and (words[0].text in _PREFIXES or scope.assign(words[0])):
        words = words[1:]
    return words


def _split(script: str) -> list[list[str]] | None:
    """Simple commands as lists of words; None when quotes do not close."""
    script = _sub_shells_last(script.replace("\\\r\n", " ").replace("\\\n", " "))
    for text in (script, _COMMENT_LINE.sub("", script)):
        try:
            return list(_simple_commands(text))
        except ValueError:
            continue
    return None


def _sub_shells_last(script: str) -> str:
    """What a shell would run to compute a word, moved to lines of its own; a ``$`` that is not known stays."""
    moved: list[str] = []

    def move(match: re.Match[str]) -> str:
        moved.append(match[1] or match[2] or "")
        return "$"

    for _ in range(MAX_SHELLS):
        script = _SUB_SHELL.sub(move, script)
    return "\n".join([script, *moved])


def _simple_commands(script: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(script, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    line: list[str] = []
    comment = False
    for word in lexer:
        if word and not word.strip(_SEPARATORS):
            comment = comment and "\n" not in word
            if "\n" in word or not set(word) & {"<", ">"}:
                yield line
                line = []
        elif comment or word.startswith("#"):
            comment = True
        else:
            line.append(word)
    yield line
