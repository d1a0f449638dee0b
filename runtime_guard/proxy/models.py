"""The paths by which a client asks which models there are; the same in both forms."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from runtime_guard.proxy.wire import is_identifier

BASE: Final = "/v1"
MODELS: Final = f"{BASE}/models"
_PAGE: Final = {
    "after_id": re.compile(r"[A-Za-z0-9_./:-]{1,128}"),
    "before_id": re.compile(r"[A-Za-z0-9_./:-]{1,128}"),
    "limit": re.compile(r"[0-9]{1,6}"),
}
"""Members of a query that say which page of the list is asked for, and their shapes."""


def names_models(path: str) -> bool:
    """Whether a path is that of the list of models, or of one of them."""
    if not path.startswith(f"{MODELS}/"):
        return path == MODELS
    name = path.removeprefix(f"{MODELS}/")
    return is_identifier(name) and {"", ".", ".."}.isdisjoint(name.split("/"))


def path_of_models(path: str, query: bytes) -> str:
    """The path at the model server; of the query only which page of the list is asked for."""
    said = parse_qsl(query.decode("latin-1"))
    page = urlencode(
        [(name, value) for name, value in said if name in _PAGE and _PAGE[name].fullmatch(value)]
    )
    return quote(path.removeprefix(BASE)) + (f"?{page}" if page else "")
