"""Which variables of a template may hold text that was put together at run time: with such text as a subscript, a
template reaches attributes whose names it never spells. Follows assignments in any order, whatever the scope.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from govkernel.filesafety.jinja_tokens import Token, enclosed
from govkernel.filesafety.names import names

METHODS: Final = names(
    "strip lstrip rstrip split rsplit splitlines startswith endswith upper lower title capitalize replace",
    "join items keys values get append pop extend insert index count find rfind update isdigit isalpha",
    "isspace isupper removeprefix removesuffix partition rpartition copy cycle reverse sort changed",
    "encode zfill setdefault",
)
"""Methods of text, lists and dicts that a template may call."""

WORDS: Final = names(
    "if elif else endif for endfor set endset macro endmacro in is not and or true false none True False",
    "None raw endraw generation endgeneration break continue recursive call endcall filter endfilter with",
    "endwith do",
)
"""Words of the language itself."""

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_MAKERS: Final = frozenset({"strftime_now"})
"""Functions that make text by a pattern."""

_MUTATING: Final = frozenset({"append", "extend", "insert", "update", "setdefault"})
_BUILDING: Final = frozenset({"join", "replace", "format", "reverse", "zfill", "string", "list"})
"""Filters and methods that make new text."""

_FROM_FILES: Final = re.compile(r"\w+_tokens?|special_tokens\w*|model_name|name_or_path")
"""Variables whose text lies beside the template, where whoever wrote the template could write it too."""

_Flow = tuple[set[str], set[str]]


def macros(blocks: Sequence[Sequence[Token]]) -> dict[str, set[str]]:
    """Parameters of each macro a template defines."""
    return {
        block[1].text: variables(block[3:]) for block in blocks if len(block) > 2 and block[0].text == "macro"
    }


def built(blocks: Sequence[Sequence[Token]], own: dict[str, set[str]]) -> set[str]:
    """Variables that may hold text put together at run time, directly or through each other.

    Args:
        blocks: of the whole template.
        own: its macros; what one returns is text put together.
    """
    found = {*own, "caller"}
    found |= {token.text for block in blocks for token in block if _FROM_FILES.fullmatch(token.text)}
    flows: list[_Flow] = []
    for block in blocks:
        for targets, source in (*_assigned(block), *_passed(block, own), *_put(block)):
            if source is None or builds(source):
                found |= targets
            else:
                flows.append((targets, variables(source)))
    while grown := {name for targets, used in flows if used & found for name in targets} - found:
        found |= grown
    return found


def builds(tokens: Sequence[Token]) -> bool:
    """Whether an expression can put text together; adding a number to something is counting."""
    has_text = False
    for place, token in enumerate(tokens):
        has_text |= token.kind == "text"
        if token.kind == "sign" and token.text in "~+":
            around = [
                item.kind for item in (*tokens[max(0, place - 1) : place], *tokens[place + 1 : place + 2])
            ]
            if token.text == "~" or "number" not in around:
                return True
    if _is_stepped(tokens) or any(token.text in _MAKERS for token in tokens if token.kind == "name"):
        return True
    multiplied = any(token.kind == "sign" and token.text in "*%+" for token in tokens)
    called = {after.text for before, after in pairwise(tokens) if before.text in {"|", "."}}
    return (has_text and multiplied) or bool(called & _BUILDING) or _texts_side_by_side(tokens)


def variables(tokens: Sequence[Token]) -> set[str]:
    """Names of variables, and of what is taken from them: of ``a.b`` both."""
    return {token.text for token in tokens if token.kind == "name" and token.text not in WORDS | METHODS}


def is_slice(inside: Sequence[Token]) -> bool:
    """Whether what stands in brackets is a slice."""
    return bool(_colons(inside))


def _is_stepped(tokens: Sequence[Token]) -> bool:
    """Whether a slice picks letters out of a text. Backwards is no such step: texts are read both ways."""
    for place, token in enumerate(tokens):
        inside = enclosed(tokens, place) if token.kind == "sign" and token.text == "[" else ()
        colons = _colons(inside)
        if len(colons) > 1 and [item.text for item in inside[colons[1] + 1 :]] not in ([], ["-", "1"]):
            return True
    return False


def _colons(inside: Sequence[Token]) -> list[int]:
    """Places of the colons that stand in no further brackets."""
    nested, found = 0, []
    for place, token in enumerate(inside):
        if token.kind == "sign":
            nested += (token.text in _OPENING) - (token.text in _CLOSING)
            if token.text == ":" and not nested:
                found.append(place)
    return found


def _texts_side_by_side(tokens: Sequence[Token]) -> bool:
    """Two texts in a row are one to Jinja."""
    return any(before.kind == after.kind == "text" for before, after in pairwise(tokens))


def _assigned(block: Sequence[Token]) -> Iterator[tuple[set[str], Sequence[Token] | None]]:
    """What a statement assigns to, and the expression; None for the text between ``set`` and ``endset``."""
    kind = block[0].text if block else ""
    if kind == "with":
        yield variables(block[1:]), block[1:]
    elif kind in {"set", "for"}:
        mark = "=" if kind == "set" else "in"
        cut = next((place for place, token in enumerate(block) if token.text == mark), None)
        more = {"previtem", "nextitem"} if kind == "for" else set()
        yield variables(block[1:cut]) | more, None if cut is None else block[cut + 1 :]
    elif kind == "macro" and len(block) > 2:
        yield variables(block[3:]), block[3:]


def _put(block: Sequence[Token]) -> Iterator[tuple[set[str], Sequence[Token]]]:
    """What is put into lists and dicts by their methods."""
    for place, (token, after) in enumerate(pairwise(block)):
        if token.kind == "name" and token.text in _MUTATING and after.text == "(":
            yield variables(block[:place]), enclosed(block, place + 1)


def _passed(block: Sequence[Token], own: dict[str, set[str]]) -> Iterator[tuple[set[str], Sequence[Token]]]:
    """What calls of the template's own macros put into their parameters."""
    for place, (token, after) in enumerate(pairwise(block)):
        if token.kind == "name" and token.text in own and after.text == "(" and block[0].text != "macro":
            yield own[token.text], enclosed(block, place + 1)
