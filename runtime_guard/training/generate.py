"""Examples made from grammars: attacks and harm, and as many harmless texts that sound or look like them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pydoc_data.topics import topics
from typing import Final

from runtime_guard.training.example import Example
from runtime_guard.training.grammar import grammar
from runtime_guard.training.harms import COMPLIES, HARM, HARMS
from runtime_guard.training.layouts import among, placed
from runtime_guard.training.orders import ORDERS
from runtime_guard.training.recipe import FOREIGN, HERE, INJECTED, JAILBREAK, NONE, QUIET, Recipe

PREFIX: Final = "generated/"
RECIPES: Final = (
    Recipe("injection", "injection", "direct", INJECTED, 7000, ("user", "user", "user", "tool")),
    Recipe("injection in text", "injection", "direct", INJECTED, 6000, ("user", "tool"), among=True),
    Recipe("foreign injection", "injection_other", "attack", FOREIGN, 3000, ("user", "user", "tool")),
    Recipe("foreign injection in text", "injection_other", "attack", FOREIGN, 1000, ("tool",), among=True),
    Recipe("jailbreak", "jailbreak", "text", JAILBREAK, 3500),
    Recipe("harmless orders", "benign_orders", "text", NONE, 11000, ("user", "user", "user", "tool")),
    Recipe("harmless orders in text", "benign_orders", "text", NONE, 4000, ("user", "tool"), among=True),
    Recipe("harmless sentences in text", "benign_orders", "sentence", NONE, 4000, ("user", "tool"), among=True),
    Recipe("harmless sentences", "benign_orders", "sentence", NONE, 1500, ("user", "tool", "assistant")),
    Recipe("foreign harmless", "injection_other", "harmless", NONE, 3500, ("user", "user", "tool")),
    Recipe("foreign harmless in text", "injection_other", "harmless", NONE, 1000, ("tool",), among=True),
    Recipe("harm", "harm", "request", HARM, 1500),
    Recipe("harmless look-alikes", "benign_harm", "text", NONE, 3000, ("user", "user", "user", "tool")),
    Recipe("self-harm", "harm", "selfharm", {**QUIET, "self_harm": 1, "sexual": 0, "hate": 0}, 400),
    Recipe("violence", "harm", "violence", {**QUIET, "violence": 1, "sexual": 0, "self_harm": 0}, 500),
    Recipe("harassment", "harm", "harassment", {**QUIET, "harassment": 1, "sexual": 0, "self_harm": 0}, 500),
    Recipe("hate", "harm", "hate", {**QUIET, "hate": 1, "sexual": 0, "self_harm": 0}, 600),
    Recipe("sexual", "harm", "sexual", {**QUIET, "sexual": 1, "self_harm": 0, "violence": 0}, 500),
    Recipe("answers that comply", "harm", "complied", COMPLIES, 600, ("assistant",)),
    Recipe("answers that refuse", "harm", "refused", NONE, 400, ("assistant",)),
    Recipe("helpful answers", "benign_harm", "helpful", NONE, 1000, ("assistant",)),
    *HARMS,
    *ORDERS,
)  # fmt: skip

IN_PAPERS: Final = 0.3
"""Share of the documents around a text that have no place for it."""

PLACED: Final = frozenset(PREFIX + recipe.name for recipe in RECIPES if recipe.among)
"""Sources of generated text that stands among harmless texts of labelled sources."""

SUBTLE: Final = frozenset(PREFIX + recipe.name for recipe in RECIPES if recipe.subtle)
"""Sources of generated text that words do not tell apart."""


def generate(carriers: Sequence[str], seed: int, scale: float = 1.0) -> Iterator[Example]:
    """Generated examples, each text once.

    Args:
        carriers: harmless texts to put orders among; from sources that are not left out.
        seed: same seed and carriers, same examples.
        scale: share of each recipe's count.
    """
    for recipe in RECIPES:
        rng = random.Random(f"{seed} {recipe.name}")  # noqa: S311 - not for secrets
        seen: set[str] = set()
        for _ in range(int(recipe.count * scale)):
            text = _text(recipe, carriers, rng)
            if text.strip() and text not in seen:
                seen.add(text)
                yield Example(
                    text=text,
                    role=rng.choice(recipe.roles),
                    source=PREFIX + recipe.name,
                    known=recipe.known,
                    validation=rng.random() < 0.1,
                )


def technical_text() -> Iterator[Example]:
    """Paragraphs of the language reference that comes with Python: long, imperative, harmless."""
    for name, topic in sorted(topics.items()):
        for number, paragraph in enumerate(topic.split("\n\n")):
            if len(paragraph) > 60:
                known = dict(NONE)
                yield Example(
                    paragraph, "tool", f"{PREFIX}reference", known, 0.7, (len(name) + number) % 10 == 0
                )


def _text(recipe: Recipe, carriers: Sequence[str], rng: random.Random) -> str:
    made = grammar(recipe.grammar).make(recipe.rule, rng)
    if recipe.roles != ("assistant",):
        made = roughened(made, rng)
    if recipe.held:
        return _held(made, rng)
    if recipe.among:
        return placed(made, rng.sample(carriers, rng.choice([1, 1, 2, 3])), rng)
    return made


def _held(made: str, rng: random.Random) -> str:
    """A text in a document that has a place for it, or as a line of one that has none."""
    if rng.random() < IN_PAPERS:
        return among(made, grammar("papers").make("text", rng).split("\n"), rng, "\n")
    return grammar("holders").make("text", rng).replace(HERE, made)


def roughened(text: str, rng: random.Random) -> str:
    """As people write: first letters small, all capitals, slips of the finger, apostrophes lost, no final stop."""
    chance = rng.random()
    if chance < 0.2:
        text = text.lower()
    elif chance < 0.26:
        text = text.upper()
    elif chance < 0.6 and text:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.12 and len(text) > 20:
        at = rng.randrange(1, len(text) - 2)
        slips = (text[at + 1] + text[at], text[at] * 2 + text[at + 1], text[at + 1])
        text = text[:at] + rng.choice(slips) + text[at + 2 :]
    if rng.random() < 0.1:
        text = text.replace("'", rng.choice(("", "’")))
    return text.rstrip(".") if rng.random() < 0.25 else text
