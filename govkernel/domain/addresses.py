"""Addresses of servers, as settings give them."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def web_address(url: str) -> SplitResult | None:
    """The parts of a URL that can be asked over HTTP; None when it cannot.

    Args:
        url: may hold a password, so whoever refuses it does not repeat it: what urllib says of a port would.
    """
    try:
        parts = urlsplit(url)
        asked = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if asked and url.isprintable() and " " not in url else None
