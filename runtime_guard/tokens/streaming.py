"""Restore a text as it arrives; the same as restoring it whole."""

from __future__ import annotations

from runtime_guard.redact import Labels, covers
from runtime_guard.tokens.forms import Encode, plain
from runtime_guard.tokens.restore import LOOK_BACK, Match, Restorer, restored


class Restoring:
    """Restores one text.

    Args:
        restorer: what may be restored.
        encode: how values are written here, e.g. as they stand in a JSON string.
    """

    def __init__(self, restorer: Restorer, encode: Encode = plain) -> None:
        self._restorer = restorer
        self._encode = encode
        self._before = ""
        self._held = ""

    @property
    def held(self) -> int:
        """Characters taken and not yet given out."""
        return len(self._held)

    def feed(self, text: str, labels: Labels) -> str:
        """Take a piece; what may be given out now.

        Args:
            text: the piece.
            labels: of the values that policy lets be restored; surrogates that end here of others stay.
        """
        return self._given(text, labels, final=False)

    def finish(self, labels: Labels) -> str:
        """The rest, at the end of the text."""
        return self._given("", labels, final=True)

    def _given(self, text: str, labels: Labels, *, final: bool) -> str:
        whole, begin = self._before + self._held + text, len(self._before)
        matches, hold = self._restorer.scan(whole, begin, final=final)
        parts: list[str] = []
        position = begin
        for match in matches:
            parts.append(whole[position : match.start])
            back = covers(labels, match.form.entry.label)
            parts.append(self._back(whole, match) if back else whole[match.start : match.end])
            position = match.end
        parts.append(whole[position:hold])
        self._before, self._held = whole[max(0, hold - LOOK_BACK) : hold], whole[hold:]
        return "".join(parts)

    def _back(self, text: str, match: Match) -> str:
        value = restored(text, match)
        return value if match.form.encode is self._encode else self._encode(value)
