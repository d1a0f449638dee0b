"""What a kind of generated text is: its grammar, what is known about it, how many, and where it is put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runtime_guard.readers.interface import SAFETY_LABELS

NONE: Final = dict.fromkeys(SAFETY_LABELS, 0)
"""Known to be harmless in every way."""

CONTENT: Final = {"hate": 0, "harassment": 0, "violence": 0, "self_harm": 0, "sexual": 0}
QUIET: Final = {"prompt_injection": 0, "jailbreak": 0, "harmful_response": 0}
INJECTED: Final = {"prompt_injection": 1, "harmful_response": 0, **CONTENT}
FOREIGN: Final = INJECTED | {"jailbreak": 0}
"""An injection that plays nobody."""

JAILBREAK: Final = {"jailbreak": 1, "harmful_response": 0}

HERE: Final = "<here>"
"""Where a text stands in a document of ``grammars/holders.yaml``."""


@dataclass(frozen=True)
class Recipe:
    """One kind of generated text.

    Attributes:
        name: of the source, after the prefix of generated sources.
        grammar, rule: where the text comes from.
        known: what is known about it.
        count: how many.
        roles: who may have written it.
        among: put among carriers, in a layout.
        held: put in a document of ``grammars/holders.yaml`` or ``grammars/papers.yaml``.
        subtle: what it is shows in what the words are said of, not in the words: it counts less for the gate.
    """

    name: str
    grammar: str
    rule: str
    known: Mapping[str, int]
    count: int
    roles: tuple[str, ...] = ("user",)
    among: bool = False
    held: bool = False
    subtle: bool = False
