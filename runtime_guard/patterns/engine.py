"""What Presidio's ``AnalyzerEngine`` answers with the same recognizers: entity, place and score; many times faster.

The steps are Presidio's: each recognizer's own results without duplicates, context, threshold, duplicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache as remembered
from functools import cached_property, partial
from itertools import chain
from typing import Any, Final, cast

from presidio_analyzer import EntityRecognizer, PatternRecognizer, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from govkernel.errors import ConfigError
from runtime_guard.expressions.alphabet import classes, encoded
from runtime_guard.expressions.automaton import ANYWHERE, Expression, automaton
from runtime_guard.expressions.cache import Cache
from runtime_guard.expressions.pending import Pending
from runtime_guard.expressions.prefix import Beginning, beginnings
from runtime_guard.expressions.shape import A_DIGIT, Shape
from runtime_guard.expressions.staged import Scanner, staged
from runtime_guard.expressions.tree import NotUnderstood
from runtime_guard.patterns.candidates import LONGEST, PHONE, phone_beginnings
from runtime_guard.patterns.context import Context, ContextRule, Mentions
from runtime_guard.patterns.phones import PhoneRule, can_be_rule
from runtime_guard.patterns.results import Result, outermost, without_duplicates
from runtime_guard.patterns.rules import Rule, is_plain, rules_of
from runtime_guard.patterns.words import NearWords, PipelineWords, Tokens, Words

LANGUAGE: Final = "en"


@dataclass(frozen=True)
class _Source:
    """One recognizer.

    Attributes:
        recognizer: Presidio's object.
        context: how its results depend on words beside them; None when they do not.
        thresholds: by entity; ``None`` for all others.
        thins: its own results are freed of duplicates first.
    """

    recognizer: EntityRecognizer
    context: ContextRule | None
    thresholds: dict[str | None, float]
    thins: bool

    @cached_property
    def tells_all(self) -> bool:
        """Whether no threshold keeps anything back."""
        return not any(self.thresholds.values())

    def told(self, results: Sequence[Result]) -> list[Result]:
        """Results that reach the threshold of their entity."""
        least = self.thresholds[None]
        return [item for item in results if item.score >= self.thresholds.get(item.entity, least)]


class PatternEngine:
    """Presidio's recognizers, compiled.

    Args:
        recognizers: any; those that are not made of patterns are asked as they are.
        threshold: results below it are dropped; None takes the recognizers' own, and 0 for those that have none.
        enhancer: how context counts; Presidio's defaults by default.
        nlp_engine: makes the words of a context; by default :class:`runtime_guard.patterns.words.Tokens`.
        language: given to those two.
        cache: where compiled databases are kept.
        scanner: makes the automaton; to be given by tests.

    Raises:
        ConfigError: ``guard.bad-recognizers``.
    """

    def __init__(
        self,
        recognizers: Sequence[EntityRecognizer],
        *,
        threshold: float | None = None,
        enhancer: LemmaContextAwareEnhancer | None = None,
        nlp_engine: NlpEngine | None = None,
        language: str = LANGUAGE,
        cache: Cache | None = None,
        scanner: Scanner = automaton,
    ) -> None:
        self._threshold = threshold
        self._nlp_engine = nlp_engine
        self._language = language
        self._context = Context(enhancer or LemmaContextAwareEnhancer())
        self._sources = [self._source(item) for item in recognizers]
        self._mentions = Mentions(
            [source.context for source in self._sources], as_written=nlp_engine is None, cache=cache
        )
        self._rules: list[tuple[int, Rule]] = []
        self._phones: list[tuple[int, PhoneRule]] = []
        self._strangers: list[int] = []
        for number, item in enumerate(recognizers):
            self._sort(number, item)
        table = _table(self._rules)
        self._asked = list(table.values())
        expressions = [(Expression(shape.expression), shape.wanted) for shape in table]
        self._automaton = staged([*expressions, (PHONE, (A_DIGIT,))], scanner, cache)
        self._phone = len(expressions)
        self._always = [(entry, _ANYWHERE) for entry in (*_unshaped(self._rules), *self._refused())]
        self._phones_always = self._phone in self._automaton.refused
        phones = phone_beginnings() if self._phones else []
        known = nlp_engine is None and not self._strangers
        self._pending = _pending(self._rules, phones, known=known)
        self._pending_rules = _pending(self._rules, (), known=known) if phones else self._pending
        classes()

    def analyze(self, text: str, since: int = 0) -> list[Result]:
        """What Presidio's engine finds, in its order.

        Args:
            text: the text.
            since: what ends up to there may be left out.
        """
        found = self._found(text, since)
        if not found:
            return []
        beside = remembered(partial(self._context.beside, self._words(text)))
        mentioned = self._mentions.of(text)
        kept: list[Result] = []
        for number, own in found.items():
            source, results = self._sources[number], own
            if source.context is not None and number in mentioned:
                results = self._context.weighed(source.context, own, beside)
            kept += results if source.tells_all else source.told(results)
        return without_duplicates(kept)

    def pending(self, text: str) -> int:
        """The first place from which on what is found may change with what follows ``text``; its length when none."""
        data = encoded(text)[:-1]
        start = self._pending.start(data)
        if start < len(text) - LONGEST:
            start = min(self._pending_rules.start(data), len(text) - LONGEST)
        return min(start, self._context.open_from(text))

    def _found(self, text: str, since: int) -> dict[int, list[Result]]:
        """What each recognizer finds on its own, by its number."""
        data = encoded(text)
        ends: dict[int, list[int]] = {}
        for expression, end in self._automaton.scan(data):
            ends.setdefault(expression, []).append(end)
        phones = ends.pop(self._phone, None) is not None or self._phones_always
        found = self._by_rules(text, data, ends, since)
        if phones:
            for number, phone in self._phones:
                if results := phone.results(text, since):
                    found[number] = outermost(results)
        if self._strangers:
            artifacts = PipelineWords(text, self._nlp_engine or Tokens(), self._language).artifacts
            for number in self._strangers:
                found[number] = _asked_directly(self._sources[number].recognizer, text, artifacts)
        return found

    def _by_rules(
        self, text: str, data: bytes, ends: dict[int, list[int]], since: int
    ) -> dict[int, list[Result]]:
        """What rules find; of one recognizer only several rules find something twice."""
        asked = [(entry, places) for expression, places in ends.items() for entry in self._asked[expression]]
        found: dict[int, list[Result]] = {}
        several: set[int] = set()
        for (number, rule), places in chain(asked, self._always):
            if results := rule.results(text, data, places, since):
                if number in found:
                    several.add(number)
                found.setdefault(number, []).extend(results)
        for number in several:
            if self._sources[number].thins:
                found[number] = outermost(found[number])
        return found

    def _words(self, text: str) -> Words:
        if self._nlp_engine is None:
            return NearWords(text)
        return PipelineWords(text, self._nlp_engine, self._language)

    def _refused(self) -> list[tuple[int, Rule]]:
        """Rules that the automaton does not take."""
        return [entry for number in self._automaton.refused - {self._phone} for entry in self._asked[number]]

    def _sort(self, number: int, recognizer: Any) -> None:
        """Decide how a recognizer is asked."""
        if type(recognizer).enhance_using_context is not EntityRecognizer.enhance_using_context:
            raise ConfigError(
                "guard.bad-recognizers",
                f"The recognizer {recognizer.name} judges context by itself, which the guard does not support.",
                remedy="Give it context words instead.",
            )
        if is_plain(recognizer):
            self._rules += [(number, rule) for rule in rules_of(recognizer)]
        elif can_be_rule(recognizer):
            self._phones.append((number, PhoneRule(recognizer)))
        else:
            self._strangers.append(number)

    def _source(self, recognizer: Any) -> _Source:
        thresholds: dict[str | None, float] = {None: 0.0 if self._threshold is None else self._threshold}
        if self._threshold is None:
            own = dict(recognizer.score_thresholds)
            thresholds |= {None: own.pop("default", 0.0), **own}
        return _Source(
            recognizer,
            self._context.rule(recognizer.context),
            thresholds,
            type(recognizer).analyze is PatternRecognizer.analyze,
        )


_ANYWHERE: Final = (ANYWHERE,)


def _asked_directly(recognizer: EntityRecognizer, text: str, artifacts: NlpArtifacts) -> list[Result]:
    """What a recognizer finds that is not made of patterns."""
    results = cast(
        list[RecognizerResult], recognizer.analyze(text, recognizer.supported_entities, artifacts) or []
    )
    return [Result(item.entity_type, item.start, item.end, item.score) for item in results]


def _table(rules: Sequence[tuple[int, Rule]]) -> dict[Shape, list[tuple[int, Rule]]]:
    """Rules by the shape that they are asked after; those of one shape are asked after together."""
    asked: dict[Shape, list[tuple[int, Rule]]] = {}
    for number, rule in rules:
        if rule.places.shape is not None:
            asked.setdefault(rule.places.shape, []).append((number, rule))
    return asked


def _unshaped(rules: Sequence[tuple[int, Rule]]) -> list[tuple[int, Rule]]:
    """Rules that no expression can be written for."""
    return [(number, rule) for number, rule in rules if rule.places.shape is None]


def _pending(rules: Sequence[tuple[int, Rule]], more: Sequence[Beginning], *, known: bool) -> Pending:
    """The beginnings of all rules, and more.

    Args:
        rules: by the number of their recognizer.
        more: other beginnings.
        known: there is nothing else that finds or scores anything.
    """
    try:
        found = [item for _, rule in rules for item in beginnings(rule.pattern.pattern, rule.pattern.flags)]
    except NotUnderstood:
        return Pending((), always=True)
    return Pending([*found, *more], always=not known)
