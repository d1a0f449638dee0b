"""The ways in which models write surrogates, and in which encoding the value then comes back. A closed list."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus

from runtime_guard.tokens.entry import Entry

Encode = Callable[[str], str]

GAPS: Final = ("_", "\\_", " ", "-")
"""What may stand for the underscores of a name; ``\\_`` is Markdown's."""

LOOSE: Final = frozenset({"CREDIT_CARD", "IBAN_CODE", "PHONE_NUMBER", "UK_NHS", "US_ITIN", "US_SSN"})
"""Labels whose fakes are recognised whatever separates their digits."""

SEPARATORS: Final = " -.()/\u00a0\u2011"
"""What may separate the digits of such a fake."""


def plain(text: str) -> str:
    """The text itself."""
    return text


def in_json(text: str) -> str:
    """The text as it stands inside a JSON string (RFC 8259, section 7)."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def in_html(text: str) -> str:
    """The text as it stands in HTML."""
    return html.escape(text)


def in_percent(text: str) -> str:
    """The text as it stands in a part of a URL (RFC 3986, section 2.1)."""
    return quote(text, safe="")


@dataclass(frozen=True)
class Bracket:
    """What may stand around a name, and how a value is then encoded."""

    opens: str
    closes: str
    encode: Encode = plain


BRACKETS: Final = (
    Bracket("<", ">"),
    Bracket("\\<", "\\>"),
    Bracket("\\<", ">"),
    Bracket("&lt;", "&gt;", in_html),
    Bracket("&#60;", "&#62;", in_html),
    Bracket("\\u003c", "\\u003e", in_json),
    Bracket("%3c", "%3e", in_percent),
    Bracket("[", "]"),
    Bracket("\\[", "\\]"),
    Bracket("{{", "}}"),
    Bracket("{", "}"),
)


@dataclass(frozen=True)
class Form:
    """One way to write a surrogate.

    Attributes:
        entry: whose surrogate.
        text: the value, or the part of it that this form stands for.
        encode: how the text is written here.
        gap: for names, what stands for underscores.
        tight: letters next to a dot, an at sign or a dash beside it make it part of something else.
        lead: what the surrogate begins with before its first digit.
    """

    entry: Entry
    text: str
    encode: Encode = plain
    gap: str = "_"
    tight: bool = False
    lead: str = ""


def name_forms(entry: Entry) -> Iterator[tuple[str, Form]]:
    """What may stand between the brackets of a name."""
    core = entry.surrogate[1:-1]
    for gap in GAPS:
        yield core.replace("_", gap), Form(entry, entry.value, gap=gap)
    label, _, number = core.rpartition("_")
    yield label + number, Form(entry, entry.value, gap="")


def person_forms(entry: Entry) -> Iterator[tuple[str, Form]]:
    """A fake name, its words joined in one of several ways."""
    words = entry.surrogate.split()
    for joint, encode in (
        (" ", plain),
        ("\u00a0", plain),
        ("\n", plain),
        ("_", plain),
        ("-", plain),
        (".", plain),
    ):
        yield joint.join(words), Form(entry, entry.value, encode)
    yield "%20".join(words), Form(entry, entry.value, in_percent)
    yield "+".join(words), Form(entry, entry.value, quote_plus)


def part_forms(entry: Entry) -> Iterator[tuple[str, Form]]:
    """One word of a fake name of two, for the same end of the person's name."""
    words, real = entry.surrogate.split(), entry.value.split()
    if len(words) == 2 and len(real) > 1:
        yield words[0], Form(entry, real[0])
        yield words[1], Form(entry, real[-1])


def other_forms(entry: Entry) -> Iterator[tuple[str, Form]]:
    """Any other fake: as it is, and with its marks encoded."""
    text = entry.surrogate
    for written, encode in (
        (text, plain),
        (text.replace("@", "\\@"), plain),
        (text.replace("@", "&#64;"), in_html),
        (text.replace("@", "\\u0040"), in_json),
        (text.replace("/", "\\/"), in_json),
        (quote(text, safe=""), in_percent),
        (text.replace(":", "-") if entry.label == "MAC_ADDRESS" else text, plain),
    ):
        yield written, Form(entry, entry.value, encode, tight=True)


def loose_form(entry: Entry) -> tuple[str, Form]:
    """A fake number by its letters and digits alone."""
    symbols = "".join(char for char in entry.surrogate if char.isalnum())
    return symbols, Form(entry, entry.value, lead=entry.surrogate[0])
