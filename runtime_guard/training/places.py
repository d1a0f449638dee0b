"""Towns, countries, streets, addresses, rivers, landmarks: our own lists, and Faker's in many formats."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from runtime_guard.training.lists import drawn, towns
from runtime_guard.training.names import faker

LOCALES: Final = (
    "en_US", "en_US", "en_GB", "en_AU", "en_CA", "en_IN", "en_IE", "en_NZ", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_CA",
    "es_ES", "es_MX", "it_IT", "pt_BR", "pt_PT", "nl_NL", "nl_BE", "pl_PL", "cs_CZ", "da_DK", "no_NO", "sv_SE", "fi_FI",
    "hu_HU", "ro_RO", "hr_HR", "tr_TR", "id_ID",
)  # fmt: skip
"""Of Faker, whose addresses are written as at the place."""

TOWNS: Final = (
    "cs_CZ", "da_DK", "de_AT", "de_CH", "de_DE", "en_IN", "es_ES", "fi_FI", "hr_HR", "id_ID", "nl_BE", "nl_NL", "pl_PL",
    "pt_PT", "ro_RO", "sv_SE", "en_US", "en_GB", "en_NZ",
)  # fmt: skip
"""Of Faker, whose towns are mostly real; the Italian ones come in another order in every process."""

FORMS: Final = ("city",) * 9 + ("country",) * 4 + ("region", "region", "nature", "area", "landmark")
"""Forms of a place of which a text says nothing more."""

_FAKED: Final = 0.18
"""Share of towns and streets that are Faker's."""


@dataclass(frozen=True)
class Town:
    """A town, the region and the country it lies in."""

    city: str
    region: str
    country: str

    def shown(self, form: str, rng: random.Random) -> str:
        """The town, or what it lies in; for other forms any."""
        here = {"city": self.city, "region": self.region, "country": self.country}
        return here[form] if form in here else place(form, rng)


def town(rng: random.Random) -> Town:
    """A town of the list."""
    return Town(*rng.choice(towns()))


def place(form: str, rng: random.Random) -> str:
    """A place in a form of the grammars."""
    faked = rng.random() < _FAKED
    if form == "city":
        if faked:
            return str(faker(rng.choice(TOWNS)).city())
        return town(rng).city if rng.random() < 0.93 else drawn("places", rng.choice(("region", "area")), rng)
    if faked and form in ("street", "address"):
        fake = faker(rng.choice(LOCALES))
        return str(fake.street_address() if form == "street" else fake.address())
    if form == "street" and rng.random() < 0.4:
        return f"{drawn('places', 'house', rng)} {drawn('places', 'street', rng)}"
    return drawn("places", form, rng)
