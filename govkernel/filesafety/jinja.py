"""Chat templates, judged token by token: only known names, attributes, filters, tests and calls, and no way to spell
another name at run time. Source: Jinja 3.1 template documentation; transformers' chat template guide.

A template is compiled to Python. Outside a sandbox, one attribute too many (``x.__class__``) reaches the interpreter,
and ``x[name]`` reaches the same attribute by a computed name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from govkernel.filesafety.names import names

MAX_TEMPLATE: Final = 1 << 20
MAX_BLOCKS: Final = 4000
MAX_NESTING: Final = 32

_BLOCK: Final = re.compile(r"\{\{-?|\{%[-+]?|\{#")
_CLOSE: Final = {"{{": re.compile(r"[-+]?\}\}"), "{%": re.compile(r"[-+]?%\}"), "{#": re.compile(r"#\}")}
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_RAW_END: Final = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)"""
    r"""|(?P<sign>[-+*/%~=<>!|.,:()\[\]{}]))""",
    re.DOTALL,
)

_WORDS: Final = names(
    "if elif else endif for endfor set endset macro endmacro in is not and or true false none True False",
    "None raw endraw generation endgeneration break continue recursive call endcall filter endfilter with",
    "endwith do",
)
_REFUSED_TAGS: Final = frozenset(
    {"import", "include", "extends", "from", "block", "autoescape", "trans", "debug"}
)
_CALLS: Final = frozenset({"raise_exception", "strftime_now", "range", "namespace", "dict", "caller", "loop"})
_METHODS: Final = names(
    "strip lstrip rstrip split rsplit splitlines startswith endswith upper lower title capitalize replace",
    "join items keys values get append pop extend insert index count find rfind update isdigit isalpha",
    "isspace isupper removeprefix removesuffix partition rpartition copy cycle reverse sort changed",
    "encode zfill setdefault",
)
_FILTERS: Final = names(
    "trim tojson length count join default d items list string int float upper lower capitalize title",
    "first last replace map selectattr rejectattr select reject sort unique reverse indent safe escape e",
    "abs round sum min max batch slice dictsort wordcount truncate groupby format strftime_now wordwrap",
    "from_json tojson_unicode",
)
_GLOBALS: Final = frozenset(
    {"lipsum", "cycler", "joiner", "self", "request", "config", "url_for", "environ", "g"}
)
_BUILDS: Final = frozenset({"~", "+", "*", "%"})
_BUILDING_FILTERS: Final = frozenset(
    {"join", "replace", "format", "reverse", "lower", "upper", "string", "list"}
)
_ESCAPE: Final = re.compile(r"\\(?:x|u|U|N|[0-7])")
_UNDERSCORES: Final = re.compile(r"__|^_+$")


@dataclass(frozen=True, slots=True)
class Token:
    """A token: kind (``text``, ``name``, ``number``, ``sign``) and what it says."""

    kind: str
    text: str


def dangers(template: str) -> list[str]:
    """What a template reaches for besides text; empty when nothing.

    Returns:
        One phrase each, each once, at most 20.
    """
    if len(template) > MAX_TEMPLATE:
        return ["it is too long to be read"]
    found: dict[str, None] = {}
    blocks = list(_blocks(template))
    if len(blocks) > MAX_BLOCKS:
        return ["it is too long to be read"]
    own = {name for block in blocks for name in _defined(block)}
    built = _built(blocks)
    for block in blocks:
        for danger in _block_dangers(block, own, built):
            found[danger] = None
        if len(found) > 20:
            break
    return list(found)[:20]


def _blocks(template: str) -> Iterator[list[Token]]:
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
    depth = nested = 0
    while True:
        blank = re.compile(r"\s*").match(template, position)
        position = blank.end() if blank else position
        close = _CLOSE[opening].match(template, position)
        if close and not (depth and opening == "{{" and template.startswith("}}}", position)):
            return tokens, close.end()
        token = _TOKEN.match(template, position)
        if token is None or token.lastgroup is None:
            return [*tokens, Token("broken", template[position : position + 20])], len(template)
        text = token.group(token.lastgroup)
        depth += (text == "{") - (text == "}")
        nested += (text in _OPENING) - (text in _CLOSING)
        if nested > MAX_NESTING:
            return [Token("broken", text)], len(template)
        tokens.append(Token(token.lastgroup, text))
        position = token.end()


def _defined(block: list[Token]) -> Iterator[str]:
    """Macros a template defines, which it may call."""
    if len(block) > 1 and block[0].text == "macro":
        yield block[1].text


def _built(blocks: list[list[Token]]) -> set[str]:
    """Variables that may hold text put together at run time, directly or through each other."""
    flows: list[tuple[set[str], set[str]]] = []
    built: set[str] = set()
    for block in blocks:
        if not block or block[0].text not in {"set", "for", "with"}:
            continue
        mark = "in" if block[0].text == "for" else "="
        cut = next((place for place, token in enumerate(block) if token.text == mark), len(block))
        targets, rest = _variables(block[1:cut]), block[cut:]
        if _builds(rest):
            built |= targets
        flows.append((targets, _variables(rest)))
    while grown := {name for targets, names in flows if names & built for name in targets} - built:
        built |= grown
    return built


def _builds(tokens: list[Token]) -> bool:
    """Whether an expression can put text together: with an operator or a filter, and text to do it with."""
    signs = {token.text for token in tokens if token.kind == "sign"}
    has_text = any(token.kind == "text" for token in tokens)
    return "~" in signs or (has_text and bool(signs & _BUILDS or _filters(tokens) & _BUILDING_FILTERS))


def _variables(tokens: list[Token]) -> set[str]:
    """Names of variables: of ``a.b`` the last, unless that is a method."""
    found: set[str] = set()
    for place, token in enumerate(tokens):
        following = [item.text for item in tokens[place + 1 : place + 3]]
        path = following[:1] == ["."] and len(following) == 2 and following[1] not in _METHODS
        if token.kind == "name" and token.text not in _WORDS and not path:
            found.add(token.text)
    return found


def _filters(block: list[Token]) -> set[str]:
    return {after.text for token, after in pairwise(block) if token.text == "|"}


def _block_dangers(block: list[Token], own: set[str], built: set[str]) -> Iterator[str]:
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
        elif token.text == "[" and _is_subscript(block, place):
            yield from _subscript_dangers(block, place, built)
        elif token.text == "(" and before in {")", "]"}:
            yield "a call of what a call or subscript returned"


def _text_dangers(text: str) -> Iterator[str]:
    if _UNDERSCORES.search(text[1:-1]):
        yield "text made of underscores"
    if _ESCAPE.search(text):
        yield "text with escapes"


def _name_dangers(name: str, before: str, after: str, own: set[str]) -> Iterator[str]:
    if name.startswith("_") or "__" in name or not name.isascii():
        yield f"the name {name}"
    elif before == "|":
        if name not in _FILTERS:
            yield f"the filter {name}"
    elif before == ".":
        if after == "(" and name not in _METHODS and name not in own:
            yield f"a call of .{name}"
    elif name in _GLOBALS:
        yield f"the name {name}"
    elif after == "(" and before != "is" and name not in _CALLS | _WORDS | own:
        yield f"a call of {name}"


def _is_subscript(block: list[Token], place: int) -> bool:
    before = block[place - 1] if place else Token("sign", "")
    return (
        before.text in {")", "]"}
        or before.kind == "text"
        or (before.kind == "name" and before.text not in _WORDS)
    )


def _subscript_dangers(block: list[Token], place: int, built: set[str]) -> Iterator[str]:
    """What stands between the brackets: nothing that makes text, and no variable that may hold made text."""
    depth, end = 0, place
    for end in range(place, len(block)):
        token = block[end]
        if token.kind == "sign":
            depth += (token.text in {"[", "("}) - (token.text in {"]", ")"})
        if depth == 0:
            break
    inside = block[place + 1 : end]
    if _builds(inside):
        yield "a subscript computed at run time"
    if made := _variables(inside) & built:
        yield f"a subscript computed at run time ({min(made)})"
