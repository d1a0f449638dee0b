"""How far beyond a finding a detector must see: what a stream has to wait for.

Three kinds. One that can tell where something may have begun is asked (:class:`govkernel.hookspecs.Foreseeing`). One
that says ``lookahead = "word"`` never finds white space, nor looks beyond the word. Any other judges sentences.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from govkernel.errors import ConfigError
from govkernel.hookspecs import Detector, Foreseeing

WORD: Final = "word"
SENTENCE: Final = "sentence"

Pending = Callable[[str, str], int | Awaitable[int]]


def judges_sentences(detector: Detector) -> bool:
    """Whether a detector must see whole sentences.

    Raises:
        ConfigError: ``guard.bad-lookahead``.
    """
    if isinstance(detector, Foreseeing):
        return False
    said = getattr(detector, "lookahead", SENTENCE)
    if said not in (WORD, SENTENCE):
        raise ConfigError(
            "guard.bad-lookahead",
            f"The detector {detector.name!r} does not say properly how far it looks ahead.",
            remedy=f"Set `lookahead` to {WORD!r} or {SENTENCE!r}, or leave it out.",
        )
    return bool(said == SENTENCE)


def follows(detector: Detector) -> bool:
    """Whether a detector only judges what is said, and finds nothing that is to be masked."""
    return all(map(str.islower, detector.labels))


def pending_of(detector: Detector) -> Pending:
    """What tells, for a text by a role, the first place from which on the detector's findings may change."""
    return detector.pending if isinstance(detector, Foreseeing) else _last_word


def _last_word(text: str, _role: str) -> int:
    words = text.rsplit(maxsplit=1)
    return len(text) if not words or text[-1].isspace() else len(text) - len(words[-1])
