"""Whom a trust policy knows: keys by their id, certificate identities by subject and issuer together. Pure.

Texts are always matched whole. In a glob ``*`` stays inside one part of an identity and ``**`` does not, so that
``*@example.com`` is nobody at ``example.com.evil`` and ``https://host/team/*`` no path below it. Expressions are RE2,
linear in the text, since the text comes from strangers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2

from govkernel.domain import Signer
from govkernel.provenance.rules import Window

MAX_IDENTITY: Final = 2048
"""Characters of an identity or issuer that are looked at; longer ones match nothing."""

_PART: Final = r"[^\s/@:?#&=%\\\x00-\x1f\x7f]"
_ANY: Final = r"[^\s\x00-\x1f\x7f]+"


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return options


_OPTIONS: Final = _options()


@dataclass(frozen=True)
class Matcher:
    """What a text must be.

    Attributes:
        how: ``exact``, ``glob`` or ``regex``.
        text: the text or pattern.
    """

    how: str
    text: str

    def matches(self, text: str) -> bool:
        """Whether the whole of ``text`` fits."""
        if not text or len(text) > MAX_IDENTITY:
            return False
        if self.how == "exact":
            return text == self.text
        if self.how == "glob":
            return _glob(self.text).fullmatch(text) is not None
        return bool(_regex(self.text).fullmatch(text))

    def check(self) -> None:
        """Compile the pattern.

        Raises:
            ValueError: it is no RE2 expression.
        """
        if self.how == "regex":
            _regex(self.text)


@dataclass(frozen=True)
class KnownSigner:
    """A key or identity that rules may name.

    Attributes:
        name: its name in the trust policy.
        holder: the person or team who has it; signers with one holder count once.
        window: when its statements count.
        key_id: of a key; empty for an identity.
        identity: what a certificate's subject must be; None for a key.
        issuer: what the certificate's issuer must be; None for a key.
        authority: the authority that must have certified it; empty for any.
    """

    name: str
    holder: str
    window: Window
    key_id: str = ""
    identity: Matcher | None = None
    issuer: Matcher | None = None
    authority: str = ""

    def is_signer(self, signer: Signer) -> bool:
        """Whether a verified signer is this one."""
        if self.identity is None or self.issuer is None:
            return self.key_id == signer.key_id
        return (
            not signer.key_id
            and self.authority in ("", signer.authority)
            and self.identity.matches(signer.identity)
            and self.issuer.matches(signer.issuer)
        )


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> Any:
    """``**`` is any text, ``*`` a part of one; both at least one character."""
    parts = re.split(r"(\*+)", pattern)
    return re2.compile("".join(_glob_part(part) for part in parts), _OPTIONS)


def _glob_part(part: str) -> str:
    if not part.startswith("*"):
        return str(re2.escape(part))
    return f"{_PART}+" if part == "*" else _ANY


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        raise ValueError(f"not an RE2 expression: {str(error)[:120]}") from None
