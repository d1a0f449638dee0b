"""Presidio's pattern recognizers for English: its entities, patterns, checksums, context words and scores.

No language model is loaded: tokens for context words come from a small tokenizer of our own, and the list of
public suffixes that the e-mail recognizer needs is the one bundled with tldextract, so that nothing dials out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, cast

import regex
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from presidio_analyzer.predefined_recognizers import EmailRecognizer
from spacy.tokens import Doc

from govkernel.domain import Finding

NAME: Final = "presidio"
LANGUAGE: Final = "en"
THRESHOLD: Final = 0.4
ENTITIES: Final = (
    "CREDIT_CARD",
    "CRYPTO",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MEDICAL_LICENSE",
    "PHONE_NUMBER",
    "UK_NHS",
    "US_BANK_NUMBER",
    "US_DRIVER_LICENSE",
    "US_ITIN",
    "US_PASSPORT",
    "US_SSN",
)
"""What is looked for: the entities of Presidio's default English set that identify a person or an account."""

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_CANDIDATE: Final = re.compile(r"[\d@]|[0-9a-fA-F]*::?[0-9a-fA-F]*:")
"""Every pattern of :data:`ENTITIES` needs a digit, an @, or the colons of an IPv6 address."""

_PHONE: Final = re.compile(r"\d(?:[\W_xX]{0,5}\d){3}")
"""The shortest valid number of Presidio's regions has four digits (DE), with at most four signs between two of them."""


class PresidioDetector:
    """Personal data by pattern, checksum and context.

    Args:
        threshold: findings below this score are dropped.
    """

    name = NAME
    labels = frozenset(ENTITIES)

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        registry = RecognizerRegistry()
        registry.load_predefined_recognizers(languages=[LANGUAGE])
        for name in ("SpacyRecognizer", "EmailRecognizer"):
            registry.remove_recognizer(name)
        registry.add_recognizer(_OfflineEmailRecognizer(supported_language=LANGUAGE))
        self._analyzer = AnalyzerEngine(
            registry=registry, nlp_engine=_Tokens(), supported_languages=[LANGUAGE]
        )
        self._candidates = tuple(_candidates(registry.recognizers))

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """Findings in ``text``; the role does not matter to patterns."""
        if not _CANDIDATE.search(text):
            return ()
        entities = [entity for entity, may_stand in self._candidates if may_stand(text)]
        if not entities:
            return ()
        results = self._analyzer.analyze(
            text, language=LANGUAGE, entities=entities, score_threshold=self._threshold
        )
        return [
            Finding(
                label=item.entity_type,
                start=item.start,
                end=item.end,
                score=min(1.0, item.score),
                detector=NAME,
            )
            for item in results
        ]


def _candidates(recognizers: Iterable[Any]) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Per entity, whether any pattern of its recognizers is in a text: asking costs far less than analysing."""
    patterns: dict[str, list[Any]] = {}
    for recognizer in recognizers:
        for entity in set(recognizer.supported_entities) & set(ENTITIES):
            flags = getattr(recognizer, "global_regex_flags", 0)
            compiled = [regex.compile(item.regex, flags) for item in getattr(recognizer, "patterns", ())]
            patterns.setdefault(entity, []).extend(compiled or [_PHONE])
    for entity, found in patterns.items():
        yield entity, partial(_any_matches, tuple(found))


def _any_matches(patterns: Sequence[Any], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)


class _OfflineEmailRecognizer(EmailRecognizer):
    """Presidio's, with the bundled list of public suffixes instead of one fetched at first use."""

    _suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def __init__(self, **settings: Any) -> None:
        super().__init__(name="EmailRecognizer", **settings)

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the domain ends in a public suffix."""
        return bool(self._suffixes(pattern_text).top_domain_under_public_suffix)


class _Tokens(NlpEngine):
    """Words and punctuation, lower-cased as lemmas: enough for context words."""

    def load(self) -> None:
        """Nothing to load."""

    def is_loaded(self) -> bool:
        """Always."""
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Tokens of a text with their offsets."""
        found = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
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
        return [LANGUAGE]
