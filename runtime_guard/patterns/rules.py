"""Presidio's recognizers as rules: a compiled pattern each, with what its recognizer says about a match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import regex
from presidio_analyzer import EntityRecognizer, PatternRecognizer
from presidio_analyzer.predefined_recognizers import IbanRecognizer

from govkernel.errors import ConfigError
from runtime_guard.expressions.places import Places
from runtime_guard.expressions.shape import Shape, shape_of
from runtime_guard.expressions.tree import NotUnderstood, runs_away
from runtime_guard.patterns.results import Result
from runtime_guard.patterns.verdicts import invalidator, validator

Judge = Callable[[str, float], float]
"""The score of a match, given its text and the score of its pattern; 0 is no match."""


@dataclass(frozen=True)
class Rule:
    """One pattern of one recognizer.

    Attributes:
        entity: type of its results.
        pattern: compiled.
        score: of a match that its recognizer says nothing about.
        judge: what its recognizer says; None when it never says anything.
        places: where it can match.
        grouped: tries the ends of its groups, as the recognizer for IBANs does.
    """

    entity: str
    pattern: Any
    score: float
    judge: Judge | None
    places: Places
    grouped: bool = False

    def results(self, text: str, data: bytes, ends: Sequence[int], since: int = 0) -> list[Result]:
        """What Presidio's recognizer finds with this pattern.

        Args:
            text: the whole text.
            data: the same, encoded.
            ends: where the automaton says that matches may end.
            since: what ends up to there is left out.
        """
        found: list[Result] = []
        for match in self.places.matches(self.pattern, text, data, ends, since):
            start, end = match.span()
            if end <= since:
                continue
            for stop in _group_ends(match) if self.grouped else (end,):
                if start == stop:
                    continue
                score = self.score if self.judge is None else self.judge(text[start:stop], self.score)
                if score > EntityRecognizer.MIN_SCORE:
                    found.append(Result(self.entity, start, stop, score))
                    break
        return found


def is_plain(recognizer: EntityRecognizer) -> bool:
    """Whether a recognizer finds what its patterns find, and nothing else."""
    return isinstance(recognizer, PatternRecognizer) and type(recognizer).analyze in _ANALYZERS


def rules_of(recognizer: Any) -> Iterable[Rule]:
    """The rules of a recognizer that :func:`is_plain`.

    Raises:
        ConfigError: ``guard.bad-recognizers``.
    """
    flags = recognizer.global_regex_flags or 0
    for pattern in recognizer.patterns:
        if runs_away(pattern.regex, flags):
            raise ConfigError(
                "guard.bad-recognizers",
                f"A pattern of the recognizer {recognizer.name} could take all memory there is.",
                why="It repeats something that can match nothing, and a part of it is fuzzy.",
                remedy="Bound the repetition, or write the pattern without a fuzzy part.",
            )
        yield Rule(
            entity=recognizer.supported_entities[0],
            pattern=regex.compile(pattern.regex, flags),
            score=pattern.score,
            judge=_judge(recognizer),
            places=Places(_shape(pattern.regex, flags)),
            grouped=type(recognizer).analyze is IbanRecognizer.analyze,
        )


_ANALYZERS: Final = (PatternRecognizer.analyze, IbanRecognizer.analyze)


def _shape(pattern: str, flags: int) -> Shape | None:
    try:
        return shape_of(pattern, flags)
    except NotUnderstood:
        return None


def _judge(recognizer: PatternRecognizer) -> Judge | None:
    """What a recognizer says about matches, in the order in which Presidio asks it."""
    validate = validator(recognizer) if _overrides(recognizer, "validate_result") else None
    invalidate = invalidator(recognizer) if _overrides(recognizer, "invalidate_result") else None
    if type(recognizer).analyze is IbanRecognizer.analyze:
        invalidate = None
    if validate is None and invalidate is None:
        return None

    def judge(match: str, score: float) -> float:
        valid = None if validate is None else validate(match)
        if valid is not None:
            score = EntityRecognizer.MAX_SCORE if valid else EntityRecognizer.MIN_SCORE
        if invalidate is not None and invalidate(match):
            score = EntityRecognizer.MIN_SCORE
        return score

    return judge


def _overrides(recognizer: PatternRecognizer, method: str) -> bool:
    own = getattr(recognizer, method)
    return getattr(own, "__func__", own) is not getattr(PatternRecognizer, method)


def _group_ends(match: Any) -> Iterable[int]:
    """Ends to try, the longest first; one that was just tried says nothing new."""
    whole = match.end()
    before = None
    for _, end in match.regs[:0:-1]:
        stop = end if end > 0 else whole
        if stop != before:
            yield stop
        before = stop
