"""Fit encoders and judge them: the one that ships, and one for each fold of sources that are left out.

All of them begin as one, the ground, which has learned from generated text alone and so from no source. From there each
goes on with the sources that are its own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from runtime_guard.encoder.encoder import SentenceEncoder
from runtime_guard.encoder.guard import GuardEncoder
from runtime_guard.training.corpus import FOLDS, corpus, grounded, tagged_corpus, tagged_held, thinned
from runtime_guard.training.effort import Effort
from runtime_guard.training.encoder_files import encoder_files
from runtime_guard.training.example import Example
from runtime_guard.training.fit_encoder import Course, FittedEncoder, fit_encoder, untaught
from runtime_guard.training.fit_gate import FittedGate
from runtime_guard.training.reach import reached
from runtime_guard.training.samples import read_tagged, safety_samples, tag_samples
from runtime_guard.training.sources import read_sources
from runtime_guard.training.spans import SpanCounts, counted
from runtime_guard.training.tables import calibration
from runtime_guard.training.tagged import Tagged

MOST: Final = 400
"""Texts of one source that are judged."""

MOST_MADE: Final = 100
"""Texts of one recipe that are judged."""

PACE: Final = 0.6
"""Of learning from sources, beside that of learning from generated text before."""

_T = TypeVar("_T", Example, Tagged)
Logits = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Verdict:
    """What an encoder made of texts that it did not learn from.

    Attributes:
        examples: the texts with safety labels.
        logits: calibrated, (texts, labels).
        spans: how it found personal data, per source.
    """

    examples: Sequence[Example]
    logits: Logits
    spans: dict[str, SpanCounts]


Whole = tuple[FittedEncoder, GuardEncoder, Verdict]
"""Weights, the encoder that they are when they ship, and what it makes of texts."""


@dataclass(frozen=True)
class Forge:
    """Makes encoders.

    Attributes:
        data: folder of labelled sources.
        folder: of the published model.
        seed: of everything drawn.
        effort: what it may cost.
        tell: told what was done.
    """

    data: Path
    folder: Path
    seed: int
    effort: Effort
    tell: Tell

    def make(
        self, ground: FittedGate, gate: FittedGate, folds: Mapping[str, FittedGate]
    ) -> tuple[Whole, Verdict]:
        """The encoder that ships, and every source as an encoder judges it that saw none of its rows.

        Args:
            ground: learned from generated text alone.
            gate: learned from everything.
            folds: gates that learned without the sources of a fold, by its name.
        """
        start = self.ground(ground)
        if self.effort.jobs == 1:
            return self.whole(start, gate), _joined(self.fold(start, *item) for item in folds.items())
        threads = max(1, (os.cpu_count() or 1) // (self.effort.jobs + 1))
        with ProcessPoolExecutor(
            self.effort.jobs, get_context("spawn"), torch.set_num_threads, (threads,)
        ) as pool:
            running = [pool.submit(self.fold, start, *item) for item in folds.items()]
            return self.whole(start, gate), _joined(job.result() for job in running)

    def ground(self, gate: FittedGate) -> FittedEncoder:
        """What every encoder begins with: it has seen generated text and no source."""
        examples, tagged = self._taught(())
        course = Course(self.effort.ground, self.effort.pieces)
        fitted = self._fit(
            untaught(self._published().bert, self.seed),
            [item for item in examples if grounded(item)],
            [item for item in tagged if grounded(item)],
            gate,
            course,
        )
        self.tell("encoder: ground fitted")
        return fitted

    def whole(self, start: FittedEncoder, gate: FittedGate) -> Whole:
        """The encoder that learns from every source, judged on rows kept out of fitting."""
        fitted, encoder, held = self._made(start, gate, ())
        people = tagged_held(self.data, self.seed, self.effort.people)
        self.tell("encoder: fitted")
        return fitted, encoder, Verdict(held, judged(encoder, held), spans_found(encoder, people))

    def fold(self, start: FittedEncoder, name: str, gate: FittedGate) -> Verdict:
        """The sources of one fold, judged by an encoder that learned from the others."""
        left_out = FOLDS[name]
        _, encoder, _ = self._made(start, gate, left_out)
        held = some([item for item in read_sources(self.data) if item.source in left_out], self.seed)
        people = [item for item in read_tagged(self.data) if item.validation and item.source in left_out]
        found = Verdict(held, judged(encoder, held), spans_found(encoder, people))
        self.tell(f"encoder: fold {name} judged, {len(held)} texts")
        return found

    def _made(
        self, start: FittedEncoder, gate: FittedGate, left_out: Sequence[str]
    ) -> tuple[FittedEncoder, GuardEncoder, list[Example]]:
        examples, tagged = self._taught(left_out)
        course = Course(self.effort.sources, self.effort.pieces, PACE)
        again = self.effort.again
        fitted = self._fit(start, _recalled(examples, again), _recalled(tagged, again), gate, course)
        held = some([item for item in corpus(self.data, self.seed, left_out) if item.validation], self.seed)
        return fitted, _judging(self.folder, fitted, held), held

    def _taught(self, left_out: Sequence[str]) -> tuple[list[Example], list[Tagged]]:
        examples = [item for item in corpus(self.data, self.seed, left_out) if not item.validation]
        tagged = tagged_corpus(self.data, self.seed, self.effort.people, left_out)
        return thinned(examples, self.seed, self.effort.recipe), tagged

    def _published(self) -> SentenceEncoder:
        published = SentenceEncoder.load(self.folder)
        published.tokenizer.no_truncation()
        return published

    def _fit(
        self,
        start: FittedEncoder,
        examples: Sequence[Example],
        tagged: Sequence[Tagged],
        gate: FittedGate,
        course: Course,
    ) -> FittedEncoder:
        """An encoder fitted to texts; the gate says where in long ones the bad part is."""
        tokenizer = self._published().tokenizer
        samples = [*safety_samples(examples, tokenizer, gate.badness), *tag_samples(tagged, tokenizer)]
        self.tell(f"encoder: {len(samples)} windows")
        fitted = fit_encoder(start, samples, self.seed, course, lambda line: self.tell(f"encoder: {line}"))
        reach = reached(fitted.bert, samples, self.seed)
        return replace(fitted, bert=replace(fitted.bert, reach=reach))


def judged(encoder: GuardEncoder, examples: Sequence[Example]) -> Logits:
    """Calibrated logits of safety labels, (examples, labels)."""
    found = encoder.encode([item.text for item in examples], [item.role for item in examples])
    return np.stack([item.logits for item in found])


def spans_found(encoder: GuardEncoder, tagged: Sequence[Tagged]) -> dict[str, SpanCounts]:
    """Counts of spans per source."""
    found = encoder.encode([item.text for item in tagged], ["user"] * len(tagged))
    return counted(tagged, [[span[:3] for span in item.spans] for item in found])


def some(examples: Sequence[Example], seed: int) -> list[Example]:
    """At most :data:`MOST` of each source and :data:`MOST_MADE` of each recipe."""
    return thinned(examples, seed, MOST_MADE, MOST)


def _judging(folder: Path, fitted: FittedEncoder, held: Sequence[Example]) -> GuardEncoder:
    """The encoder as it ships, calibrated on texts kept out of fitting."""
    encoder = GuardEncoder.from_files(encoder_files(folder, fitted))
    slopes, offsets = calibration(held, judged(encoder, held))
    return replace(encoder, slopes=slopes, offsets=offsets)


def _recalled(items: Sequence[_T], share: float) -> list[_T]:
    """All that the ground has not seen, and a share of what is like that which it has."""
    new = [item for item in items if not grounded(item)]
    known = [item for item in items if grounded(item)]
    return new + known[:: math.ceil(1 / share)]


def _joined(parts: Iterable[Verdict]) -> Verdict:
    kept: list[Example] = []
    logits: list[Logits] = []
    spans: dict[str, SpanCounts] = {}
    for part in parts:
        kept += part.examples
        logits.append(part.logits)
        spans |= part.spans
    return Verdict(kept, np.concatenate(logits), spans)
