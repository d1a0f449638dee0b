"""Findings and where they stand: their order, overlaps, and what becomes of those that reach over a cell's edge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from govkernel.domain import Finding


def place(finding: Finding) -> tuple[int, int, str, str]:
    """Order of findings: by start, the longest first."""
    return (finding.start, -finding.end, finding.label, finding.detector)


def overlap(one: Finding, other: Finding) -> bool:
    """Whether two share a place; findings about the whole message do with each other."""
    return (one.start < other.end and other.start < one.end) or (one.whole_message and other.whole_message)


def with_read(found: Sequence[Finding], read: Iterable[Finding]) -> list[Finding]:
    """What patterns found, together with the spans that models read.

    Where both see the same place, the one with a pattern is right, unless the model sees all of it and more, as the
    same thing: `12 March 2024` where a pattern knows `12 March`.
    """
    kept = list(found)
    for item in read:
        there = [old for old in kept if old.label.isupper() and old.start < item.end and item.start < old.end]
        if not all(_within(old, item) for old in there):
            continue
        score = max((old.score for old in there), default=0.0)
        kept = [old for old in kept if old not in there]
        kept.append(item if score <= item.score else item.model_copy(update={"score": score}))
    return kept


def _within(part: Finding, whole: Finding) -> bool:
    return part.label == whole.label and whole.start <= part.start and part.end <= whole.end


def moved(finding: Finding, offset: int) -> Finding:
    """The finding, so many characters further on."""
    return finding.model_copy(update={"start": finding.start + offset, "end": finding.end + offset})


def joined_over_cells(found: Iterable[Finding]) -> list[Finding]:
    """Parts of one finding in neighbouring cells as the one finding they are."""
    whole: dict[tuple[str, str], Finding] = {}
    done: list[Finding] = []
    for item in sorted(found, key=place):
        key = (item.label, item.detector)
        last = whole.get(key)
        if last is not None and not item.whole_message and item.start <= last.end:
            score = max(last.score, item.score)
            whole[key] = last.model_copy(update={"end": max(last.end, item.end), "score": score})
            continue
        if last is not None:
            done.append(last)
        whole[key] = item
    return sorted([*done, *whole.values()], key=place)
