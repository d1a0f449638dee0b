"""Where an order may stand: alone, around a task, in a document, a page, a mail, code, a tool's answer.

The same layouts take harmless sentences, so that a layout says nothing about what stands in it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Final

_SUBJECTS: Final = (
    "Minutes", "Invoice 2291", "Re: your order", "Travel plan", "Weekly report", "Question about the offer",
    "Your application", "Lunch?", "Server maintenance", "Feedback", "Contract draft", "Welcome aboard",
)  # fmt: skip
_NAMES: Final = (
    "Anna",
    "J. Miller",
    "Support",
    "Chen Wei",
    "HR Team",
    "Olivia Brown",
    "Tom",
    "billing",
    "Dr. Ruiz",
)
_TASKS: Final = (
    "Summarize the following document:", "Summarize this web page:", "Translate the text below into German:",
    "What are the main points of this article?", "Answer the question using the document.", "Review this code:",
    "Write a reply to this email:", "Rate this resume from 1 to 10:", "Extract all dates:", "Is this review positive?",
    "Given this document:", "Explain this to a beginner:", "Fix the grammar:", "Classify this ticket:",
)  # fmt: skip
_QUESTIONS: Final = (
    "\n\nAnswer the following question: When does it start?", "\nQ: Who wrote this?", "\n\nSummary:",
    "\n\nTranslation:", "\n\nThank you!", "", "", "",
)  # fmt: skip

Layout = Callable[[str, Sequence[str], random.Random], str]


def placed(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    """A text in which ``order`` stands among a few carriers, in some layout."""
    return rng.choice(_LAYOUTS)(order, carriers, rng)


def among(order: str, carriers: Sequence[str], rng: random.Random, gap: str = " ") -> str:
    """Carriers with the order before, after or between them."""
    parts = [carrier[:700] for carrier in carriers]
    parts.insert(rng.randrange(len(parts) + 1), order)
    return gap.join(parts)


def _plain(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    return among(order, carriers, rng, rng.choice([" ", "\n", "\n\n", ". "]))


def _task(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    opening, closing = rng.choice(
        [("", ""), ('"', '"'), ("<data>\n", "\n</data>"), ("```\n", "\n```"), ("---\n", "\n---"), ("'", "'"),
         ("<document>", "</document>"), ("[TEXT] ", " [/TEXT]")]
    )  # fmt: skip
    body = among(order, carriers, rng, rng.choice([" ", "\n"]))
    return f"{rng.choice(_TASKS)}\n\n{opening}{body}{closing}{rng.choice(_QUESTIONS)}"


def _mail(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    head = f"From: {rng.choice(_NAMES)}\nSubject: {rng.choice(_SUBJECTS)}\n\nHi {rng.choice(_NAMES)},\n"
    foot = f"{rng.choice(['Best', 'Regards', 'Cheers'])}, {rng.choice(_NAMES)}"
    return f"{head}{among(order, carriers, rng, chr(10))}\n{foot}"


def _page(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    hidden = rng.choice(
        ["<!-- {} -->", '<div style="display:none">{}</div>', '<span style="color:white;font-size:0">{}</span>',
         '<p>{}</p>', '<img src="a.png" alt="{}">', "<title>{}</title>", '<meta name="description" content="{}">',
         "<li>{}</li>", "<noscript>{}</noscript>", "<caption>{}</caption>"]
    )  # fmt: skip
    body = among(hidden.replace("{}", order), [f"<p>{carrier[:500]}</p>" for carrier in carriers], rng, "\n")
    return f"<html><body>{body}</body></html>"


def _code(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    comment = rng.choice(["# {}", "// {}", "/* {} */", '"""{}"""', "-- {}", "; {}", "<# {} #>", "# TODO: {}"])
    code = rng.choice(
        ["def area(r):\n    {}\n    return 3.14 * r * r", "{}\nimport os\nprint(os.getcwd())",
         "function add(a, b) {\n  {}\n  return a + b;\n}", "SELECT name FROM users {}\nWHERE id = 7;",
         "class Order:\n    {}\n    total = 0", "for i in range(3):\n    print(i)  {}",
         "int main() {\n  {}\n  return 0;\n}"]
    )  # fmt: skip
    return code.replace("{}", comment.replace("{}", order)) + (
        "\n" + carriers[0][:200] if rng.random() < 0.2 else ""
    )


def _tool(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    key = rng.choice(["content", "description", "body", "result", "notes", "comment", "title", "summary"])
    value = among(order, carriers, rng)
    record: dict[str, object] = {
        "status": rng.choice(["ok", 200, "success"]),
        key: value,
        "id": rng.randrange(9999),
    }
    return json.dumps(
        record if rng.random() < 0.7 else [record],
        ensure_ascii=rng.random() < 0.3,
        indent=rng.choice([None, 2]),
    )


def _record(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    fields = [
        f"HEADLINE: {rng.choice(_SUBJECTS)}",
        f"AUTHOR: {rng.choice(_NAMES)}",
        f"CONTENT: {among(order, carriers, rng, chr(10))}",
    ]
    return rng.choice(["|", "\n", " | "]).join(fields)


def _chat(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    turns = [f"{rng.choice(_NAMES)}: {carrier[:300]}" for carrier in carriers]
    turns.insert(rng.randrange(len(turns) + 1), f"{rng.choice(_NAMES)}: {order}")
    return "\n".join(turns)


def _list(order: str, carriers: Sequence[str], rng: random.Random) -> str:
    items = [carrier[:200] for carrier in carriers]
    items.insert(rng.randrange(len(items) + 1), order)
    mark = rng.choice(["- ", "* ", "1. ", "• "])
    return f"# {rng.choice(_SUBJECTS)}\n" + "\n".join(mark + item for item in items)


_LAYOUTS: Final[tuple[Layout, ...]] = (
    _plain, _plain, _plain, _task, _task, _mail, _page, _code, _tool, _record, _chat, _list,
)  # fmt: skip
