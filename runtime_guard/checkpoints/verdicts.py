"""What a judge wrote: a verdict, or nothing that can be taken for one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

MAX_CODES: Final = 32
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,47}")


@dataclass(frozen=True)
class Verdicts:
    """Reads verdicts as Llama Guard writes them: ``safe``, or ``unsafe`` and a line of categories with commas.

    Attributes:
        safe, unsafe: the words; case does not matter.
        labels: categories, and ``unsafe`` itself, to what they are called here.
    """

    safe: str
    unsafe: str
    labels: Mapping[str, str]

    @classmethod
    def of(cls, safe: str, unsafe: str, labels: Mapping[str, str]) -> Self:
        """For the words of a judge; neither they nor categories are told apart by case."""
        return cls(safe.lower(), unsafe.lower(), {code.lower(): label for code, label in labels.items()})

    def read(self, written: str) -> frozenset[str] | None:
        """The labels of a verdict; None where it is none, or says that a text is unsafe and not how.

        Args:
            written: all that the judge wrote, special pieces left out.
        """
        first, _, rest = written.strip().lower().partition("\n")
        word = first.strip()
        if word == self.safe:
            return None if rest.strip() else frozenset()
        if word != self.unsafe:
            return None
        codes = [code.strip() for code in rest.strip().split(",")] if rest.strip() else []
        if len(codes) > MAX_CODES or not all(_CODE.fullmatch(code) for code in codes):
            return None
        if not codes and word not in self.labels:
            return None
        return frozenset(self.labels[code] for code in (word, *codes) if code in self.labels)
