"""How much the encoder learns from, and how often: what two cores do in an hour and a half, a GPU in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Effort:
    """What fitting encoders is allowed to cost.

    Attributes:
        recipe: texts of one recipe of generated text, at most.
        people: generated texts with personal data, and without.
        ground: passes over the generated texts, which every encoder begins with.
        sources: passes over the labelled sources that each encoder goes on with.
        again: share of the generated texts that is shown again beside the sources, so that it is not forgotten.
        pieces: word pieces of a batch, padding included.
        jobs: folds that are fitted at a time, each in a process.
    """

    recipe: int
    people: int
    ground: float
    sources: float
    again: float
    pieces: int
    jobs: int


EFFORTS: Final = {
    "cpu": Effort(recipe=300, people=16_000, ground=1, sources=1, again=1 / 6, pieces=6000, jobs=1),
    "gpu": Effort(recipe=1500, people=40_000, ground=2, sources=2, again=1 / 3, pieces=16_000, jobs=4),
}
