"""People's names: Faker's in many locales, in Latin letters where needed, and those of our own lists."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Final

from anyascii import anyascii
from faker import Faker

from runtime_guard.training.lists import FAMILIES, drawn, read

LOCALES: Final = (
    "az_AZ", "bg_BG", "cs_CZ", "da_DK", "de_AT", "de_CH", "de_DE", "el_GR", "en_GB", "en_IE", "en_IN", "en_KE", "en_NG",
    "en_NZ", "en_PK", "en_TH", "en_US", "es_AR", "es_CL", "es_CO", "es_ES", "es_MX", "et_EE", "fi_FI", "fr_BE", "fr_CA",
    "fr_CH", "fr_DZ", "fr_FR", "ga_IE", "ha_NG", "hr_HR", "hu_HU", "hy_AM", "id_ID", "ig_NG", "is_IS", "it_IT", "ka_GE",
    "lt_LT", "lv_LV", "mk_MK", "nl_BE", "nl_NL", "no_NO", "pl_PL", "pt_BR", "pt_PT", "ro_RO", "ru_RU", "sk_SK", "sl_SI",
    "sv_SE", "tr_TR", "tw_GH", "uk_UA", "uz_UZ", "yo_NG", "zh_TW", "zu_ZA",
)  # fmt: skip
"""Of Faker, whose given names and surnames are true to the place and readable in Latin letters."""

ENGLISH: Final = ("en_US", "en_US", "en_US", "en_GB", "en_GB", "en_IE", "en_NZ")
FOREIGN: Final = (
    "ar_SA",
    "fa_IR",
    "he_IL",
    "hi_IN",
    "ja_JP",
    "ko_KR",
    "zh_CN",
    "ru_RU",
    "el_GR",
    "uk_UA",
    "th_TH",
)
"""Locales of names left in their own letters now and then."""

_OWN: Final = tuple(rule.removesuffix(FAMILIES) for rule in read("people") if rule.endswith(FAMILIES))
_FAMILY_FIRST: Final = frozenset({"chinese", "korean", "japanese", "vietnamese"})
_SUFFIXES: Final = ("Jr.", "Jr.", "Jr", "Sr.", "II", "III", "IV")
_SIBILANTS: Final = ("s", "x", "z", "ch", "sh")


@dataclass(frozen=True)
class Person:
    """A name in its parts.

    Attributes:
        given: given name; may hold several words.
        family: surname; empty for those who have none.
        middle: a second given name.
        nick: what friends say.
        family_first: whether the surname stands first.
    """

    given: str
    family: str
    middle: str
    nick: str
    family_first: bool = False

    @property
    def full(self) -> str:
        """Both names in the order of their place."""
        parts = (self.family, self.given) if self.family_first else (self.given, self.family)
        return " ".join(part for part in parts if part)

    def shown(self, form: str, rng: random.Random) -> str:
        """The name in a form of the grammars."""
        given, family = self.given, self.family or self.given
        initial = f"{given[0]}."
        forms = {
            "full": self.full,
            "first": given,
            "last": family,
            "initial": rng.choice((f"{initial} {family}",) * 3 + (f"{initial}{family}", f"{given[0]} {family}")),
            "middle": rng.choice(
                (f"{given} {self.middle[0]}. {family}",) * 2 + (f"{given} {self.middle} {family}",)
                + (f"{initial} {self.middle[0]}. {family}", f"{given[0]}{self.middle[0]} {family}")
            ),
            "listed": rng.choice((f"{family}, {given}",) * 3 + (f"{family}, {initial}", f"{family.upper()}, {given}")),
            "suffix": f"{given} {family}{rng.choice((' ', ', '))}{rng.choice(_SUFFIXES)}",
            "quoted": f'{given} {rng.choice(("“{}”", chr(34) + "{}" + chr(34), "({})")).format(self.nick)} {family}',
            "nick": self.nick,
            "plural": family + ("es" if family.lower().endswith(_SIBILANTS) else "s"),
            "upper": self.full.upper(),
            "lower": self.full.lower(),
            "lastlower": family.lower(),
            "bigfamily": f"{given} {family.upper()}",
        }  # fmt: skip
        return forms[form]


FORMS: Final = (
    ("full",) * 11
    + ("first",) * 2
    + ("last", "last", "initial", "middle", "middle", "suffix", "quoted", "bigfamily")
)
"""Forms of a person of whom a text says nothing more, as often as they are met."""

ALONE: Final = ("famous", "fictional", "mono")
"""Rules of names that are one whole."""


def person(rng: random.Random) -> Person:
    """A person, every third English-speaking."""
    chance = rng.random()
    nick = drawn("people", "nick", rng)
    if chance < 0.3:
        culture = rng.choice(_OWN)
        given, middle = (drawn("people", f"{culture}given", rng) for _ in range(2))
        family = drawn("people", f"{culture}family", rng)
        return Person(given, family, middle, nick, culture in _FAMILY_FIRST and rng.random() < 0.6)
    if chance < 0.34:
        return _of_locale(rng.choice(FOREIGN), nick, rng)
    made = _of_locale(rng.choice(ENGLISH if chance < 0.55 else LOCALES), nick, rng)
    if rng.random() < 0.05:
        other = drawn("people", "surname", rng)
        return Person(made.given, f"{made.family}{rng.choice('- ')}{other}", made.middle, nick)
    return made


def alone(form: str, rng: random.Random) -> str:
    """A name that is one whole: ``famous``, ``fictional`` or ``mono``."""
    return drawn("people", form, rng)


@cache
def faker(locale: str) -> Faker:
    """Faker of a locale; :func:`seeded` sets it to the beginning."""
    return Faker(locale)


def seeded(seed: int, locales: Collection[str]) -> None:
    """Begin anew in these locales, so that the same seed makes the same values."""
    for number, locale in enumerate(sorted({*LOCALES, *ENGLISH, *FOREIGN, *locales})):
        faker(locale).seed_instance(seed * 1000 + number)


def _of_locale(locale: str, nick: str, rng: random.Random) -> Person:
    fake = faker(locale)
    given, middle, family = fake.first_name(), fake.first_name(), fake.last_name()
    if locale in LOCALES and not (given + family).isascii():
        latin = any(ord(letter) > 0x250 for letter in given + family)
        if latin or rng.random() < 0.15:
            given, middle, family = (_latin(part) for part in (given, middle, family))
    return Person(given, family or given, middle or given, nick)


def _latin(name: str) -> str:
    shown = anyascii(name).replace("`", "").replace("'", "")
    return " ".join(part[:1].upper() + part[1:].lower() for part in shown.split())
