"""Recipes of orders: injections, jailbreaks, attempts at secrets, and for each as much that is harmless and alike."""

from __future__ import annotations

from typing import Final

from runtime_guard.training.recipe import INJECTED, JAILBREAK, NONE, QUIET, Recipe

_MIXED: Final = ("user", "user", "user", "tool")
_EVEN: Final = ("user", "tool")
_APP: Final = ("user", "user", "user", "system")
_SENSITIVE: Final = {**QUIET, "harmful_request": 0}

PAIRS: Final[tuple[tuple[Recipe, Recipe], ...]] = (
    (
        Recipe("override", "override", "text", INJECTED, 4000, _MIXED),
        Recipe("calm orders", "calm_orders", "text", NONE, 4000, _MIXED),
    ),
    (
        Recipe("override in text", "override", "text", INJECTED, 1000, _EVEN, among=True),
        Recipe("calm orders in text", "calm_orders", "text", NONE, 1000, _EVEN, among=True),
    ),
    (
        Recipe("spoken attack", "spoken", "attack", INJECTED, 260, _MIXED),
        Recipe("spoken plainly", "spoken", "plain", NONE, 260, _MIXED),
    ),
    (
        Recipe("spoken attack in document", "spoken", "attack", INJECTED, 600, _EVEN, held=True),
        Recipe("spoken plainly in document", "spoken", "plain", NONE, 600, _EVEN, held=True),
    ),
    (
        Recipe("switch", "switch", "text", INJECTED, 2500),
        Recipe("turns", "turns", "text", NONE, 2500),
    ),
    (
        Recipe("extraction", "extraction", "text", INJECTED, 4000),
        Recipe("talk of secrets", "secrets_talk", "text", NONE, 4000),
    ),
    (
        Recipe("prying", "prying", "attack", INJECTED, 3500, _MIXED),
        Recipe("asked in good faith", "prying", "plain", NONE, 3500, _MIXED),
    ),
    (
        Recipe("bent task", "bent", "attack", INJECTED, 3000),
        Recipe("straight task", "bent", "plain", NONE, 3000),
    ),
    (
        Recipe("hidden order", "indirect", "text", INJECTED, 1500, _EVEN),
        Recipe("plain note", "embedded", "text", NONE, 1500, _EVEN),
    ),
    (
        Recipe("hidden order in document", "indirect", "text", INJECTED, 4000, _EVEN, held=True),
        Recipe("plain note in document", "embedded", "text", NONE, 4500, _EVEN, held=True),
    ),
    (
        Recipe("hidden order in text", "indirect", "text", INJECTED, 1500, _EVEN, among=True),
        Recipe("plain note in text", "embedded", "text", NONE, 1500, _EVEN, among=True),
    ),
    (
        Recipe("persona", "jailbreak_persona", "text", JAILBREAK, 2500),
        Recipe("harmless persona", "personas", "text", NONE, 3000, _APP),
    ),
    (
        Recipe("forbidden fiction", "jailbreak_fiction", "text", JAILBREAK, 2000),
        Recipe("harmless framing", "elaborate", "text", _SENSITIVE, 2500),
    ),
    (
        Recipe("long jailbreak", "jailbreak_long", "text", JAILBREAK, 2000),
        Recipe("long harmless persona", "personas_long", "text", NONE, 2000, _APP),
    ),
    (
        Recipe("attack in other language", "languages", "attack", INJECTED, 4500, _MIXED),
        Recipe("harmless in other language", "languages", "harmless", NONE, 5000, _MIXED),
    ),
    (
        Recipe("persona in other language", "languages", "persona", INJECTED | JAILBREAK, 900),
        Recipe("harmless persona in other language", "languages", "role", NONE, 900),
    ),
    (
        Recipe("attack in two languages", "languages", "mixedattack", INJECTED, 1200, _MIXED),
        Recipe("harmless in two languages", "languages", "mixedharmless", NONE, 1200, _MIXED),
    ),
    (
        Recipe("trigger words, attack", "trigger_orders", "attack", INJECTED, 2500, _MIXED, subtle=True),
        Recipe("trigger words, plain", "trigger_talk", "plain", NONE, 2500, _MIXED, subtle=True),
    ),
    (
        Recipe("foreign order in document", "languages", "attack", INJECTED, 1200, _EVEN, held=True),
        Recipe("foreign note in document", "languages", "harmless", NONE, 1200, _EVEN, held=True),
    ),
)
"""Attacks beside what is harmless in the same words and layouts."""

EVERYDAY: Final = (
    Recipe("innocent words", "innocent_words", "text", NONE, 3500, _MIXED),
    Recipe("innocent words in text", "innocent_words", "text", NONE, 1000, _EVEN, among=True),
    Recipe("everyday", "everyday", "asked", NONE, 2500),
    Recipe("short messages", "short", "text", NONE, 2000),
    Recipe("tasks on a text", "tasks", "text", NONE, 2500),
    Recipe("technical work", "techwork", "text", NONE, 3000),
    Recipe("papers", "papers", "text", NONE, 5000, ("tool", "tool", "user")),
    Recipe("contracts and letters", "legal", "text", NONE, 2000, _EVEN),
    Recipe("requests", "requests", "text", NONE, 2500),
    Recipe("exercises", "exercises", "text", NONE, 3000),
    Recipe("settings", "settings", "text", NONE, 1500, _EVEN),
    Recipe("defence", "defence", "text", NONE, 2000),
    Recipe("characters", "characters", "text", NONE, 3000),
)
"""What stands around attacks, and mostly stands alone."""

ORDERS: Final = (*(recipe for pair in PAIRS for recipe in pair), *EVERYDAY)
