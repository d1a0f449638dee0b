"""Halves of surrogate pairs (UTF-16), which JSON may bring apart: the one way in which the guard puts them together."""

from __future__ import annotations


def joined(text: str) -> str:
    """Surrogate pairs as the characters they stand for, lone surrogates as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
