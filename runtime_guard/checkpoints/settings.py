"""What is said about a model of one's own: where it is, what it judges, what its labels mean here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from govkernel.errors import ConfigError
from runtime_guard.choices import Device
from runtime_guard.readers.interface import ROLES

Kind = Literal["tokens", "labels", "judge"]

MAX_LABELS: Final = 256
MAX_NEW_TOKENS: Final = 256

_DIGEST: Final = r"(?:sha256:[0-9a-f]{64})?"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_ENTITY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERDICT: Final = re.compile(r"[A-Za-z][A-Za-z _-]{0,31}")


@dataclass(frozen=True)
class Checkpoint:
    """A model of one's own.

    Attributes:
        path: its folder, as the Hugging Face hub lays it out.
        kind: ``tokens`` finds spans, ``labels`` scores a whole message, ``judge`` writes a verdict about it.
        name: of the detector, in findings.
        labels: what the model calls a thing, without tag prefixes, to what it is called here: entities in capitals for
            ``tokens``, others in small letters. What is not named here is not reported.
        threshold: score from which on a label counts; not for judges, whose verdicts have none.
        thresholds: the same by label, as it is called here.
        roles: whose messages it judges.
        max_length: pieces of a window, special ones included; None for what the model takes, at most 512, or 4,096
            of a judge.
        stride: pieces that two neighbouring windows share; None for a quarter of a window.
        device: where it runs; ``auto`` takes a GPU where there is one.
        bundle: its signature (OMS), by which every file is verified before it is parsed.
        key: public key (PEM) that must have signed.
        digest: the subject digest that the folder must have, ``sha256:`` and hex; instead of a signature.
        safe, unsafe: how the verdict of a judge begins.
        max_new_tokens: how much a judge may write.

    Raises:
        ConfigError: ``checkpoint.settings``: these do not go together.
    """

    path: Path
    kind: Kind
    name: str
    labels: Mapping[str, str]
    threshold: float = 0.5
    thresholds: Mapping[str, float] = field(default_factory=dict)
    roles: frozenset[str] = ROLES
    max_length: int | None = None
    stride: int | None = None
    device: Device = "auto"
    bundle: Path | None = None
    key: Path | None = None
    digest: str = ""
    safe: str = "safe"
    unsafe: str = "unsafe"
    max_new_tokens: int = 32

    def __post_init__(self) -> None:
        for problem, wrong in self._problems():
            if wrong:
                raise ConfigError(
                    "checkpoint.settings",
                    f"The settings of the model {self.name[:64]!r} do not go together.",
                    why=problem,
                    remedy="See [[guard.models]] in docs/reference/guard-models.md.",
                )

    @property
    def ours(self) -> tuple[str, ...]:
        """Everything it may report, as it is called here, sorted."""
        return tuple(sorted(set(self.labels.values())))

    def bound(self, label: str) -> float:
        """Score from which on a label counts."""
        return self.thresholds.get(label, self.threshold)

    def _problems(self) -> tuple[tuple[str, bool], ...]:
        """Each thing that may be wrong, and whether it is."""
        form = _ENTITY if self.kind == "tokens" else _LABEL
        capitals = "capitals" if self.kind == "tokens" else "small letters"
        bounds = [self.threshold, *self.thresholds.values()]
        length, stride = self.max_length, self.stride
        return (
            ("name: small letters, digits and dashes.", not _NAME.fullmatch(self.name)),
            (f"labels: from 1 to {MAX_LABELS}.", not 0 < len(self.labels) <= MAX_LABELS),
            (
                f"labels: what they are called here is written in {capitals}.",
                not all(form.fullmatch(label) for label in self.labels.values()),
            ),
            ("thresholds: one is of a label that is not reported.", not set(self.thresholds) <= set(self.ours)),
            ("thresholds: above 0, at most 1.", not all(0 < bound <= 1 for bound in bounds)),
            ("thresholds: a verdict has no score.", self.kind == "judge" and bounds != [0.5]),
            ("roles: at least one, of system, user, tool, assistant.", not self.roles or not self.roles <= ROLES),
            ("max_length: from 16 to 131,072.", length is not None and not 16 <= length <= 131_072),
            ("stride: less than a third of a window.", stride is not None and not 0 <= stride * 3 < (length or 512)),
            ("bundle and key go together.", (self.bundle is None) != (self.key is None)),
            ("digest: sha256: and 64 hexadecimal digits.", not re.fullmatch(_DIGEST, self.digest)),
            ("digest: a signature is there instead.", bool(self.digest and self.bundle)),
            ("max_new_tokens: from 1 to 256.", not 1 <= self.max_new_tokens <= MAX_NEW_TOKENS),
            ("safe, unsafe: two different words.", not self._verdicts_differ()),
        )  # fmt: skip

    def _verdicts_differ(self) -> bool:
        words = (self.safe, self.unsafe)
        return all(_VERDICT.fullmatch(word) for word in words) and self.safe.lower() != self.unsafe.lower()
