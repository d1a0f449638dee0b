"""Which recognizers there are: Presidio's default ones for English, one of ours, those of any country, of a registry.

None of them loads a language model or fetches anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import tldextract
import yaml
from presidio_analyzer import (
    EntityRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerRegistry,
    predefined_recognizers,
)
from presidio_analyzer.predefined_recognizers import EmailRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

from govkernel.errors import ConfigError
from runtime_guard.patterns.ethereum import EthereumRecognizer

LANGUAGE: Final = "en"


class OfflineEmailRecognizer(EmailRecognizer):
    """Presidio's, with the bundled list of public suffixes instead of one fetched at first use."""

    _suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def __init__(self, **settings: Any) -> None:
        super().__init__(name="EmailRecognizer", **settings)

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the domain ends in a public suffix."""
        return bool(self._suffixes(pattern_text).top_domain_under_public_suffix)


class PrivateEmailRecognizer(PatternRecognizer):
    """Addresses in domains that no public suffix ends, which Presidio's recognizer therefore does not take.

    The names are those that are set aside for private networks and for examples: RFC 2606, 6761, 6762, 8375, and
    ``internal`` (ICANN, 2024); and those that networks use for that without being told.
    """

    def __init__(self, **settings: Any) -> None:
        local = r"[\w!#$%&'*+/=?^`{|}~-][\w!#$%&'*+/=?^`{|}~.-]{0,63}"
        domain = rf"(?:\w[\w-]{{0,62}}\.){{1,8}}(?:{'|'.join(_PRIVATE)})"
        super().__init__(
            supported_entity="EMAIL_ADDRESS",
            patterns=[Pattern("Private email", rf"\b{local}@{domain}\b(?![.-]?\w)", 0.6)],
            context=EmailRecognizer.CONTEXT,
            **settings,
        )


_PRIVATE: Final = (
    "corp", "example", "home", r"home\.arpa", "internal", "intranet", "invalid", "lan", "local", "localdomain",
    "localhost", "private", "test",
)  # fmt: skip


def default_recognizers() -> list[EntityRecognizer]:
    """Presidio's default recognizers for English, those that need a language model left out, and Ethereum's."""
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=[LANGUAGE])
    return [*_without_models(registry.recognizers), EthereumRecognizer(LANGUAGE)]


def country_recognizers(countries: Collection[str]) -> list[EntityRecognizer]:
    """All of Presidio's recognizers for what countries issue, also those that it leaves off.

    Args:
        countries: codes as Presidio has them, e.g. ``de``, ``uk``, ``us``.

    Raises:
        ConfigError: ``guard.unknown-country``.
    """
    known: dict[str, list[Any]] = {}
    for item in _classes():
        known.setdefault(item.COUNTRY_CODE, []).append(item)
    unknown = sorted(set(countries) - set(known))
    if unknown:
        raise ConfigError(
            "guard.unknown-country",
            f"There are no recognizers for the country {unknown[0]!r}.",
            remedy=f"Known are {', '.join(sorted(known))}.",
        )
    return [item(supported_language=LANGUAGE) for code in sorted(set(countries)) for item in known[code]]


def all_countries() -> frozenset[str]:
    """Codes of the countries that Presidio has recognizers for."""
    return frozenset(item.COUNTRY_CODE for item in _classes())


def _classes() -> list[Any]:
    """Presidio's recognizers that belong to a country, by name."""
    found = [item for _, item in sorted(vars(predefined_recognizers).items()) if inspect.isclass(item)]
    return [item for item in found if issubclass(item, EntityRecognizer) and item.COUNTRY_CODE]


def registry_recognizers(file: Path) -> list[EntityRecognizer]:
    """The recognizers of a registry, as Presidio's YAML describes them.

    Raises:
        ConfigError: ``guard.bad-recognizers``.
    """
    try:
        registry = RecognizerRegistryProvider(conf_file=file).create_recognizer_registry()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise ConfigError(
            "guard.bad-recognizers",
            f"The recognizers in {file} cannot be used.",
            why=f"{type(error).__name__}: {error}",
            remedy="The file follows Presidio's recognizer registry; see its documentation.",
        ) from error
    return list(_without_models(registry.recognizers))


def _without_models(recognizers: Iterable[Any]) -> Iterator[EntityRecognizer]:
    """Recognizers that look at text alone."""
    for item in recognizers:
        if type(item).__module__.startswith(_MODELS):
            continue
        if type(item) is EmailRecognizer:
            patterns: Any = getattr(item, "patterns")  # noqa: B009 - its type is unknown
            yield OfflineEmailRecognizer(
                patterns=list(patterns),
                context=item.context,
                supported_language=item.supported_language,
                supported_entity=item.supported_entities[0],
            )
        else:
            yield item


_MODELS: Final = tuple(
    f"{predefined_recognizers.__name__}.{room}" for room in ("nlp_engine_recognizers", "ner", "third_party")
)
