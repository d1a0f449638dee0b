"""Rules: regular expressions in a data file, matched against the normal form of a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import yaml

from govkernel.domain import Finding
from runtime_guard.detectors.normal_form import normal_form
from runtime_guard.expressions.alphabet import encoded
from runtime_guard.expressions.pending import Pending
from runtime_guard.expressions.prefix import beginnings
from runtime_guard.expressions.sieve import SHARED, Sieve
from runtime_guard.expressions.tree import NotUnderstood
from runtime_guard.readers.interface import ROLES

RULES: Final = "rules.yaml"

CHARACTERS: Final = "views characters"
"""What the normal form undoes beyond case and white space is told as the view of that name would tell it."""

_SPACES: Final = dict.fromkeys((*range(32), 127), " ")
"""What the normal form shows as a space, in ASCII."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: stable name.
        label: label of its findings.
        pattern: compiled expression; every repetition in it is bounded.
        score: score of its findings.
        roles: roles whose text it applies to; empty means all.
    """

    id: str
    label: str
    pattern: re.Pattern[str]
    score: float
    roles: frozenset[str]


class RulesDetector:
    """Findings of the rules of some labels.

    Args:
        name: name of the detector.
        labels: labels whose rules it applies.

    Attributes:
        roles: whose texts it has rules for.
    """

    def __init__(self, name: str, labels: frozenset[str]) -> None:
        self.name = name
        self.labels = labels
        self._rules = tuple(rule for rule in load_rules() if rule.label in labels)
        self.roles = frozenset().union(*(rule.roles or ROLES for rule in self._rules))
        self._sieve = Sieve([rule.pattern for rule in self._rules])
        self._pending = {role: _pending(self._rules, role) for role in self.roles}

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """Findings in ``text``."""
        if text.isascii():
            passing = self._sieve.passing(_plain(text))
            rules = [self._rules[number] for number in sorted(passing)]
        else:
            rules = list(self._rules)
        rules = [rule for rule in rules if not rule.roles or role in rule.roles]
        if not rules:
            return []
        normal = normal_form(text)
        return [
            self._finding(rule, text, match[0], *normal.span(*match.span()))
            for rule in rules
            for match in rule.pattern.finditer(normal.text)
            if match.end() > match.start()
        ]

    def pending(self, text: str, role: str) -> int:
        """See :class:`govkernel.hookspecs.Foreseeing`."""
        pending = self._pending.get(role)
        if pending is None:
            return len(text)
        plain = _plain(text) if text.isascii() else normal_form(text).text
        start = pending.start(encoded(plain)[:-1])
        return len(text) if start >= len(plain) else normal_form(text).origin[start]

    def _finding(self, rule: Rule, text: str, matched: str, start: int, end: int) -> Finding:
        written = " ".join(text[start:end].lower().split())
        by = self.name if written == matched.strip() else f"{self.name}, {CHARACTERS}"
        return Finding(label=rule.label, start=start, end=end, score=rule.score, detector=by)


def _pending(rules: Sequence[Rule], role: str) -> Pending:
    found = [rule.pattern for rule in rules if not rule.roles or role in rule.roles]
    try:
        return Pending(
            beginning for item in found for beginning in beginnings(item.pattern, item.flags & SHARED)
        )
    except NotUnderstood:
        return Pending((), always=True)


def _plain(text: str) -> str:
    """The text of the normal form of an ASCII text."""
    text = text.lower().translate(_SPACES)
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def load_rules() -> tuple[Rule, ...]:
    """The rules that ship with the guard."""
    document = yaml.safe_load(files("runtime_guard.detectors").joinpath(RULES).read_text(encoding="utf-8"))
    return tuple(_rule(item) for item in document["rules"])


def injection_detector() -> RulesDetector:
    """Attempts to override instructions or to escape a role."""
    return RulesDetector("injection-rules", frozenset({"prompt_injection", "jailbreak"}))


def _rule(item: dict[str, Any]) -> Rule:
    return Rule(
        id=item["id"],
        label=item["label"],
        pattern=re.compile(item["pattern"]),
        score=float(item.get("score", 0.8)),
        roles=frozenset(item.get("roles", ())),
    )
