"""Apply obligations to text: redact, tokenize, block. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from govkernel.domain import Decision, Finding, Obligation

REDACT: Final = "redact"
TOKENIZE: Final = "tokenize"
BLOCK: Final = "block"


@dataclass
class Surrogates:
    """Names for values, consistent within one conversation; kept in memory and thrown away with it."""

    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def name(self, label: str, value: str) -> str:
        """``<LABEL_n>``: the same for the same value."""
        key = (label, value.casefold())
        if key not in self._names:
            number = 1 + sum(known == label for known, _ in self._names)
            self._names[key] = f"<{label}_{number}>"
        return self._names[key]


@dataclass(frozen=True)
class Mask:
    """A stretch of text to be replaced.

    Attributes:
        start, end: offsets.
        label: of the best finding in it.
        tokenize: replace by a surrogate instead of the label.
    """

    start: int
    end: int
    label: str
    tokenize: bool


def blocks(decision: Decision) -> bool:
    """Whether nothing (more) may be released."""
    return not decision.allowed or bool(decision.obliges(BLOCK))


def masks(findings: Iterable[Finding], obligations: Sequence[Obligation]) -> list[Mask]:
    """What to replace, disjoint and in order. Overlapping findings become one mask over all they cover."""
    redact, tokenize = _labels(obligations, REDACT), _labels(obligations, TOKENIZE)
    chosen = [
        item
        for item in findings
        if not item.whole_message and (_covers(redact, item.label) or _covers(tokenize, item.label))
    ]
    result: list[Mask] = []
    best = 0.0
    for item in sorted(chosen, key=lambda found: (found.start, -found.end, -found.score, found.label)):
        plain = _covers(redact, item.label)
        if result and item.start < result[-1].end:
            last = result[-1]
            label, token = (item.label, not plain) if item.score > best else (last.label, last.tokenize)
            best = max(best, item.score)
            result[-1] = Mask(last.start, max(last.end, item.end), label, token)
        else:
            best = item.score
            result.append(Mask(item.start, item.end, item.label, not plain))
    return result


def apply(text: str, to_mask: Sequence[Mask], surrogates: Surrogates) -> str:
    """``text`` with every mask replaced."""
    parts: list[str] = []
    position = 0
    for mask in to_mask:
        parts.append(text[position : mask.start])
        parts.append(replacement(mask, text[mask.start : mask.end], surrogates))
        position = mask.end
    return "".join([*parts, text[position:]])


def masked(text: str, findings: Iterable[Finding]) -> str:
    """``text`` with every finding replaced by its label."""
    return apply(text, masks(findings, (Obligation(type=REDACT),)), Surrogates())


def replacement(mask: Mask, value: str, surrogates: Surrogates) -> str:
    """What stands in for a masked value: ``<LABEL>`` or ``<LABEL_n>``."""
    return surrogates.name(mask.label, value) if mask.tokenize else f"<{mask.label}>"


def _labels(obligations: Sequence[Obligation], kind: str) -> frozenset[str] | None:
    """Labels named by the obligations of a kind; empty set means all, None means there is no such obligation."""
    found = [item for item in obligations if item.type == kind]
    if not found:
        return None
    if any(not item.arguments for item in found):
        return frozenset()
    return frozenset(label for item in found for label in item.arguments)


def _covers(labels: frozenset[str] | None, label: str) -> bool:
    return labels is not None and (not labels or label in labels)
