"""Cut a Jinja template into the tokens of its expressions and statements. Source: Jinja 3.1 template documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MAX_NESTING: Final = 32

_BLOCK: Final = re.compile(r"\{\{-?|\{%[-+]?|\{#")
_CLOSE: Final = {"{{": re.compile(r"[-+]?\}\}"), "{%": re.compile(r"[-+]?%\}"), "{#": re.compile(r"#\}")}
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_RAW_END: Final = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>[^\W\d]\w*)"""
    r"""|(?P<number>0[xXoObB][\da-fA-F_]+|\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?)"""
    r"""|(?P<sign>[-+*/%~=<>!|.,:()\[\]{}]))""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token: kind (``text``, ``name``, ``number``, ``sign``) and what it says."""

    kind: str
    text: str


def blocks_of(template: str) -> Iterator[list[Token]]:
    """The tokens of each expression and statement. What cannot be read is one token of kind ``broken``."""
    position = 0
    while start := _BLOCK.search(template, position):
        opening = start.group()[:2]
        if opening == "{#":
            end = template.find("#}", start.end())
            position = len(template) if end < 0 else end + 2
            continue
        tokens, position = _tokens(template, start.end(), opening)
        if opening == "{%" and tokens and tokens[0].text == "raw":
            end_raw = _RAW_END.search(template, position)
            position = end_raw.end() if end_raw else len(template)
        yield tokens


def _tokens(template: str, position: int, opening: str) -> tuple[list[Token], int]:
    tokens: list[Token] = []
    nested = 0
    while True:
        blank = re.compile(r"\s*").match(template, position)
        position = blank.end() if blank else position
        close = _CLOSE[opening].match(template, position)
        if close and not nested:  # inside brackets, what looks like the end is two of them
            return tokens, close.end()
        token = _TOKEN.match(template, position)
        if token is None or token.lastgroup is None:
            return [*tokens, Token("broken", template[position : position + 20])], len(template)
        text = token.group(token.lastgroup)
        nested += (text in _OPENING) - (text in _CLOSING)
        if not 0 <= nested <= MAX_NESTING:
            return [Token("broken", text)], len(template)
        tokens.append(Token(token.lastgroup, text))
        position = token.end()


def enclosed(block: Sequence[Token], place: int) -> Sequence[Token]:
    """The tokens between the bracket at a place and the one that closes it."""
    depth = 0
    for end in range(place, len(block)):
        if block[end].kind == "sign":
            depth += (block[end].text in _OPENING) - (block[end].text in _CLOSING)
        if depth == 0:
            return block[place + 1 : end]
    return block[place + 1 :]
