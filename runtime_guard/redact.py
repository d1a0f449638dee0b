"""Apply obligations to text: redact, tokenize, pseudonymize, block. Pure; surrogates are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Protocol

from govkernel.domain import Decision, Finding, Obligation

REDACT: Final = "redact"
TOKENIZE: Final = "tokenize"
PSEUDONYMIZE: Final = "pseudonymize"
DETOKENIZE: Final = "detokenize"
BLOCK: Final = "block"

Labels = frozenset[str] | None
"""Labels that obligations of one kind name; empty means all, None that there is no such obligation."""


class Treatment(IntEnum):
    """What replaces a value, the most protective last: where several are asked for, that one counts."""

    FAKE = 1
    NAME = 2
    LABEL = 3


_TREATMENTS: Final = ((REDACT, Treatment.LABEL), (TOKENIZE, Treatment.NAME), (PSEUDONYMIZE, Treatment.FAKE))


@dataclass(frozen=True)
class Wanted:
    """A value that is to get a surrogate.

    Attributes:
        label: what it was found to be.
        value: what it is.
        fake: whether the surrogate should have its shape.
    """

    label: str
    value: str = field(repr=False)
    fake: bool = False


class Surrogates(Protocol):
    """Gives surrogates, the same for the same value within a conversation."""

    async def names(self, wanted: Sequence[Wanted]) -> Sequence[str]:
        """One surrogate for each value, in order.

        Raises:
            GovkernelError: it cannot be remembered; the text must not be released.
        """


@dataclass
class Numbered:
    """``<LABEL_n>``, remembered in this object and nowhere else."""

    _names: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    async def names(self, wanted: Sequence[Wanted]) -> Sequence[str]:
        """One name for each value; the same whatever its case."""
        return [self._name(item.label, item.value) for item in wanted]

    def _name(self, label: str, value: str) -> str:
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
        how: what replaces it.
    """

    start: int
    end: int
    label: str
    how: Treatment


def blocks(decision: Decision) -> bool:
    """Whether nothing (more) may be released."""
    return not decision.allowed or bool(decision.obliges(BLOCK))


def masks(findings: Iterable[Finding], obligations: Sequence[Obligation]) -> list[Mask]:
    """What to replace, disjoint and in order. Overlapping findings become one mask over all they cover."""
    asked = [(labels_of(obligations, kind), how) for kind, how in _TREATMENTS]
    chosen = [
        (item, how)
        for item in findings
        if not item.whole_message
        if (how := max((how for labels, how in asked if covers(labels, item.label)), default=None))
    ]
    result: list[Mask] = []
    best = 0.0
    for item, how in sorted(chosen, key=lambda pair: _place(pair[0])):
        if result and item.start < result[-1].end:
            last = result[-1]
            label = item.label if item.score > best else last.label
            best = max(best, item.score)
            result[-1] = Mask(last.start, max(last.end, item.end), label, max(how, last.how))
        else:
            best = item.score
            result.append(Mask(item.start, item.end, item.label, how))
    return result


def apply(text: str, to_mask: Sequence[Mask], stand_ins: Sequence[str]) -> str:
    """``text`` with every mask replaced, each by the stand-in at its place."""
    parts: list[str] = []
    position = 0
    for mask, stand_in in zip(to_mask, stand_ins, strict=True):
        parts += (text[position : mask.start], stand_in)
        position = mask.end
    return "".join([*parts, text[position:]])


def masked(text: str, findings: Iterable[Finding]) -> str:
    """``text`` with every finding replaced by its label."""
    to_mask = masks(findings, (Obligation(type=REDACT),))
    return apply(text, to_mask, [f"<{mask.label}>" for mask in to_mask])


async def replacements(
    to_mask: Sequence[Mask], values: Sequence[str], surrogates: Surrogates
) -> Sequence[str]:
    """What stands in for masked values: ``<LABEL>``, or a surrogate; those are asked for all at once."""
    wanted = [
        Wanted(mask.label, value, mask.how is Treatment.FAKE)
        for mask, value in zip(to_mask, values, strict=True)
        if mask.how is not Treatment.LABEL
    ]
    names = iter(await surrogates.names(wanted) if wanted else ())
    return [f"<{mask.label}>" if mask.how is Treatment.LABEL else next(names) for mask in to_mask]


def labels_of(obligations: Sequence[Obligation], kind: str) -> Labels:
    """The labels that obligations of a kind name; see :data:`Labels`."""
    found = [item for item in obligations if item.type == kind]
    if not found:
        return None
    if any(not item.arguments for item in found):
        return frozenset()
    return frozenset(label for item in found for label in item.arguments)


def covers(labels: Labels, label: str) -> bool:
    """Whether an obligation with these labels is about a label."""
    return labels is not None and (not labels or label in labels)


def _place(finding: Finding) -> tuple[int, int, float, str]:
    return (finding.start, -finding.end, -finding.score, finding.label)
