"""The encoder's model card: alone, beside the gate, and both together, on sources and on rows left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime_guard.choices import Rate
from runtime_guard.encoder.pieces import LENGTH
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.bounds import flagged_share
from runtime_guard.training.example import Example
from runtime_guard.training.glance import Glance
from runtime_guard.training.mix import mixed
from runtime_guard.training.spans import SpanCounts, markdown_spans
from runtime_guard.training.tables import (
    Judged,
    found,
    markdown_beside,
    markdown_shares_beside,
)

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Both:
    """What both models made of texts that they did not learn from.

    Attributes:
        examples: the texts with safety labels.
        gate, encoder: calibrated logits of safety labels, (texts, labels).
        spans: how the encoder found personal data, per source.
    """

    examples: Sequence[Example]
    gate: Logits
    encoder: Logits
    spans: Mapping[str, SpanCounts]

    def mixed(self, mix: Logits) -> Judged:
        """Judged by both together."""
        return Judged(self.examples, mixed(mix, self.gate, self.encoder))


def encoder_card(
    own: Both,
    strange: Both,
    mix: Logits,
    *,
    bounds: Mapping[Rate, Mapping[str, float]],
    settled: Glance,
) -> str:
    """The card, Markdown.

    Args:
        own: rows kept out of fitting, of sources that were fitted to.
        strange: sources that were left out.
        mix: what each model counts, (labels, 3).
        bounds: per rate, the logits from which on labels are flagged.
        settled: what is settled at a glance.
    """
    judged = strange.mixed(mix)
    shares: dict[str, dict[str, tuple[int, float]]] = {
        rate: flagged_share(judged.examples, judged.logits, found) for rate, found in bounds.items()
    }
    return f"""# Encoder

all-MiniLM-L6-v2 (Apache-2.0), fine-tuned with two heads, in int8 with one scale per row, and judged below as it ships.
It tags PERSON, LOCATION, ORGANIZATION, DATE_TIME, AGE and NRP, and scores nine safety labels by role. What counts is
the gate's word and its own, weighted per label. docs/adr/0019-gate-and-encoder.md. Made by
`python -m runtime_guard.training`.

**Not for**: judging people. **Limits**: lower-cased English word pieces; other languages are read letter by letter, and
names in them found less surely; one text at a time, in overlapping windows of {LENGTH} pieces.

| label | gate counts | encoder counts |
|---|---|---|
{_mix_rows(mix)}
## Sources left out

Every source is judged by a gate and an encoder that saw no row of it; of each pair of figures the first is the area
under the ROC curve, the second recall at 1 % false positives.

{_beside(strange, mix)}
Harmless texts of sources left out in which any label is flagged, at each of the bounds that ship: those for 0.1 %, by
which the proxy refuses, and for 1 % are chosen so that it is at most 5 % of each source. Technical text (libraries,
descriptions, files, licences) is held to that by files and packages kept out of fitting; here a fold has left out all
of a kind:

{markdown_shares_beside(shares)}
{settled.markdown()}
Personal data, span F1 (exact; what a span is: docs/reference/guard-models.md):

{markdown_spans({"F1": dict(strange.spans)})}
## Rows left out

Rows of the same sources (and recipes of generated text), kept out of fitting. Easier: rows of one source are alike.

{_beside(own, mix)}
Personal data, span F1 (exact):

{markdown_spans({"F1": dict(own.spans)})}"""


def _beside(both: Both, mix: Logits) -> str:
    systems = {"gate": both.gate, "encoder": both.encoder, "both": both.mixed(mix).logits}
    return markdown_beside({name: list(found(both.examples, logits)) for name, logits in systems.items()})


def _mix_rows(mix: Logits) -> str:
    return "".join(
        f"| {label} | {mix[row, 0]:.2f} | {mix[row, 1]:.2f} |\n" for row, label in enumerate(SAFETY_LABELS)
    )
