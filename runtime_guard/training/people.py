"""Sentences with personal data and where it stands: a grammar filled with Faker's values in many locales."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from faker import Faker

from runtime_guard.training.grammar import grammar

LOCALES: Final = (
    "en_US", "en_US", "en_US", "en_GB", "en_AU", "en_IN", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR", "nl_NL", "pl_PL",
    "sv_SE", "tr_TR", "cs_CZ",
)  # fmt: skip
_SLOT: Final = re.compile(r"\[(X:)?([A-Za-z_]+)\]")
_NATIONS: Final = (
    "American", "British", "German", "French", "Mexican", "Chinese", "Indian", "Russian", "Turkish", "Polish", "Kenyan",
    "Brazilian", "Canadian", "Italian", "Spanish", "Swedish", "Japanese", "Korean", "Nigerian", "Syrian", "European",
    "Christian", "Muslim", "Jewish", "Hindu", "Buddhist", "Catholic", "Protestant", "Sikh", "Mormon", "Republican",
    "Democrat", "Conservative", "Liberal", "Socialist", "Communist", "Hispanic", "Latino", "Asian", "Arab", "Kurdish",
)  # fmt: skip
_DATES: Final = (
    "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%B %d, %Y", "%d %B %Y", "%b %d", "%A", "%B %Y", "%d %b %Y",
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M", "%H:%M", "%I:%M %p", "%Y", "%A, %B %d", "%d-%b-%Y", "%m/%Y",
)  # fmt: skip
_VAGUE: Final = (
    "yesterday", "next Monday", "last week", "tomorrow morning", "two weeks ago", "in the 1990s", "last summer", "noon",
    "3 pm", "the 5th of May", "Christmas Eve", "next year", "Friday evening",
)  # fmt: skip
_BODIES: Final = (
    "Bank of {}", "University of {}", "{} Hospital", "{} City Council", "{} Police Department", "{} High School",
    "{} Times", "{} United", "{} Airlines", "{} Insurance", "St. {} Church", "{} Labs", "{} Motors", "{} Foundation",
)  # fmt: skip
_FAMOUS: Final = (
    "Google", "Microsoft", "Amazon", "Apple", "Siemens", "Toyota", "Walmart", "NASA", "FBI", "UNICEF", "Samsung", "BBC",
    "Netflix", "IBM", "Deutsche Bank", "Nestlé", "Harvard", "WHO", "Red Cross", "Facebook", "Twitter", "CNN", "Oracle",
    "Airbus", "Pfizer", "FIFA", "Manchester United", "Yankees", "European Union", "Congress", "Intel", "Boeing",
)  # fmt: skip


@dataclass(frozen=True)
class Tagged:
    """A text and the personal data in it.

    Attributes:
        text: the text.
        spans: start, end and type.
        annotated: types that the source annotates.
        source: where it comes from.
        validation: kept out of fitting.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]
    annotated: frozenset[str]
    source: str
    validation: bool = False


def sentences(count: int, seed: int, annotated: frozenset[str]) -> Iterator[Tagged]:
    """Sentences with their personal data; same seed and Faker, same sentences."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    fakers = {locale: Faker(locale) for locale in LOCALES}
    for number, fake in enumerate(fakers.values()):
        fake.seed_instance(seed * 100 + number)
    for _ in range(count):
        values = Values(fakers[rng.choice(LOCALES)], rng)
        parts = [grammar("pii").make("text", rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        text, spans = filled(rng.choice([" ", "\n"]).join(parts), values.of)
        if (chance := rng.random()) < 0.3:
            text = text.lower() if chance < 0.22 else text.upper()
            if any(end > len(text) for _, end, _ in spans):
                continue
        yield Tagged(text, spans, annotated, "generated/people", rng.random() < 0.1)


def filled(template: str, value: Callable[[str], str]) -> tuple[str, tuple[tuple[int, int, str], ...]]:
    """A template with its slots filled, and where the values of interest stand."""
    text, spans, at = "", [], 0
    for match in _SLOT.finditer(template):
        text += template[at : match.start()]
        shown = value(match.group(2))
        if not match.group(1):
            spans.append((len(text), len(text) + len(shown), match.group(2)))
        text += shown
        at = match.end()
    return text + template[at:], tuple(spans)


class Values:
    """Values for slots.

    Args:
        fake: of one locale.
        rng: chooses among forms.
    """

    def __init__(self, fake: Faker, rng: random.Random) -> None:
        self._fake = fake
        self._rng = rng

    def of(self, slot: str) -> str:
        """A value for a slot's name."""
        return str(getattr(self, f"_{slot.lower()}")()).replace("\n", ", ")

    def _person(self) -> str:
        first, last = self._fake.first_name(), self._fake.last_name()
        forms = (f"{first} {last}",) * 5 + (first, last, f"{first[0]}. {last}", f"{last}, {first}")
        return self._rng.choice((*forms, f"{first} {self._fake.first_name()[0]}. {last}", self._fake.name()))

    def _location(self) -> str:
        fake = self._fake
        forms = (
            fake.city,
            fake.city,
            fake.city,
            fake.country,
            fake.street_address,
            fake.address,
            fake.street_name,
        )
        return str(self._rng.choice(forms)())

    def _organization(self) -> str:
        chance = self._rng.random()
        if chance < 0.25:
            return self._rng.choice(_FAMOUS)
        if chance < 0.5:
            filler = self._rng.choice((self._fake.city, self._fake.last_name))()
            return self._rng.choice(_BODIES).replace("{}", filler)
        return str(self._fake.company())

    def _date_time(self) -> str:
        if self._rng.random() < 0.2:
            return self._rng.choice(_VAGUE)
        moment = self._fake.date_time_between("-80y", "+2y")
        return moment.strftime(self._rng.choice(_DATES))

    def _age(self) -> str:
        years = self._rng.randrange(1, 99)
        return self._rng.choice(
            (f"{years}", f"{years}", f"{years}-year-old", f"{years} years old", f"{years} y/o")
        )

    def _nrp(self) -> str:
        return self._rng.choice(_NATIONS)

    def _email(self) -> str:
        return str(self._fake.ascii_safe_email())

    def _phone(self) -> str:
        return str(self._fake.phone_number())

    def _ip(self) -> str:
        return str(self._fake.ipv4())

    def _user(self) -> str:
        return f"{self._fake.word()}_{self._rng.randrange(99)}"

    def _word(self) -> str:
        return str(self._fake.word())

    def _number(self) -> str:
        small, large = self._rng.randrange(99), self._rng.randrange(9999)
        return self._rng.choice((str(large), f"{small}-{large}"))
