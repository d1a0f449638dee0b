"""Chat templates, judged token by token: only known names, attributes, filters, tests and calls, and no way to spell
another name at run time. Source: Jinja 3.1 template documentation; transformers' chat template guide.

A template is compiled to Python. Outside a sandbox, one attribute too many (``x.__class__``) reaches the interpreter,
and ``x[name]`` reaches the same attribute by a computed name.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from typing import Final

from govkernel.filesafety.jinja_flow import METHODS, WORDS, builds, built, is_slice, macros, variables
from govkernel.filesafety.jinja_tokens import Token, blocks_of, enclosed
from govkernel.filesafety.names import names

MAX_TEMPLATE: Final = 1 << 20
MAX_BLOCKS: Final = 4000

_REFUSED_TAGS: Final = frozenset(
    {"import", "include", "extends", "from", "block", "autoescape", "trans", "debug"}
)
_CALLS: Final = frozenset({"raise_exception", "strftime_now", "range", "namespace", "dict", "caller", "loop"})
_FILTERS: Final = names(
    "trim tojson length count join default d items list string int float upper lower capitalize title",
    "first last replace map selectattr rejectattr select reject sort unique reverse indent safe escape e",
    "abs round sum min max batch slice dictsort wordcount truncate groupby format strftime_now wordwrap",
    "from_json tojson_unicode",
)
_GLOBALS: Final = frozenset(
    {"lipsum", "cycler", "joiner", "self", "request", "config", "url_for", "environ", "g"}
)
_ESCAPE: Final = re.compile(r"\\(?:x|u|U|N|[0-7])")
_UNDERSCORES: Final = re.compile(r"__|^_\w*$")
_INTERNALS: Final = re.compile(r"(?:gi|cr|ag|f|tb|func|co|im)_[a-z]+|mro|attr")
"""Attributes of generators, frames and functions, which filters return."""

_SPELLED: Final = re.compile(
    r"(?:gi|cr|ag|tb)_(?:frame|code|next)|f_(?:back|globals|builtins|locals|code)|(?:func|im)_(?:globals|code|self|func)"
    r"|co_(?:consts|names|code)|^(?:mro|attr)$"
)
"""The same in a text, from which a part can be cut."""

_BY_ATTRIBUTE: Final = frozenset(
    {"map", "selectattr", "rejectattr", "select", "reject", "groupby", "sort", "unique", "sum", "min", "max"}
)
"""Filters that take the name of an attribute or of another filter."""


def dangers(template: str) -> list[str]:
    """What a template reaches for besides text; empty when nothing.

    Returns:
        One phrase each, each once, at most 20.
    """
    if len(template) > MAX_TEMPLATE:
        return ["it is too long to be read"]
    found: dict[str, None] = {}
    blocks = list(blocks_of(template))
    if len(blocks) > MAX_BLOCKS:
        return ["it is too long to be read"]
    own = macros(blocks)
    made = built(blocks, own)
    for block in blocks:
        found |= dict.fromkeys(_block_dangers(block, own, made))
        if len(found) > 20:
            break
    return list(found)[:20]


def _block_dangers(block: Sequence[Token], own: Container[str], made: set[str]) -> Iterator[str]:
    if block and block[0].kind == "name" and block[0].text in _REFUSED_TAGS:
        yield f"the tag {block[0].text}"
    for place, token in enumerate(block):
        before = block[place - 1].text if place else ""
        after = block[place + 1].text if place + 1 < len(block) else ""
        if token.kind == "broken":
            yield "it cannot be read"
        elif token.kind == "text":
            yield from _text_dangers(token.text)
        elif token.kind == "name":
            yield from _name_dangers(token.text, before, after, own)
            if before in {"|", "filter"} and after == "(" and token.text in _BY_ATTRIBUTE:
                yield from _computed(enclosed(block, place + 1), made, f"the filter {token.text}")
        elif token.text == "[" and _is_subscript(block, place):
            inside = enclosed(block, place)
            if not is_slice(inside):  # a slice is no name
                yield from _computed(inside, made, "a subscript")
        elif token.text == "(" and before in {")", "]"}:
            yield "a call of what a call or subscript returned"


def _text_dangers(text: str) -> Iterator[str]:
    said = text[1:-1]
    if _UNDERSCORES.search(said) or _SPELLED.search(said) or _SPELLED.search(said[::-1]):
        yield "text made of underscores, or that names a filter or an attribute of Python's own"
    if _ESCAPE.search(text):
        yield "text with escapes"


def _name_dangers(name: str, before: str, after: str, own: Container[str]) -> Iterator[str]:
    own_variable = before not in {".", "|", "filter"} and after != "("
    if "__" in name or not name.isascii() or (name.startswith("_") and not own_variable):
        yield f"the name {name}"
    elif before in {"|", "filter"}:
        if name not in _FILTERS:
            yield f"the filter {name}"
    elif before == ".":
        if _INTERNALS.fullmatch(name):
            yield f"the attribute {name}"
        elif after == "(" and name not in METHODS:
            yield f"a call of .{name}"
    elif name in _GLOBALS:
        yield f"the name {name}"
    elif after == "(" and before != "is" and name not in _CALLS | WORDS and name not in own:
        yield f"a call of {name}"


def _is_subscript(block: Sequence[Token], place: int) -> bool:
    before = block[place - 1] if place else Token("sign", "")
    return (
        before.text in {")", "]", "}"}
        or before.kind in {"text", "number"}
        or (before.kind == "name" and before.text not in WORDS)
    )


def _computed(inside: Sequence[Token], made: set[str], what: str) -> Iterator[str]:
    """Nothing there may make text, nor be a variable that may hold made text."""
    if builds(inside):
        yield f"{what} computed at run time"
    if found := variables(inside) & made:
        yield f"{what} computed at run time ({min(found)})"
