"""Texts in other languages, with personal data and without: a grammar of each, with names of its own among the rules.

A token head that reads few languages takes their ordinary words for names; so more than half of the texts have none.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from runtime_guard.training import noise
from runtime_guard.training.grammar import grammar, grammars_in
from runtime_guard.training.names import faker, seeded
from runtime_guard.training.people import composed
from runtime_guard.training.slots import filled
from runtime_guard.training.tagged import Place, Tagged

SOURCE: Final = "generated/abroad"
FOLDER: Final = "abroad"
ORDER: Final = "order"
"""Rule of a language whose family names stand first."""
JOIN: Final = "join"
"""Rule of a language with what stands between the names, where that is no blank."""

LOCALES: Final[Mapping[str, str]] = {
    "bg": "bg_BG", "bn": "bn_BD", "cs": "cs_CZ", "da": "da_DK", "de": "de_DE", "el": "el_GR", "es": "es_ES",
    "fa": "fa_IR", "fi": "fi_FI", "fr": "fr_FR", "he": "he_IL", "hi": "hi_IN", "hr": "hr_HR", "hu": "hu_HU",
    "hy": "hy_AM", "id": "id_ID", "it": "it_IT", "ja": "ja_JP", "ka": "ka_GE", "ko": "ko_KR", "mr": "mr_IN",
    "nl": "nl_NL", "no": "no_NO", "pl": "pl_PL", "pt": "pt_PT", "ro": "ro_RO", "ru": "ru_RU", "sv": "sv_SE",
    "ta": "ta_IN", "th": "th_TH", "tr": "tr_TR", "uk": "uk_UA", "zh": "zh_CN",
}  # fmt: skip
"""Of Faker, whose names are true to the place and in its own letters."""

_PERSONAL: Final = 0.45
_PARTS: Final = (1, 1, 1, 1, 2, 2, 3, 4)
_OF_FAKER: Final = 0.5
_FORMS: Final = ("full",) * 6 + ("first", "last")
"""Forms of a person of whom a text says nothing more, as often as they are met."""

_NOISES: Final[tuple[tuple[float, Callable[[str, Sequence[Place], random.Random], noise.Text]], ...]] = (
    (0.04, noise.bare), (0.04, noise.cut), (0.12, noise.lowered), (0.04, noise.raised),
)  # fmt: skip
"""Those that leave every script readable."""

_SMALL_ONLY: Final = re.compile("[ა-ჰ]")
"""Georgian, whose capitals nobody writes."""


def languages() -> tuple[str, ...]:
    """Codes of the languages that have a grammar ``grammars/abroad/CODE.yaml``."""
    return grammars_in(FOLDER)


def abroad(count: int, seed: int, annotated: frozenset[str]) -> Iterator[Tagged]:
    """Texts of one to four sentences, each once, every language as often; same seed and Faker, same texts.

    Args:
        count: how many.
        seed: of every choice.
        annotated: the types that are said to be annotated; all of the encoder's are.
    """
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    seeded(seed, LOCALES.values())
    seen: set[str] = set()
    while len(seen) < count:
        language = languages()[len(seen) % len(languages())]
        template = composed(grammar(f"{FOLDER}/{language}"), _PARTS, rng, personal=rng.random() < _PERSONAL)
        text, spans = _roughened(*filled(template, Values(language, rng).of), rng)
        if text not in seen:
            seen.add(text)
            yield Tagged(text, spans, annotated, SOURCE, rng.random() < 0.1)


class Values:
    """Values of a language for one text; a person of a number stays the same.

    Args:
        language: code of its grammar.
        rng: of every choice; Faker's own generators are set by :func:`runtime_guard.training.names.seeded`.
    """

    def __init__(self, language: str, rng: random.Random) -> None:
        self._language = language
        self._rng = rng
        self._people: dict[str, Mapping[str, str]] = {}

    def of(self, entity: str, number: str, form: str) -> str:
        """A value.

        Args:
            entity: PERSON, LOCATION or ORGANIZATION.
            number: of a person who is met again; empty for one who is met once.
            form: of a person ``full``, ``first`` or ``last``, empty for any; else the rule that makes it.
        """
        if entity != "PERSON":
            return grammar(f"{FOLDER}/{self._language}").make(form, self._rng)
        someone = self._people.get(number) or person(self._language, self._rng)
        if number:
            self._people[number] = someone
        return someone[form or ("full" if number else self._rng.choice(_FORMS))]


def person(language: str, rng: random.Random) -> Mapping[str, str]:
    """Somebody's name by its form: ``full``, ``first`` and ``last``; of the grammar or of Faker."""
    theme = grammar(f"{FOLDER}/{language}")
    given, family = theme.make("given", rng), theme.make("family", rng)
    if language in LOCALES and rng.random() < _OF_FAKER:
        fake = faker(LOCALES[language])
        if rng.random() < 0.5:
            given, family = fake.first_name_female(), fake.last_name_female()
        else:
            given, family = fake.first_name_male(), fake.last_name_male()
    parts = (family, given) if ORDER in theme.rules else (given, family)
    (between,) = theme.rules.get(JOIN, (" ",))
    return {"full": between.join(parts), "first": given, "last": family}


def _roughened(text: str, spans: Sequence[Place], rng: random.Random) -> noise.Text:
    """A text as it may be met: mostly as it was written, else without marks, cut, in small or large letters."""
    made = (text, tuple(spans))
    for chance, change in _NOISES:
        if rng.random() < chance and not (change is noise.raised and _SMALL_ONLY.search(text)):
            made = change(*made, rng)
    return made
