"""Examples made from grammars: attacks and harm, and as many harmless texts that sound or look like them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pydoc_data.topics import topics
from typing import Final

from runtime_guard.judge import SAFETY_LABELS
from runtime_guard.training.example import Example
from runtime_guard.training.grammar import grammar
from runtime_guard.training.layouts import placed

PREFIX: Final = "generated/"
_NONE: Final = dict.fromkeys(SAFETY_LABELS, 0)
_CONTENT: Final = {"hate": 0, "harassment": 0, "violence": 0, "self_harm": 0, "sexual": 0}
_QUIET: Final = {"prompt_injection": 0, "jailbreak": 0, "harmful_response": 0}


@dataclass(frozen=True)
class Recipe:
    """One kind of generated text.

    Attributes:
        name: of the source, after :data:`PREFIX`.
        grammar, rule: where the text comes from.
        known: what is known about it.
        count: how many.
        roles: who may have written it.
        among: put among carriers, in a layout.
    """

    name: str
    grammar: str
    rule: str
    known: Mapping[str, int]
    count: int
    roles: tuple[str, ...] = ("user",)
    among: bool = False


def _zeros(*labels: str) -> dict[str, int]:
    return dict.fromkeys(labels, 0)


def _contrast(
    theme: str,
    rule: str,
    bad: Mapping[str, int],
    count: int,
    roles: tuple[str, ...] = ("user",),
    *,
    good: Mapping[str, int] = _NONE,
) -> tuple[Recipe, Recipe]:
    """A theme's harmful texts, and as many of its harmless neighbours."""
    return (
        Recipe(f"{theme}, harmful", f"harm/{theme}", f"bad{rule}", bad, count, roles),
        Recipe(f"{theme}, harmless", f"harm/{theme}", f"good{rule}", good, count, roles),
    )


_INJECTED: Final = {"prompt_injection": 1, "harmful_response": 0, **_CONTENT}
_FOREIGN: Final = _INJECTED | {"jailbreak": 0}
_HARM: Final = {**_QUIET, "harmful_request": 1}
_CALM: Final = {"harmful_request": 0, "harmful_response": 0, **_CONTENT}
_COMPLIES: Final = {"harmful_response": 1}
_POSTED: Final = {"prompt_injection": 0, "jailbreak": 0}
_ANYONE: Final = ("user", "user", "user", "user", "tool", "assistant")
RECIPES: Final = (
    Recipe("injection", "injection", "direct", _INJECTED, 7000, ("user", "user", "user", "tool")),
    Recipe("injection in text", "injection", "direct", _INJECTED, 6000, ("user", "tool"), among=True),
    Recipe("foreign injection", "injection_other", "attack", _FOREIGN, 3000, ("user", "user", "tool")),
    Recipe("foreign injection in text", "injection_other", "attack", _FOREIGN, 1000, ("tool",), among=True),
    Recipe("jailbreak", "jailbreak", "text", {"jailbreak": 1, "harmful_response": 0}, 3500),
    Recipe("harmless orders", "benign_orders", "text", _NONE, 11000, ("user", "user", "user", "tool")),
    Recipe("harmless orders in text", "benign_orders", "text", _NONE, 4000, ("user", "tool"), among=True),
    Recipe("harmless sentences in text", "benign_orders", "sentence", _NONE, 4000, ("user", "tool"), among=True),
    Recipe("harmless sentences", "benign_orders", "sentence", _NONE, 1500, ("user", "tool", "assistant")),
    Recipe("foreign harmless", "injection_other", "harmless", _NONE, 3500, ("user", "user", "tool")),
    Recipe("foreign harmless in text", "injection_other", "harmless", _NONE, 1000, ("tool",), among=True),
    Recipe("harm", "harm", "request", _HARM, 1500),
    Recipe("harmless look-alikes", "benign_harm", "text", _NONE, 3000, ("user", "user", "user", "tool")),
    Recipe("self-harm", "harm", "selfharm", {**_QUIET, "self_harm": 1, "sexual": 0, "hate": 0}, 400),
    Recipe("violence", "harm", "violence", {**_QUIET, "violence": 1, "sexual": 0, "self_harm": 0}, 500),
    Recipe("harassment", "harm", "harassment", {**_QUIET, "harassment": 1, "sexual": 0, "self_harm": 0}, 500),
    Recipe("hate", "harm", "hate", {**_QUIET, "hate": 1, "sexual": 0, "self_harm": 0}, 600),
    Recipe("sexual", "harm", "sexual", {**_QUIET, "sexual": 1, "self_harm": 0, "violence": 0}, 500),
    Recipe("answers that comply", "harm", "complied", _COMPLIES, 600, ("assistant",)),
    Recipe("answers that refuse", "harm", "refused", _NONE, 400, ("assistant",)),
    Recipe("helpful answers", "benign_harm", "helpful", _NONE, 1000, ("assistant",)),
    *_contrast("weapons", "text", _HARM | _zeros("self_harm", "sexual"), 800),
    *_contrast("drugs", "text", _HARM | _zeros("hate"), 800),
    *_contrast("attacks", "text", _HARM | _zeros("self_harm", "sexual") | {"violence": 1}, 900),
    *_contrast("spying", "text", _HARM | _zeros("self_harm"), 800),
    *_contrast("fraud", "text", _HARM | _zeros("self_harm", "hate", "violence"), 800),
    *_contrast("money", "text", _HARM | _zeros("self_harm", "sexual"), 600),
    *_contrast("stealing", "text", _HARM | _zeros("self_harm", "sexual"), 700),
    *_contrast("hacking", "text", _HARM | _zeros("self_harm", "hate"), 800),
    *_contrast("bigotry", "text", _HARM | _zeros("self_harm", "sexual") | {"hate": 1}, 900),
    *_contrast("bullying", "text", _HARM | {"harassment": 1}, 700),
    *_contrast("lies", "text", _HARM | _zeros("sexual"), 700),
    *_contrast("school", "text", _HARM | _zeros("self_harm", "hate", "violence"), 600),
    *_contrast("health", "text", _HARM | _zeros("hate", "sexual"), 600),
    *_contrast("exploit", "text", _HARM | _zeros("self_harm"), 600),
    *_contrast("land", "text", _HARM | _zeros("self_harm", "hate", "sexual"), 500),
    *_contrast("despair", "text", _HARM | _zeros("hate", "sexual") | {"self_harm": 1}, 800),
    *_contrast("erotica", "text", _QUIET | _zeros("self_harm", "hate") | {"sexual": 1}, 600),
    *_contrast("curious", "text", _HARM, 600),
    *_contrast("plain", "text", _HARM, 700),
    *_contrast("formal", "mix", _HARM, 1500),
    *_contrast("letters", "text", _HARM, 300),
    *_contrast("crimes", "assaid", _HARM, 1000),
    *_contrast("all", "insist", _zeros("harmful_response") | {"harmful_request": 1}, 1500, good=_CALM),
    *_contrast("hate", "text", _POSTED | _zeros("self_harm", "sexual") | {"hate": 1}, 1800, _ANYONE),
    *_contrast("insults", "text", _POSTED | _zeros("hate") | {"harassment": 1}, 1600, _ANYONE),
    *_contrast("threats", "text", _POSTED | _zeros("self_harm", "sexual") | {"violence": 1}, 1600, _ANYONE),
    *_contrast("selfharm", "text", _POSTED | _zeros("hate", "sexual") | {"self_harm": 1}, 1600, _ANYONE),
    *_contrast("sexual", "text", _POSTED | _zeros("hate", "self_harm") | {"sexual": 1}, 1600, _ANYONE),
    Recipe("chatter", "harm/chatter", "goodtext", _NONE, 1800, _ANYONE),
    *_contrast("answers_weapons", "text", _COMPLIES, 400, ("assistant",)),
    *_contrast("answers_drugs", "text", _COMPLIES, 400, ("assistant",)),
    *_contrast("answers_attacks", "text", _COMPLIES, 400, ("assistant",)),
    *_contrast("answers_spying", "text", _COMPLIES, 400, ("assistant",)),
    *_contrast("answers_money", "text", _COMPLIES, 500, ("assistant",)),
    *_contrast("answers_stealing", "text", _COMPLIES, 400, ("assistant",)),
    *_contrast("answers_hacking", "text", _COMPLIES, 450, ("assistant",)),
    *_contrast("answers_lies", "text", _COMPLIES, 450, ("assistant",)),
    *_contrast("answers_bullying", "text", _COMPLIES, 350, ("assistant",)),
    *_contrast("answers_school", "text", _COMPLIES, 300, ("assistant",)),
    *_contrast("answers_body", "text", _COMPLIES, 450, ("assistant",)),
    *_contrast("answers_exploit", "text", _COMPLIES, 300, ("assistant",)),
    *_contrast("answers_land", "text", _COMPLIES, 200, ("assistant",)),
    Recipe("boasts of crime", "harm/crimes", "boast", _COMPLIES, 600, ("assistant",)),
    Recipe("talk about crime", "harm/crimes", "talk", {"harmful_response": 0}, 600, ("assistant",)),
    Recipe("answers that inform", "harm/informed", "text", {"harmful_response": 0}, 800, ("assistant",)),
    Recipe("refusals", "harm/refusals", "text", _NONE, 1500, ("assistant",)),
)  # fmt: skip


def generate(carriers: Sequence[str], seed: int, scale: float = 1.0) -> Iterator[Example]:
    """Generated examples, each text once.

    Args:
        carriers: harmless texts to put orders among; from sources that are not left out.
        seed: same seed and carriers, same examples.
        scale: share of each recipe's count.
    """
    for number, recipe in enumerate(RECIPES):
        rng = random.Random(seed * 1000 + number)  # noqa: S311 - not for secrets
        seen: set[str] = set()
        for _ in range(int(recipe.count * scale)):
            text = _text(recipe, carriers, rng)
            if text not in seen:
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
                known = dict(_NONE)
                yield Example(
                    paragraph, "tool", f"{PREFIX}reference", known, 0.7, (len(name) + number) % 10 == 0
                )


def _text(recipe: Recipe, carriers: Sequence[str], rng: random.Random) -> str:
    made = grammar(recipe.grammar).make(recipe.rule, rng)
    if recipe.roles != ("assistant",):
        made = roughened(made, rng)
    if not recipe.among:
        return made
    return placed(made, rng.sample(carriers, rng.choice([1, 1, 2, 3])), rng)


def roughened(text: str, rng: random.Random) -> str:
    """As people write: first letters small, all capitals, slips of the finger, no final stop."""
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
    return text.rstrip(".") if rng.random() < 0.25 else text
