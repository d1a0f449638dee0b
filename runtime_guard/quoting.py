"""Keep JSON that is masked JSON: what stands in for a number is mostly a string, and has to be written as one."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"-?[0-9][0-9.eE+-]*")
_WHOLE: Final = re.compile(r"-?[1-9][0-9]*")
_STRING: Final = re.compile(r'\\.|\\\Z|"', re.DOTALL)


class Quotes:
    """Follows JSON (RFC 8259) piece by piece, to know which places are in a string."""

    def __init__(self) -> None:
        self._within = False
        self._escaped = False

    def follow(self, piece: str) -> None:
        """Take the next piece of the text, as it was before it was masked."""
        start = 1 if self._escaped and piece else 0
        self._escaped = self._escaped and not piece
        for match in _STRING.finditer(piece, start):
            if match[0] == '"':
                self._within = not self._within
            elif match[0] == "\\":
                self._escaped = True

    def around(self, stand_in: str, value: str) -> str:
        """What stands in for a value that comes next, in quotes where it takes the place of a number and is none."""
        number = not self._within and _NUMBER.fullmatch(value) is not None
        return f'"{stand_in}"' if number and _WHOLE.fullmatch(stand_in) is None else stand_in
