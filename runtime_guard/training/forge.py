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
from tokenizers import Tokenizer

from runtime_guard.encoder.config import EncoderConfig
from runtime_guard.encoder.encoder import SentenceEncoder
from runtime_guard.encoder.guard import GuardEncoder
from runtime_guard.training.corpus import (
    FOLDS,
    corpus,
    held,
    holds_no_source,
    tagged_corpus,
    tagged_held,
    taught,
    thinned,
)
from runtime_guard.training.effort import Effort
from runtime_guard.training.encoder_files import encoder_files
from runtime_guard.training.example import Example
from runtime_guard.training.fit_encoder import Course, FittedEncoder, fit_encoder, untaught
from runtime_guard.training.fit_gate import FittedGate, fit_gate
from runtime_guard.training.reach import reached
from runtime_guard.training.samples import Sample, read_tagged, safety_samples, tag_samples
from runtime_guard.training.sources import read_sources
from runtime_guard.training.spans import SpanCounts, counted
from runtime_guard.training.tables import calibration
from runtime_guard.training.tagged import Tagged

MOST: Final = 400
"""Texts of one source that are judged."""

MOST_MADE: Final = 100
"""Texts of one recipe that are judged."""

FEWER: Final = 120
FEWER_MADE: Final = 30
"""Of these the encoders of the folds are calibrated on."""

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

    def make(self, gate: FittedGate, folds: Mapping[str, FittedGate]) -> tuple[Whole, Verdict]:
        """The encoder that ships, and every source as an encoder judges it that saw none of its rows.

        Args:
            gate: learned from everything.
            folds: gates that learned without the sources of a fold, by its name.
        """
        start = self.ground()
        if self.effort.jobs == 1:
            return self.whole(start, gate), _joined(self.fold(start, *item) for item in folds.items())
        threads = max(1, (os.cpu_count() or 1) // (self.effort.jobs + 1))
        packed = (start.packed(), start.bert.config)
        with ProcessPoolExecutor(
            self.effort.jobs, get_context("spawn"), torch.set_num_threads, (threads,)
        ) as pool:
            running = [pool.submit(_fold, self, *packed, *item) for item in folds.items()]
            return self.whole(start, gate), _joined(job.result() for job in running)

    def ground(self) -> FittedEncoder:
        """What every encoder begins with: it has seen generated text and no source, nor has the gate beside it."""
        examples = taught(corpus(self.data, self.seed))
        shown = thinned(examples, self.seed, self.effort.recipe)
        tagged = tagged_corpus(self.data, self.seed, self.effort.people)
        published = self._published()
        samples = _samples(
            [item for item in shown if holds_no_source(item)],
            [item for item in tagged if holds_no_source(item)],
            published.tokenizer,
            fit_gate([item for item in examples if holds_no_source(item)], self.seed),
        )
        start = untaught(published.bert, self.seed)
        fitted = self._fit(start, samples, Course(self.effort.ground, self.effort.pieces))
        self.tell("encoder: ground fitted")
        return fitted

    def whole(self, start: FittedEncoder, gate: FittedGate) -> Whole:
        """The encoder that learns from every source, judged on rows kept out of fitting."""
        examples = corpus(self.data, self.seed)
        fitted = self._gone_on(start, gate, examples, ())
        kept = thinned(held(examples), self.seed, MOST_MADE, MOST)
        encoder, logits = _calibrated(self.folder, fitted, kept)
        people = tagged_held(self.data, self.seed, self.effort.people)
        self.tell("encoder: fitted")
        return fitted, encoder, Verdict(kept, logits, spans_found(encoder, people))

    def fold(self, start: FittedEncoder, name: str, gate: FittedGate) -> Verdict:
        """The sources of one fold, judged by an encoder that learned from the others."""
        left_out = FOLDS[name]
        examples = corpus(self.data, self.seed, left_out)
        fitted = self._gone_on(start, gate, examples, left_out)
        encoder, _ = _calibrated(self.folder, fitted, thinned(held(examples), self.seed, FEWER_MADE, FEWER))
        strange = [item for item in read_sources(self.data) if item.source in left_out]
        strange = thinned(strange, self.seed, MOST_MADE, MOST)
        people = held(item for item in read_tagged(self.data) if item.source in left_out)
        found = Verdict(strange, judged(encoder, strange), spans_found(encoder, people))
        self.tell(f"encoder: fold {name} judged, {len(strange)} texts")
        return found

    def _published(self) -> SentenceEncoder:
        """The published model, whose tokenizer cuts nothing off."""
        published = SentenceEncoder.load(self.folder)
        published.tokenizer.no_truncation()
        return published

    def _gone_on(
        self, start: FittedEncoder, gate: FittedGate, examples: Sequence[Example], left_out: Sequence[str]
    ) -> FittedEncoder:
        """An encoder that goes on from the ground with sources, as it ships."""
        again = self.effort.again
        tagged = tagged_corpus(self.data, self.seed, self.effort.people, left_out)
        samples = _samples(
            recalled(thinned(taught(examples), self.seed, self.effort.recipe), again),
            recalled(tagged, again),
            self._published().tokenizer,
            gate,
        )
        fitted = self._fit(start, samples, Course(self.effort.sources, self.effort.pieces, PACE))
        reach = reached(fitted.bert, samples, self.seed)
        return replace(fitted, bert=replace(fitted.bert, reach=reach))

    def _fit(self, start: FittedEncoder, samples: Sequence[Sample], course: Course) -> FittedEncoder:
        self.tell(f"encoder: {len(samples)} windows")
        return fit_encoder(start, samples, self.seed, course, lambda line: self.tell(f"encoder: {line}"))


def _fold(forge: Forge, packed: bytes, config: EncoderConfig, name: str, gate: FittedGate) -> Verdict:
    """A fold in a process of its own."""
    return forge.fold(FittedEncoder.unpacked(packed, config), name, gate)


def _samples(
    examples: Sequence[Example], tagged: Sequence[Tagged], tokenizer: Tokenizer, gate: FittedGate
) -> list[Sample]:
    """Windows of texts; the gate says where in long ones the bad part is."""
    return [*safety_samples(examples, tokenizer, gate.badness), *tag_samples(tagged, tokenizer)]


def judged(encoder: GuardEncoder, examples: Sequence[Example]) -> Logits:
    """Calibrated logits of safety labels, (examples, labels)."""
    found = encoder.encode([item.text for item in examples], [item.role for item in examples])
    return np.stack([item.logits for item in found])


def spans_found(encoder: GuardEncoder, tagged: Sequence[Tagged]) -> dict[str, SpanCounts]:
    """Counts of spans per source."""
    found = encoder.encode([item.text for item in tagged], ["user"] * len(tagged))
    return counted(tagged, [[span[:3] for span in item.spans] for item in found])


def _calibrated(folder: Path, fitted: FittedEncoder, held: Sequence[Example]) -> tuple[GuardEncoder, Logits]:
    """The encoder as it ships, calibrated on texts kept out of fitting, and what it then says of them."""
    encoder = GuardEncoder.from_files(encoder_files(folder, fitted))
    logits = judged(encoder, held)
    slopes, offsets = calibration(held, logits)
    return replace(encoder, slopes=slopes, offsets=offsets), logits * slopes + offsets


def recalled(items: Sequence[_T], share: float) -> list[_T]:
    """All that the ground has not seen, and a share of what is like that which it has."""
    new = [item for item in items if not holds_no_source(item)]
    known = [item for item in items if holds_no_source(item)]
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
