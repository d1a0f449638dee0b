"""What is said over the borders of messages: a payload that is cut in two is in none of them, and a model reads both.

Around each border the end of what comes before is joined with the beginning of what follows, once as messages of a
conversation follow each other, and once as they follow each other in one role, whatever was answered in between; parts
that may be left out stand between them, or do not. What is found over a border is led back to the messages that it
touches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from govkernel.domain import Finding
from runtime_guard.proxy.tree import Slot
from runtime_guard.spans import overlap

REACH: Final = 256
"""Characters on each side of a border."""

MAX_SEAMS: Final = 256
"""Borders that are looked at, the newest."""

_ASKING: Final = ("user", "tool")
_ACCIDENTAL: Final = frozenset({"DATE_TIME", "URL"})
"""What the end of one honest message and the beginning of another make together: ``Thanks.`` and ``Is``."""


@dataclass(frozen=True)
class Part:
    """A part of a slot in a joined text.

    Attributes:
        slot: number of the slot.
        start, end: the part in the joined text.
        offset: where it begins in the slot.
    """

    slot: int
    start: int
    end: int
    offset: int


@dataclass(frozen=True)
class Seam:
    """The text around a border.

    Attributes:
        text: the parts, joined.
        role: whose it is taken for.
        parts: what it is made of, in order.
    """

    text: str
    role: str
    parts: tuple[Part, ...]

    def split(self, finding: Finding, known: Sequence[Sequence[Finding]]) -> list[tuple[int, Finding]]:
        """A finding in :attr:`text` over a border, as findings in the slots that it touches.

        None when it is in one slot, nor when a slot shows a part of it as the same thing by itself: that value is not
        cut, and only seems to go on.

        Args:
            finding: in :attr:`text`.
            known: what was found in each slot.
        """
        touched = [part for part in self.parts if finding.start < part.end and part.start < finding.end]
        if finding.whole_message or finding.label in _ACCIDENTAL or len(touched) < 2:
            return []
        found = [(part.slot, _within(finding, part)) for part in touched]
        whole = any(
            it.label == item.label and overlap(it, item) for number, item in found for it in known[number]
        )
        return [] if whole else found


def seams(slots: Sequence[Slot]) -> Iterator[Seam]:
    """The seams of a conversation, each once.

    Args:
        slots: of a request, in order; those that are no message's content are passed over.
    """
    said = [
        number for number, slot in enumerate(slots) if slot.turn >= 0 and slot.role != "system" and slot.text
    ]
    threads = [said, *([number for number in said if slots[number].role == role] for role in _ASKING)]
    threads += [[number for number in thread if not slots[number].passing] for thread in threads]
    seen: set[tuple[int, int]] = set()
    for thread in threads:
        for at, border in list(enumerate(pairwise(thread), start=1))[-MAX_SEAMS:]:
            if border not in seen:
                seen.add(border)
                yield from _around(slots, thread, at)


def _around(slots: Sequence[Slot], thread: Sequence[int], at: int) -> Iterator[Seam]:
    """The texts around the border before ``thread[at]``: as words, as a word cut there, as a word cut everywhere."""
    spans = [*_left(slots, thread[:at]), *_right(slots, thread[at:])]
    role = _role([slots[number].role for number, _, _ in spans])
    seen: set[str] = set()
    for tight in (frozenset[int](), frozenset({thread[at]}), frozenset(thread)):
        seam = _joined(slots, role, spans, tight)
        if seam.text not in seen:
            seen.add(seam.text)
            yield seam


def _left(slots: Sequence[Slot], thread: Sequence[int]) -> list[tuple[int, int, int]]:
    """Slots and spans in them that hold the last characters of a thread."""
    found: list[tuple[int, int, int]] = []
    rest = REACH
    for number in reversed(thread):
        length = len(slots[number].text)
        found.insert(0, (number, max(0, length - rest), length))
        rest -= length
        if rest <= 0:
            break
    return found


def _right(slots: Sequence[Slot], thread: Sequence[int]) -> list[tuple[int, int, int]]:
    """Slots and spans in them that hold the first characters of a thread."""
    found: list[tuple[int, int, int]] = []
    rest = REACH
    for number in thread:
        length = len(slots[number].text)
        found.append((number, 0, min(length, rest)))
        rest -= length
        if rest <= 0:
            break
    return found


def _joined(
    slots: Sequence[Slot], role: str, spans: Sequence[tuple[int, int, int]], tight: frozenset[int]
) -> Seam:
    """Spans of slots as one text; a space before each, but before those that continue a word."""
    text = ""
    parts: list[Part] = []
    for number, start, end in spans:
        text += "" if not text or text[-1].isspace() or number in tight else " "
        parts.append(Part(number, len(text), len(text) + end - start, start))
        text += slots[number].text[start:end]
    return Seam(text, role, tuple(parts))


def _role(roles: Sequence[str]) -> str:
    """Who is taken to have said it: whoever may not give orders."""
    return next((role for role in _ASKING if role in roles), "assistant")


def _within(finding: Finding, part: Part) -> Finding:
    start, end = max(finding.start, part.start), min(finding.end, part.end)
    moved = part.offset - part.start
    return finding.model_copy(
        update={"start": start + moved, "end": end + moved, "detector": f"{finding.detector}, over messages"}
    )
