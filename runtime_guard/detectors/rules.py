"""Rules: regular expressions in a data file, matched against the normal form of a text or the text itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import yaml

from govkernel.domain import Finding
from runtime_guard.normal_form import normal_form

RULES: Final = "rules.yaml"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: stable name.
        label: label of its findings.
        pattern: compiled expression; every repetition in it is bounded.
        score: score of its findings.
        raw: match the text as it is, instead of its normal form.
        roles: roles whose text it applies to; empty means all.
    """

    id: str
    label: str
    pattern: re.Pattern[str]
    score: float
    raw: bool
    roles: frozenset[str]


class RulesDetector:
    """Findings of the rules of some labels.

    Args:
        name: name of the detector.
        labels: labels whose rules it applies.
    """

    def __init__(self, name: str, labels: frozenset[str]) -> None:
        self.name = name
        self.labels = labels
        self._rules = tuple(rule for rule in load_rules() if rule.label in labels)

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """Findings in ``text``."""
        rules = [rule for rule in self._rules if not rule.roles or role in rule.roles]
        found = [
            self._finding(rule, *match.span())
            for rule in rules
            if rule.raw
            for match in rule.pattern.finditer(text)
        ]
        disguised = [rule for rule in rules if not rule.raw]
        if disguised:
            normal = normal_form(text)
            found += [
                self._finding(rule, *normal.span(*match.span()))
                for rule in disguised
                for match in rule.pattern.finditer(normal.text)
                if match.end() > match.start()
            ]
        return found

    def _finding(self, rule: Rule, start: int, end: int) -> Finding:
        return Finding(label=rule.label, start=start, end=end, score=rule.score, detector=self.name)


def load_rules() -> tuple[Rule, ...]:
    """The rules that ship with the guard."""
    document = yaml.safe_load(files("runtime_guard.detectors").joinpath(RULES).read_text(encoding="utf-8"))
    return tuple(_rule(item) for item in document["rules"])


def injection_detector() -> RulesDetector:
    """Attempts to override instructions or to escape a role."""
    return RulesDetector("injection-rules", frozenset({"prompt_injection", "jailbreak"}))


def secrets_detector() -> RulesDetector:
    """Credentials by their issuers' published shapes."""
    return RulesDetector("secret-rules", frozenset({"SECRET"}))


def _rule(item: dict[str, Any]) -> Rule:
    flags = re.DOTALL if item.get("raw") else 0
    return Rule(
        id=item["id"],
        label=item["label"],
        pattern=re.compile(item["pattern"], flags),
        score=float(item.get("score", 0.8)),
        raw=bool(item.get("raw", False)),
        roles=frozenset(item.get("roles", ())),
    )
