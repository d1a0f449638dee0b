"""Evaluate a model directory, and say so as the predicate of an ``evaluation-result`` statement.

A BERT-shaped sentence encoder is run over a retrieval suite: each question must find its passage among all of
them. Any other directory of safetensors weights is checked for sanity. Same model, suite and seed, same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from govkernel import __version__
from govkernel.errors import ConfigError
from runtime_guard.encoder.config import is_bert
from runtime_guard.encoder.suite import Suite, read_suite

try:
    import torch

    from runtime_guard.encoder.encoder import SentenceEncoder
    from runtime_guard.encoder.weights import Sanity, inspect_weights
except ImportError as error:
    raise ConfigError(
        "encoder.not-installed",
        "Evaluating needs parts that are not installed.",
        why=f"No module named {error.name}.",
        remedy='Install them: pip install "govkernel[encoder]".',
    ) from None

THRESHOLD: Final = 0.8
"""Accuracy at rank 1 that a sentence encoder has to reach."""

SEED: Final = 20_240_601
RESAMPLES: Final = 2000
_DIGITS: Final = 6


def evaluate(model_dir: Path, suite_path: Path | None, *, now: datetime, seed: int = SEED) -> dict[str, Any]:
    """The predicate of an ``evaluation-result`` statement about a model.

    Args:
        model_dir: the model, a directory (or one safetensors file).
        suite_path: a retrieval suite (:mod:`runtime_guard.encoder.suite`); without one, or where the model is
            no sentence encoder, the suite is ``weights-sanity``.
        now: what to put into ``finishedOn``; aware.
        seed: of the bootstrap that the confidence intervals come from.

    Returns:
        A JSON object after attestations/evaluation-result/schema.json.

    Raises:
        InputError: ``evaluation.suite-unreadable``, ``evaluation.suite-malformed`` or ``evaluation.no-weights``.
        ConfigError: the model says it is BERT-shaped and cannot be loaded (``encoder.…``).
    """
    suite = read_suite(suite_path) if suite_path else None
    if suite is not None and is_bert(model_dir):
        claim = _retrieval(SentenceEncoder.load(model_dir), suite, seed)
    else:
        claim = _sanity(inspect_weights(model_dir))
    harness = {"name": "govkernel", "version": __version__}
    return {**claim, "harness": harness, "finishedOn": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _retrieval(encoder: SentenceEncoder, suite: Suite, seed: int) -> dict[str, Any]:
    ranks = _ranks(encoder, suite)
    hits = (ranks == 1).double()
    score = round(float(hits.mean()), _DIGITS)
    domains = sorted({pair.domain for pair in suite.pairs if pair.domain})[:64]
    return {
        "suite": {"name": suite.name, "digest": {"sha256": suite.sha256}},
        "score": score,
        "threshold": THRESHOLD,
        "passed": score >= THRESHOLD,
        "metrics": [
            _metric("accuracy@1", hits, seed),
            _metric("mean reciprocal rank", 1 / ranks.double(), seed),
            {"name": "pairs", "value": len(suite.pairs)},
            *(
                {"name": f"accuracy@1 {domain}"[:256], "value": _share(suite, domain, hits)}
                for domain in domains
            ),
        ],
        "seed": seed,
    }


def _ranks(encoder: SentenceEncoder, suite: Suite) -> torch.Tensor:
    """The rank of each question's passage by cosine similarity; a tie counts against the model."""
    questions = encoder.encode([pair.question for pair in suite.pairs])
    passages = encoder.encode([pair.passage for pair in suite.pairs])
    ranks = []
    for index, question in enumerate(questions):
        scores = passages @ question
        ranks.append(int((scores >= scores[index]).sum()))
    return torch.tensor(ranks)


def _metric(name: str, values: torch.Tensor, seed: int) -> dict[str, Any]:
    """A mean with its 95 % percentile-bootstrap interval (Efron and Tibshirani 1993, chapter 13)."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.stack(
        [
            values[torch.randint(len(values), (len(values),), generator=generator)].mean()
            for _ in range(RESAMPLES)
        ]
    )
    lower, upper = (float(bound) for bound in means.quantile(torch.tensor([0.025, 0.975]).double()))
    mean = float(values.mean())
    return {
        key: round(value, _DIGITS) for key, value in (("value", mean), ("lower", lower), ("upper", upper))
    } | {"name": name}


def _share(suite: Suite, domain: str, hits: torch.Tensor) -> float:
    own: Sequence[int] = [index for index, pair in enumerate(suite.pairs) if pair.domain == domain]
    return round(float(hits[list(own)].mean()), _DIGITS)


def _sanity(found: Sanity) -> dict[str, Any]:
    score = round(found.score, _DIGITS)
    counts = {
        "files": found.files,
        "files that do not parse": len(found.broken),
        "tensors": found.tensors,
        "tensors that are not finite": found.not_finite,
    }
    return {
        "suite": {"name": "weights-sanity", "version": "1"},
        "score": score,
        "threshold": 1.0,
        "passed": found.score == 1.0,
        "metrics": [{"name": name, "value": value} for name, value in counts.items()],
    }
