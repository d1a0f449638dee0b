"""What the cascade settles at a glance, and what that costs: for the encoder's card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime_guard.encoder.guard import GuardEncoder
from runtime_guard.encoder.plain import Plain
from runtime_guard.training.corpus import FOLDS, corpus, tagged_corpus, thinned
from runtime_guard.training.example import Example
from runtime_guard.training.generate import PREFIX
from runtime_guard.training.plain import Seen, learned
from runtime_guard.training.settle import LOSS, is_calm, is_settled
from runtime_guard.training.tagged import Place, Tagged

MOST: Final = 1200
"""Texts of one source that it is learned from which texts are plain."""

MOST_MADE: Final = 60
"""Texts of one recipe."""

LONGEST: Final = 1500
"""Characters of a text that is learned from."""

_TOGETHER: Final = 2000

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Settled:
    """Of harmless texts of one source, the shares that are in no doubt.

    Attributes:
        source: its name.
        texts: how many there are.
        safe: whose safety the gate settles.
        plain: in which nothing is to tag.
        both: of which the encoder is not asked.
    """

    source: str
    texts: int
    safe: float
    plain: float
    both: float


@dataclass(frozen=True)
class Glance:
    """What is settled at a glance.

    Attributes:
        settled: per source.
        lost: per source, the spans that the encoder rightly finds, and those of them in texts said to be plain.
    """

    settled: Sequence[Settled]
    lost: Mapping[str, tuple[int, int]]

    def markdown(self) -> str:
        """Both tables."""
        rows = "".join(
            f"| {row.source} | {row.texts} | {row.safe:.1%} | {row.plain:.1%} | {row.both:.1%} |\n"
            for row in self.settled
        )
        lost = "".join(f"| {source} | {found} | {gone} |\n" for source, (found, gone) in self.lost.items())
        return f"""Harmless texts of sources left out that are settled at a glance: their safety by the gate, which
costs at most {LOSS:.1%} of what is found of a label, and because they are plain, as learned without their rows:

| harmless source | texts | safety | plain | both |
|---|---|---|---|---|
{rows}
Personal data that the encoder finds rightly, and how much of it stands in texts that are said to be plain:

| source | spans | lost |
|---|---|---|
{lost}"""


def seen(data: Path, seed: int, people: int, encoder: GuardEncoder) -> list[Seen]:
    """Texts to learn from which are plain: real ones with what the encoder finds, made ones with what is in them."""
    taught = [item for item in corpus(data, seed) if not item.validation and len(item.text) <= LONGEST]
    some = thinned(taught, seed, MOST_MADE, MOST)
    found = _tagged(encoder, [item.text for item in some])
    read = [Seen(item.source, item.text, spans) for item, spans in zip(some, found, strict=True)]
    made = [
        Seen(item.source, item.text, item.spans)
        for item in tagged_corpus(data, seed, people)
        if item.source.startswith(PREFIX)
    ]
    return [*read, *made]


def vocabulary(encoder: GuardEncoder) -> Iterable[str]:
    """The word pieces that an encoder knows, parts of words among them."""
    return encoder.tokenizer.get_vocab()


def glance(
    texts: Sequence[Seen],
    strange: Sequence[Example],
    gate: Logits,
    encoder: GuardEncoder,
    held: Sequence[Tagged],
) -> Glance:
    """Judge what is settled.

    Args:
        texts: as :func:`seen`.
        strange: texts of sources left out.
        gate: its logits of them, per safety label.
        encoder: as it ships.
        held: texts with personal data, kept out of fitting.
    """
    without = {
        source: plain
        for left_out in FOLDS.values()
        for plain in [learned((item for item in texts if item.source not in left_out), vocabulary(encoder))]
        for source in left_out
    }
    lost: dict[str, tuple[int, int]] = {}
    for item, spans in zip(held, _tagged(encoder, [item.text for item in held]), strict=True):
        right = len(set(spans) & set(item.spans))
        found, gone = lost.get(item.source, (0, 0))
        lost[item.source] = found + right, gone + right * without[item.source].fits(item.text)
    return Glance(list(_settled(strange, gate, encoder, without)), dict(sorted(lost.items())))


def _settled(
    examples: Sequence[Example], gate: Logits, encoder: GuardEncoder, without: Mapping[str, Plain]
) -> Iterator[Settled]:
    rows: dict[str, list[tuple[bool, bool]]] = {}
    for item, logits in zip(examples, gate, strict=True):
        if is_calm(item):
            safe = is_settled(item, logits, encoder.clear, encoder.certain)
            rows.setdefault(item.source, []).append((safe, without[item.source].fits(item.text)))
    for source, found in sorted(rows.items()):
        safe, plain = np.array(found).T
        yield Settled(
            source, len(found), float(safe.mean()), float(plain.mean()), float((safe & plain).mean())
        )


def _tagged(encoder: GuardEncoder, texts: Sequence[str]) -> Iterator[list[Place]]:
    """What the encoder finds in texts."""
    for start in range(0, len(texts), _TOGETHER):
        some = texts[start : start + _TOGETHER]
        for found in encoder.encode(some, ["user"] * len(some)):
            yield [span[:3] for span in found.spans]
