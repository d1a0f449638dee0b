"""What a detector found in a text: spans and labels with scores, never the text itself."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from govkernel.domain.base import Frozen

WHOLE_MESSAGE: Final = (0, 0)
"""Span of a finding about a message as a whole: start == end == 0."""

UNSCREENED: Final = "unscreened"
"""Label of a finding about a message that a detector could not look at, for policies to decide; not remembered."""


class Finding(Frozen):
    """One detection.

    Attributes:
        label: entity or category, e.g. ``EMAIL_ADDRESS`` or ``prompt_injection``.
        start, end: character offsets (code points) in the screened text, end exclusive;
            both 0 when the finding is about the whole message.
        score: 0 to 1.
        detector: name of the detector that found it.
    """

    label: str = Field(min_length=1, max_length=128)
    start: int = Field(default=0, ge=0)
    end: int = Field(default=0, ge=0)
    score: float = Field(default=1.0, ge=0.0, le=1.0)
    detector: str

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError("a span ends before it starts")
        return self

    @property
    def whole_message(self) -> bool:
        """Whether it is about the message rather than a span of it."""
        return (self.start, self.end) == WHOLE_MESSAGE
