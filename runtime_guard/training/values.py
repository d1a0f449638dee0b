"""Values for the slots of a text: the same number, the same person, place or organisation."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from runtime_guard.training import moments, names, organizations, places
from runtime_guard.training.lists import drawn, read
from runtime_guard.training.names import Person
from runtime_guard.training.organizations import Organization
from runtime_guard.training.places import Town
from runtime_guard.training.things import thing

OTHER: Final = "X"
"""What is filled in and is no personal data of the encoder's."""

_SLIGHT: Final = 0.12
"""Share of persons without a form who are known by one name."""


class Values:
    """Values for one text.

    Args:
        rng: of every choice; Faker's own generators are set by :func:`runtime_guard.training.names.seeded`.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._people: dict[str, Person] = {}
        self._towns: dict[str, Town] = {}
        self._organizations: dict[str, Organization] = {}
        self._of: Mapping[str, Callable[[str, str], str]] = {
            "PERSON": self._person,
            "LOCATION": self._location,
            "ORGANIZATION": self._organization,
            "DATE_TIME": lambda _, form: moments.moment(form or rng.choice(moments.FORMS), rng),
            "AGE": lambda _, form: moments.age(form or rng.choice(moments.AGES), rng),
            "NRP": lambda _, form: _group(form, rng),
            OTHER: lambda _, form: thing(form, rng),
        }

    def of(self, entity: str, number: str, form: str) -> str:
        """A value.

        Args:
            entity: PERSON, …, or :data:`OTHER`.
            number: values of one number belong together; empty for one that is met once.
            form: how it is written; empty for any way.
        """
        return self._of[entity](number, form).strip()

    def _person(self, number: str, form: str) -> str:
        rng = self._rng
        if form in names.ALONE:
            return names.alone(form, rng)
        if not form and not number and rng.random() < _SLIGHT:
            return names.alone(rng.choice(names.ALONE), rng)
        someone = self._people[number] if number in self._people else names.person(rng)
        if number:
            self._people[number] = someone
        shown = form or ("full" if number else rng.choice(names.FORMS))
        return someone.shown(shown, rng)

    def _location(self, number: str, form: str) -> str:
        rng = self._rng
        chosen = form or rng.choice(places.FORMS)
        if not number:
            return places.place(chosen, rng)
        if number not in self._towns:
            self._towns[number] = places.town(rng)
        return self._towns[number].shown(chosen, rng)

    def _organization(self, number: str, form: str) -> str:
        if not number:
            return organizations.organization(form, self._rng)
        if number not in self._organizations:
            self._organizations[number] = organizations.known(self._rng)
        return self._organizations[number].shown(form, self._rng)


def _group(form: str, rng: random.Random) -> str:
    """An adjective or a plural of a nation, a religion, a party, a conviction."""
    chosen = form or rng.choice(("adj", "adj", "adj", "people", "religion", "believers", "party", "ideology"))
    if chosen in ("adj", "people"):
        adjective, _, people = rng.choice(read("groups")["nations"]).partition("/")
        return str(adjective if chosen == "adj" else people)
    return drawn("groups", "religion" if chosen == "believer" else chosen, rng)
