"""A text and the personal data in it, as annotated or as made."""

from __future__ import annotations

from dataclasses import dataclass

Place = tuple[int, int, str]
"""Start, end (exclusive) and entity."""


@dataclass(frozen=True)
class Tagged:
    """A text and the personal data in it.

    Attributes:
        text: the text.
        spans: where it stands.
        annotated: types that the source annotates.
        source: where it comes from.
        validation: kept out of fitting.
        doubtful: start and end of what the source leaves unmarked though it may be personal data, or marks though it
            is none: neither taught nor counted.
    """

    text: str
    spans: tuple[Place, ...]
    annotated: frozenset[str]
    source: str
    validation: bool = False
    doubtful: tuple[tuple[int, int], ...] = ()
