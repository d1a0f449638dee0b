"""Credentials as recognizers: published shapes, checked for what placeholders and plain words look like."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import regex
import yaml
from presidio_analyzer import Pattern, PatternRecognizer

ENTITY: Final = "SECRET"

_LEFT: Final = "(?<![A-Za-z0-9_-])"
_RIGHT: Final = "(?![A-Za-z0-9_-])"
_EXAMPLE: Final = regex.compile(r"EXAMPLE|(?i:x{6}|\*{4}|\.\.\.|0{12}|1234567890abcdef)")
_NO_VALUE: Final = regex.compile(
    r"[\s*x.#-]*|<.*>|\$.*|%.*%|\{.*\}|\[.*\]|[A-Z_]+"
    r"|(?i:true|false|null|none|nil|undefined|required|optional|string|str|insert[ _-].*|.*fake.*|your[ _-].*"
    r"|my[ _-].*|example.*|change.?me|todo|redacted|hidden|secret|password|test|.*\(.*\).*|.*\bgetenv\b.*)"
)
"""Stands where a value will stand."""


class SecretRecognizer(PatternRecognizer):
    """One kind of credential.

    Args:
        item: an entry of ``secrets.yaml``.
    """

    def __init__(self, item: dict[str, Any]) -> None:
        text = item["pattern"].replace("{L}", _LEFT).replace("{R}", _RIGHT)
        super().__init__(
            supported_entity=ENTITY,
            name=item["id"],
            patterns=[Pattern(item["id"], text, float(item["score"]))],
            global_regex_flags=regex.DOTALL,
        )
        self._entropy = float(item.get("entropy", 0))
        self._check = _CHECKS[item.get("check", "shape")]

    def invalidate_result(self, pattern_text: str) -> bool:
        """Whether a match is no credential."""
        return entropy(pattern_text) < self._entropy or not self._check(pattern_text)


def secret_recognizers() -> list[SecretRecognizer]:
    """The recognizers that ship with the guard."""
    text = files("runtime_guard.patterns").joinpath("secrets.yaml").read_text(encoding="utf-8")
    return [SecretRecognizer(item) for item in yaml.safe_load(text)["secrets"]]


def entropy(text: str) -> float:
    """Bits a character, if characters were drawn with the frequencies that they have in ``text``."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())


def _shape(text: str) -> bool:
    return _EXAMPLE.search(text) is None


def _mixed(text: str) -> bool:
    """Digits among letters."""
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text[3:]))


def _pair(text: str) -> bool:
    """A user and a password, not a path of Windows or a variable."""
    return not text.startswith(("$", "%", "<")) and len(text) > 4


def _value(text: str) -> bool:
    """What somebody assigned to a password: neither a placeholder nor an expression."""
    inner = text.strip("\"'`")
    return len(inner) > 2 and not _NO_VALUE.fullmatch(inner) and _EXAMPLE.search(inner) is None


def _jwt(text: str) -> bool:
    """Begins with a JSON object that names an algorithm or a type."""
    head = text.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(found, dict) and bool({"alg", "typ", "enc", "kid"} & set(found))


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "shape": _shape,
    "mixed": _mixed,
    "pair": _pair,
    "value": _value,
    "jwt": _jwt,
}
