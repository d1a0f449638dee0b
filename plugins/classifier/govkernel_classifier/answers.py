"""What endpoints answer, from bytes that may be anything: labels with scores, and places where there are any.

Nothing of an answer is ever told in an error: it may hold the text that was asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple

from govkernel.domain import strict_json
from govkernel.errors import InputError
from govkernel_classifier.settings import Endpoint

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer."""

MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 10_000
_WIDTHS: Final[Mapping[str, tuple[str, int]]] = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2)}


class WrongAnswer(ValueError):
    """An answer that cannot be; its words are ours, never the endpoint's."""


class Said(NamedTuple):
    """One thing that an endpoint says of a text, as it calls it: the label, its score, and the place of a span."""

    label: str
    score: float
    start: int = 0
    end: int = 0


def request(endpoint: Endpoint, text: str, role: str) -> bytes:
    """What is asked about a text that a role wrote, as JSON."""
    if endpoint.format == "govkernel":
        return json.dumps({"text": text, "role": role}).encode()
    if endpoint.format == "moderation":
        asked: dict[str, Any] = {"input": text, "model": endpoint.model}
    else:
        asked = {"inputs": text, "parameters": endpoint.parameters}
    return json.dumps({key: value for key, value in asked.items() if value}).encode()


def read(endpoint: Endpoint, text: str, answer: bytes) -> list[Said]:
    """What an answer says of a text.

    Raises:
        WrongAnswer: it is not what such an endpoint answers; a span of it does not stand in the text.
    """
    try:
        value = strict_json.loads(answer, max_bytes=MAX_ANSWER, max_depth=MAX_DEPTH)
    except InputError as error:
        raise WrongAnswer(f"It is no JSON ({error.code}).") from None
    if endpoint.format == "moderation":
        return list(_moderated(value))
    if endpoint.format == "govkernel":
        return list(_screened(value, text))
    items = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list) else value
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise WrongAnswer("It is no list of labels.")
    if endpoint.format == "labels":
        return [_labelled(item) for item in items]
    places = _places(text, endpoint.unit)
    return [_placed(item, places) for item in items]


def _moderated(value: Any) -> Iterator[Said]:
    results = value.get("results") if isinstance(value, dict) else None
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise WrongAnswer("It is no moderation of one text.")
    scores = results[0].get("category_scores", results[0].get("categories"))
    if not isinstance(scores, dict) or not scores or len(scores) > MAX_ITEMS:
        raise WrongAnswer("It scores no categories.")
    for label, score in scores.items():
        yield Said(label, float(score) if isinstance(score, bool) else _score(score))


def _screened(value: Any, text: str) -> Iterator[Said]:
    """A document of ``govkernel screen --jsonl``."""
    spans, scores, flagged = (
        value.get(key) if isinstance(value, dict) else None for key in ("findings", "labels", "flagged")
    )
    if not isinstance(spans, list) or not isinstance(scores, dict) or not isinstance(flagged, list):
        raise WrongAnswer("It is no document about one text.")
    if len(spans) + len(flagged) > MAX_ITEMS:
        raise WrongAnswer("It finds too much.")
    places = _places(text, "characters")
    for item in spans:
        yield _placed({**item, "entity_group": item.get("type")} if isinstance(item, dict) else item, places)
    for label in flagged:
        yield Said(label, _score(scores.get(label))) if isinstance(label, str) else _labelled(None)


def _labelled(item: Any) -> Said:
    label = item.get("label") if isinstance(item, dict) else None
    if not isinstance(label, str):
        raise WrongAnswer("An entry has no label.")
    return Said(label, _score(item.get("score")))


def _placed(item: Any, places: Mapping[int, int]) -> Said:
    named = (item.get("entity_group") or item.get("entity")) if isinstance(item, dict) else None
    if not isinstance(named, str):
        raise WrongAnswer("An entry has no label.")
    ends = [item.get("start"), item.get("end")]
    start, end = (places.get(place) if type(place) is int else None for place in ends)
    if start is None or end is None or start >= end:
        raise WrongAnswer("A span does not stand in the text.")
    label = named[2:] if not item.get("entity_group") and named[:2] in {"B-", "I-"} else named
    return Said(label, _score(item.get("score")), start, end)


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1 + 1e-6:
        raise WrongAnswer("A score is none.")
    return min(1.0, float(value))


def _places(text: str, unit: str) -> Mapping[int, int]:
    """From what an endpoint counts to characters, at their bounds only."""
    if unit == "characters":
        return {number: number for number in range(len(text) + 1)}
    encoding, width = _WIDTHS[unit]
    lengths = (len(character.encode(encoding, "surrogatepass")) // width for character in text)
    return {place: number for number, place in enumerate(accumulate(lengths, initial=0))}
