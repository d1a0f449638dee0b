"""How much the encoder learns from, and how often: what two cores do in an hour and a half, a GPU in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Effort:
    """What fitting the encoder is allowed to cost.

    Attributes:
        recipe: texts of one recipe of generated text, at most.
        people: generated texts with personal data, and without.
        share: of the corpus that the encoders of the folds learn from.
        epochs: passes over the samples.
        pieces: word pieces of a batch, padding included.
        jobs: folds that are fitted at a time, each in a process.
    """

    recipe: int
    people: int
    share: float
    epochs: float
    pieces: int
    jobs: int


EFFORTS: Final = {
    "cpu": Effort(recipe=300, people=16_000, share=0.2, epochs=1.5, pieces=6000, jobs=1),
    "gpu": Effort(recipe=1500, people=40_000, share=1.0, epochs=3, pieces=16_000, jobs=4),
}
