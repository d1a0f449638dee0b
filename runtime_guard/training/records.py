"""Records as machines and clerks write them: JSON, YAML, XML, CSV, tables, forms, SQL; with slots for values.

The same layouts take records without personal data, so that a layout says nothing about what stands in it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from runtime_guard.training.grammar import Grammar
from runtime_guard.training.lists import read

Field = tuple[str, str]
"""Key and template of the value."""

Layout = Callable[[Sequence[str], Sequence[Sequence[str]], random.Random], str]
"""From keys and rows of values to a template."""

_OPEN, _CLOSE = "⦃", "⦄"
_MOST_FIELDS: Final = 7
_HEADINGS: Final = (
    "Personal details", "Customer record", "Export", "Result", "Details", "Stammdaten", "Order form", "Data sheet",
    "REGISTRATION FORM", "Summary", "Intake form", "Query result", "Attachment", "", "", "",
)  # fmt: skip


def record(rng: random.Random, *, personal: bool) -> str:
    """A template of one or a few records.

    Args:
        rng: of every choice.
        personal: whether there is personal data in it.
    """
    fields = _fields(rng, personal=personal)
    rows = [[_chosen(template, rng) for _, template in fields] for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    return rng.choice(_LAYOUTS)([key for key, _ in fields], rows, rng)


def _fields(rng: random.Random, *, personal: bool) -> list[Field]:
    kinds = read("records")
    size = rng.randrange(2, _MOST_FIELDS)
    own = rng.randrange(1, size + 1) if personal else 0
    chosen = [*rng.sample(kinds["data"], own), *rng.sample(kinds["plain"], size - own)]
    rng.shuffle(chosen)
    return [
        (rng.choice(keys.split("|")), template) for keys, template in (line.split(" = ") for line in chosen)
    ]


def _chosen(template: str, rng: random.Random) -> str:
    return Grammar({"value": [template]}).make("value", rng)


def _json(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    gap, end = rng.choice(((", ", ""), (",", ""), (",\n⇥", "\n")))
    start = "\n⇥" if end else ""
    made = [
        _OPEN
        + start
        + gap.join(f'"{key}": "{value}"' for key, value in zip(keys, row, strict=True))
        + end
        + _CLOSE
        for row in rows
    ]
    if len(made) == 1:
        return rng.choice((made[0], f'{_OPEN}"data": {made[0]}{_CLOSE}', f"[{made[0]}]"))
    return rng.choice(("\n".join(made), "[" + ",\n".join(made) + "]"))


def _yaml(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    quote = rng.choice(("", "", '"', "'"))
    return "\n".join(
        "- " + "\n⇥".join(f"{key}: {quote}{value}{quote}" for key, value in zip(keys, row, strict=True))
        for row in rows
    )


def _xml(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    name = rng.choice(("row", "record", "person", "item", "entry"))
    tags = [key.replace(" ", "_").strip("().") for key in keys]
    return "\n".join(
        f"<{name}>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, row, strict=True))
        + f"</{name}>"
        for row in rows
    )


def _csv(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    gap = rng.choice((",", ",", ", ", ";", "\t", " | ", "|"))
    quote = rng.choice(("", "", '"'))
    lines = [gap.join(f"{quote}{value}{quote}" for value in row) for row in rows]
    return "\n".join(lines if rng.random() < 0.3 else [gap.join(keys), *lines])


def _form(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    gap = rng.choice((": ", ": ", ":\t", ":\n", " : ", " - ", "........ ", " = "))
    end = rng.choice(("\n", "\n", "\n", "; ", " | ", ", ", "\n\n"))
    heading = rng.choice(_HEADINGS)
    body = "\n\n".join(
        end.join(f"{key}{gap}{value}" for key, value in zip(keys, row, strict=True)) for row in rows
    )
    return f"{heading}\n{body}" if heading else body


def _table(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    if rng.random() < 0.5:
        rule = "|".join("---" for _ in keys)
        return "\n".join(
            [f"| {' | '.join(keys)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]
        )
    lines = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{key}</th>' for key in keys)}</tr>{lines}</table>"


def _sql(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    table = rng.choice(("users", "customers", "staff", "items", "log", "orders"))
    columns = ", ".join(key.replace(" ", "_") for key in keys)
    values = ", ".join("(" + ", ".join(f"'{value}'" for value in row) + ")" for row in rows)
    return f"INSERT INTO {table} ({columns}) VALUES {values};"  # noqa: S608 - never run


def _pairs(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    quote = rng.choice(('"', '"', "'", ""))
    start = rng.choice(("", "", "INFO ", "level=info ", "event: ", "UPDATE SET "))
    return "\n".join(
        start + " ".join(f"{key}={quote}{value}{quote}" for key, value in zip(keys, row, strict=True))
        for row in rows
    )


def _python(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    name = rng.choice(("data", "row", "user", "config", "payload"))
    made = [
        _OPEN + ", ".join(f"'{key}': '{value}'" for key, value in zip(keys, row, strict=True)) + _CLOSE
        for row in rows
    ]
    return "\n".join(f"{name} = {one}" for one in made)


def _sentence(keys: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    opening = rng.choice(("", "Record shows ", "The form says: ", "On file: ", "Scanned: "))
    gap = rng.choice((". ", ", ", "; ", " / "))
    return ". ".join(
        opening + gap.join(f"{key} {value}" for key, value in zip(keys, row, strict=True)) for row in rows
    )


_LAYOUTS: Final[tuple[Layout, ...]] = (
    _json, _json, _yaml, _xml, _csv, _csv, _form, _form, _form, _table, _table, _sql, _pairs, _python, _sentence,
)  # fmt: skip
