"""Words that stand beside a finding, as Presidio's ``LemmaContextAwareEnhancer`` collects them.

The pipeline is ours: tokens are runs of word characters and single signs, lemmas are lower-case tokens. So tokens
depend on their neighbours only, and a few of them can be cut out of a text without cutting all of it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Final, Protocol, cast

from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from spacy.tokens import Doc

TOKEN: Final = re.compile(r"\w+|[^\w\s]")

WORD: Final = re.compile(r"_*[^\W_]\w*")
"""Tokens that are words: they hold a letter or digit."""

_NEAR: Final = 48
"""Characters that hold six words more often than not."""

COPULA: Final = "be"
"""Presidio takes this lemma for no keyword."""


class Words(Protocol):
    """The words of one text."""

    def beside(self, start: int, before: int, after: int) -> list[str]:
        """Lower-case keywords around the token at ``start``, which is one of them.

        Args:
            start: where a finding begins.
            before: how many before it.
            after: how many behind it.
        """


class NearWords:
    """Words of a text, cut out where they are asked for.

    Args:
        text: the whole text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._spent = 0

    def beside(self, start: int, before: int, after: int) -> list[str]:
        """See :class:`Words`."""
        if self._spent > 4 * len(self._text):
            return self._in_all(start, before, after)
        token = TOKEN.search(self._text, self._begin_of(start))
        if token is None:
            return []
        begin, end = token.span()
        reach = _NEAR
        while True:
            low = begin - reach if begin > reach else 0
            self._spent += reach
            found = self._keys(low, end, before + 1)
            if len(found) > before or low == 0:
                break
            reach *= 4
        if after or not WORD.match(self._text, begin) or token.group().lower() == COPULA:
            found += self._following(begin, after)
        return found

    def _keys(self, low: int, end: int, most: int) -> list[str]:
        """The last keywords between two places, lower case."""
        low = self._word_border(low)
        piece = self._text[low:end]
        lower = piece.isascii()  # then lower case does not depend on neighbours
        keys = WORD.findall(piece.lower()) if lower else list(map(str.lower, WORD.findall(piece)))
        if COPULA in keys:
            keys = [key for key in keys if key != COPULA]
        return keys[-most:]

    def _following(self, start: int, after: int) -> list[str]:
        found: list[str] = []
        for match in WORD.finditer(self._text, start):
            found += _lemmas([match.group()])
            self._spent = max(self._spent, match.end() - start)
            if len(found) > after:
                break
        return found

    def _begin_of(self, start: int) -> int:
        """Where the token begins that covers ``start``, or ``start`` itself."""
        text = self._text
        if start == 0 or not _is_word(text[start - 1]) or start >= len(text) or not _is_word(text[start]):
            return start
        while start and _is_word(text[start - 1]):
            start -= 1
            self._spent += 1
        return start

    def _word_border(self, low: int) -> int:
        """The first place from ``low`` on that is not inside a word."""
        if low and _is_word(self._text[low - 1]):
            border = _INSIDE.match(self._text, low)
            return border.end() if border else low
        return low

    def _in_all(self, start: int, before: int, after: int) -> list[str]:
        """The same from a list of all tokens, made once."""
        ends, keys = self._all
        place = bisect_right(ends, start)
        return _around(keys, place, before, after) if place < len(ends) else []

    @cached_property
    def _all(self) -> tuple[list[int], list[str | None]]:
        tokens = [(match.end(), match.group()) for match in TOKEN.finditer(self._text)]
        return [end for end, _ in tokens], [next(_lemmas(WORD.findall(token)), None) for _, token in tokens]


class PipelineWords:
    """Words of a text as an ``NlpEngine`` of Presidio's sees them: any engine, the whole text at once.

    Args:
        text: the whole text.
        engine: makes tokens and lemmas.
        language: of the text.
    """

    def __init__(self, text: str, engine: NlpEngine, language: str) -> None:
        self._text = text
        self._engine = engine
        self._language = language

    @cached_property
    def artifacts(self) -> NlpArtifacts:
        """What the engine says about the text."""
        return self._engine.process_text(self._text, self._language)

    def beside(self, start: int, before: int, after: int) -> list[str]:
        """See :class:`Words`."""
        ends, keys = self._tokens
        place = bisect_right(ends, start)
        return _around(keys, place, before, after) if place < len(ends) else []

    @cached_property
    def _tokens(self) -> tuple[list[int], list[str | None]]:
        artifacts = self.artifacts
        keywords = frozenset(artifacts.keywords)
        lemmas = [lemma.lower() for lemma in artifacts.lemmas]
        ends = [
            begin + len(token)
            for begin, token in zip(artifacts.tokens_indices, artifacts.tokens, strict=True)
        ]
        return ends, [lemma if lemma in keywords else None for lemma in lemmas]


class Tokens(NlpEngine):
    """The same tokens as an engine for Presidio, e.g. to compare with it."""

    def load(self) -> None:
        """Nothing to load."""

    def is_loaded(self) -> bool:
        """Always."""
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Tokens of a text with their offsets."""
        found = [(match.group(), match.start()) for match in TOKEN.finditer(text)]
        words = [word for word, _ in found]
        lemmas = [word.lower() for word in words]
        return NlpArtifacts([], cast(Doc, words), [start for _, start in found], lemmas, self, language)

    def process_batch(
        self, texts: Iterable[str], language: str, batch_size: int = 1, n_process: int = 1, **_: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Each text with its tokens."""
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        """No word is left out."""
        return False

    def is_punct(self, word: str, language: str) -> bool:
        """Whether a token is punctuation."""
        return not any(char.isalnum() for char in word)

    def get_supported_entities(self) -> list[str]:
        """None: tokens name nothing."""
        return []

    def get_supported_languages(self) -> list[str]:
        """English."""
        return ["en"]


_INSIDE: Final = re.compile(r"\w*")


def _around(keys: Sequence[str | None], place: int, before: int, after: int) -> list[str]:
    """Up to ``before + 1`` keywords from a place backwards, and ``after + 1`` forwards."""
    back = filter(None, (keys[number] for number in range(place, -1, -1)))
    ahead = filter(None, (keys[number] for number in range(place, len(keys))))
    return [*islice(back, before + 1), *islice(ahead, after + 1)]


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _lemmas(keys: Iterable[str]) -> Iterator[str]:
    """Lower-case keywords, without forms of "be"."""
    return (lemma for key in keys if (lemma := key.lower()) != COPULA)
