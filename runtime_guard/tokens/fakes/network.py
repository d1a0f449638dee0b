"""Addresses that are kept for documentation, and identifiers that lead nowhere.

E-mail and URLs: the example domains (RFC 2606). IPv4: RFC 5737. IPv6: RFC 3849. MAC: RFC 7042, section 2.1.2.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from runtime_guard.tokens.fakes.choices import SAFE, Choices, relaid, symbols_of

_DOMAINS: Final = ("example.com", "example.net", "example.org")
_NETS: Final = ("192.0.2.", "198.51.100.", "203.0.113.")
_HEX: Final = "0123456789abcdef"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_URL: Final = re.compile(r"(?i)((?:https?|ftp|wss?)://)?(www\.)?[^/?#\s]+([/?#].*)?")


def email(value: str, choices: Choices) -> str:
    """A mailbox at an example domain."""
    return f"user.{choices.text(8, SAFE)}@{choices.one_of(_DOMAINS)}"


def ip(value: str, choices: Choices) -> str | None:
    """An address of a documentation network."""
    try:
        version = ipaddress.ip_address(value).version
    except ValueError:
        return None
    if version == 4:
        return f"{choices.one_of(_NETS)}{1 + choices.below(254)}"
    groups = ":".join(f"{1 + choices.below(0xFFFE):x}" for _ in range(3))
    return f"2001:db8::{groups}"


def mac(value: str, choices: Choices) -> str | None:
    """An address of the block that is kept for documentation."""
    made = relaid(value, f"00005e0053{choices.text(2, _HEX)}")
    return made.upper() if made and value.isupper() else made


def url(value: str, choices: Choices) -> str | None:
    """A host of an example domain; a path if there was anything behind the host."""
    match = _URL.fullmatch(value)
    if match is None:
        return None
    host = f"{choices.text(8, SAFE)}.{choices.one_of(_DOMAINS)}"
    path = f"/{choices.text(6, SAFE)}" if match[3] and match[3] != "/" else match[3] or ""
    return f"{(match[1] or '').lower()}{(match[2] or '').lower()}{host}{path}"


def uuid(value: str, choices: Choices) -> str | None:
    """Of version 4 by its form, and almost all zeros."""
    made = relaid(value, f"00000000000040008000{choices.text(12, _HEX)}")
    return made.upper() if made and value.isupper() else made


def crypto(value: str, choices: Choices) -> str | None:
    """As long and of the same kind as the address, with a checksum that is not right: no wallet pays to it."""
    body = symbols_of(value)
    if body != value or not 25 <= len(body) <= 64:
        return None
    if body[:3].lower() == "bc1":
        return body[:3].lower() + choices.text(len(body) - 3, _BECH32)
    if body[:2].lower() == "0x":
        return "0x" + "0" * 12 + choices.text(len(body) - 14, _HEX)
    return body[0] + choices.text(len(body) - 1, _BASE58)
