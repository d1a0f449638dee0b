"""Recipes of harm: requests, posts and answers, each theme beside its nearest harmless neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from runtime_guard.training.recipe import CONTENT, JAILBREAK, NONE, QUIET, Recipe


def _zeros(*labels: str) -> dict[str, int]:
    return dict.fromkeys(labels, 0)


def _contrast(
    theme: str,
    rule: str,
    bad: Mapping[str, int],
    count: int,
    roles: tuple[str, ...] = ("user",),
    *,
    good: Mapping[str, int] = NONE,
) -> tuple[Recipe, Recipe]:
    """A theme's harmful texts, and as many of its harmless neighbours."""
    return (
        Recipe(f"{theme}, harmful", f"harm/{theme}", f"bad{rule}", bad, count, roles),
        Recipe(f"{theme}, harmless", f"harm/{theme}", f"good{rule}", good, count, roles),
    )


def _subtle(
    theme: str, rule: str, bad: Mapping[str, int], count: int, roles: tuple[str, ...] = ("user",)
) -> Iterator[Recipe]:
    """A theme whose two sides no words tell apart, but what they are said of."""
    return (replace(recipe, subtle=True) for recipe in _contrast(theme, rule, bad, count, roles))


HARM: Final = {**QUIET, "harmful_request": 1}
WRAPPED: Final = {"harmful_request": 1, "prompt_injection": 0, "harmful_response": 0}
"""Harm in a wrapping: whether this is a jailbreak is left open."""

COMPLIES: Final = {"harmful_response": 1}
_CALM: Final = {"harmful_request": 0, "harmful_response": 0, **CONTENT}
_POSTED: Final = {"prompt_injection": 0, "jailbreak": 0}
_HATEFUL: Final = _POSTED | _zeros("self_harm", "sexual") | {"hate": 1}
_VIOLENT: Final = _POSTED | _zeros("self_harm", "sexual") | {"violence": 1}
_HARASSING: Final = _POSTED | _zeros("hate", "self_harm") | {"harassment": 1}
_ANYONE: Final = ("user", "user", "user", "user", "tool", "assistant")

HARMS: Final = (
    *_contrast("weapons", "text", HARM | _zeros("self_harm", "sexual"), 800),
    *_contrast("drugs", "text", HARM | _zeros("hate"), 800),
    *_contrast("attacks", "text", HARM | _zeros("self_harm", "sexual") | {"violence": 1}, 900),
    *_contrast("spying", "text", HARM | _zeros("self_harm"), 800),
    *_contrast("fraud", "text", HARM | _zeros("self_harm", "hate", "violence"), 800),
    *_contrast("money", "text", HARM | _zeros("self_harm", "sexual"), 600),
    *_contrast("stealing", "text", HARM | _zeros("self_harm", "sexual"), 700),
    *_contrast("hacking", "text", HARM | _zeros("self_harm", "hate"), 800),
    *_contrast("bigotry", "text", HARM | _zeros("self_harm", "sexual") | {"hate": 1}, 900),
    *_contrast("bullying", "text", HARM | {"harassment": 1}, 700),
    *_contrast("lies", "text", HARM | _zeros("sexual"), 700),
    *_contrast("school", "text", HARM | _zeros("self_harm", "hate", "violence"), 600),
    *_contrast("health", "text", HARM | _zeros("hate", "sexual"), 600),
    *_contrast("exploit", "text", HARM | _zeros("self_harm"), 600),
    *_contrast("land", "text", HARM | _zeros("self_harm", "hate", "sexual"), 500),
    *_contrast("despair", "text", HARM | _zeros("hate", "sexual") | {"self_harm": 1}, 800),
    *_contrast("erotica", "text", QUIET | _zeros("self_harm", "hate") | {"sexual": 1}, 600),
    *_contrast("curious", "text", HARM, 600),
    *_contrast("plain", "text", HARM, 700),
    *_contrast("formal", "mix", HARM, 1500),
    *_contrast("letters", "text", HARM, 300),
    *_subtle("protective", "text", HARM, 2000),
    *_subtle("civic", "text", HARM, 2000),
    *_subtle("concerns", "text", HARM, 1000),
    *_contrast("crimes", "assaid", HARM, 1000),
    *_subtle("figurative", "mix", HARM | _zeros("self_harm", "sexual") | {"violence": 1}, 2500),
    *_subtle("homonyms", "mix", HARM | _zeros("self_harm", "hate"), 2200),
    *_subtle("targets", "mix", HARM | _zeros("self_harm", "hate", "sexual") | {"violence": 1}, 2500),
    *_subtle("nonsense", "mix", HARM | _zeros("self_harm", "sexual") | {"hate": 1}, 2200),
    *_subtle("dossiers", "mix", HARM | _zeros("self_harm", "hate", "sexual"), 2000),
    *_subtle("tellings", "mix", HARM, 1500),
    *_contrast("all", "insist", _zeros("harmful_response") | {"harmful_request": 1}, 1500, good=_CALM),
    *_subtle("tales", "text", WRAPPED, 2200),
    *_subtle("offices", "text", WRAPPED, 1800),
    *_subtle("commissions", "text", WRAPPED, 2200),
    *_subtle("lessons", "text", WRAPPED, 1800),
    *_subtle("realms", "text", WRAPPED, 1500),
    *_subtle("unbound", "text", JAILBREAK | {"harmful_request": 1}, 2200),
    *_contrast("hate", "text", _HATEFUL, 1800, _ANYONE),
    *_contrast("insults", "text", _POSTED | _zeros("hate") | {"harassment": 1}, 1600, _ANYONE),
    *_contrast("threats", "text", _VIOLENT, 1600, _ANYONE),
    *_subtle("sayings", "text", _VIOLENT, 1800, _ANYONE),
    *_contrast("selfharm", "text", _POSTED | _zeros("hate", "sexual") | {"self_harm": 1}, 1600, _ANYONE),
    *_contrast("sexual", "text", _POSTED | _zeros("hate", "self_harm") | {"sexual": 1}, 1600, _ANYONE),
    *_subtle("groups", "text", _HATEFUL, 2500, _ANYONE),
    *_subtle("calmhate", "text", _HATEFUL, 2000, _ANYONE),
    *_subtle("papers", "text", _HATEFUL, 2000, _ANYONE),
    *_subtle("ofgroups", "text", _HATEFUL, 2000, _ANYONE),
    *_subtle("jabs", "text", _HARASSING, 2000, _ANYONE),
    *_subtle("figures", "text", _VIOLENT, 2000, _ANYONE),
    *_subtle("leers", "text", _HARASSING, 1500, _ANYONE),
    *_subtle("urging", "text", _POSTED | _zeros("hate", "sexual") | {"self_harm": 1}, 1500, _ANYONE),
    Recipe("chatter", "harm/chatter", "goodtext", NONE, 1800, _ANYONE),
    *_contrast("answers_weapons", "text", COMPLIES, 400, ("assistant",)),
    *_contrast("answers_drugs", "text", COMPLIES, 400, ("assistant",)),
    *_contrast("answers_attacks", "text", COMPLIES, 400, ("assistant",)),
    *_contrast("answers_spying", "text", COMPLIES, 400, ("assistant",)),
    *_contrast("answers_money", "text", COMPLIES, 500, ("assistant",)),
    *_contrast("answers_stealing", "text", COMPLIES, 400, ("assistant",)),
    *_contrast("answers_hacking", "text", COMPLIES, 450, ("assistant",)),
    *_contrast("answers_lies", "text", COMPLIES, 450, ("assistant",)),
    *_contrast("answers_bullying", "text", COMPLIES, 350, ("assistant",)),
    *_contrast("answers_school", "text", COMPLIES, 300, ("assistant",)),
    *_contrast("answers_body", "text", COMPLIES, 450, ("assistant",)),
    *_contrast("answers_exploit", "text", COMPLIES, 300, ("assistant",)),
    *_contrast("answers_land", "text", COMPLIES, 200, ("assistant",)),
    Recipe("boasts of crime", "harm/crimes", "boast", COMPLIES, 600, ("assistant",)),
    Recipe("talk about crime", "harm/crimes", "talk", {"harmful_response": 0}, 600, ("assistant",)),
    Recipe("answers that inform", "harm/informed", "text", {"harmful_response": 0}, 800, ("assistant",)),
    Recipe("refusals", "harm/refusals", "text", NONE, 1500, ("assistant",)),
)  # fmt: skip
