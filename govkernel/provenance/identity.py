"""Identity patterns on the command line: exact, ``glob:…`` or ``regex:…``, always matched whole."""

from __future__ import annotations

from typing import Final

from govkernel.errors import InputError
from govkernel.provenance.trust_signers import MAX_IDENTITY, Matcher

_HOW: Final = ("glob", "regex")


def identity_pattern(text: str) -> Matcher:
    """What a certificate's identity or issuer must be.

    Args:
        text: the identity itself, or a pattern after ``glob:`` or ``regex:`` (RE2).

    Raises:
        InputError: ``identity.pattern``.
    """
    how, colon, pattern = text.partition(":")
    matcher = Matcher(how, pattern) if colon and how in _HOW else Matcher("exact", text)
    try:
        if not matcher.text or len(text) > MAX_IDENTITY:
            raise ValueError("it is empty or too long")
        matcher.check()
    except ValueError as error:
        raise InputError(
            "identity.pattern",
            "The identity is no pattern that can be matched.",
            why=str(error),
            remedy="Give the exact identity, or a pattern after glob: or regex:.",
        ) from None
    return matcher
