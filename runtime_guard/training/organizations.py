"""Companies, agencies, clubs, newspapers, schools, parties: our own lists and moulds, and Faker's companies."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Final

from runtime_guard.training.lists import drawn
from runtime_guard.training.names import faker
from runtime_guard.training.places import LOCALES

FORMS: Final = ("company",) * 7 + (
    "bank", "university", "university", "agency", "agency", "ngo", "team", "paper", "hospital", "school", "party",
    "acronym", "acronym", "dept", "church", "union", "military",
)  # fmt: skip
"""Forms of an organisation of which a text says nothing more."""

_FAKED: Final = 0.2
"""Share of companies that are Faker's; what is one word there is a surname."""

_LEGAL: Final = re.compile(
    r",? (?:Inc|Ltd|LLC|LLP|Corp|Co|Corporation|Company|Limited|GmbH|AG|KG|SE|S\.?A|SAS|SARL|S\.p\.A|S\.r\.l|B\.?V|"
    r"N\.?V|AB|A/S|AS|Oyj?|s\.r\.o|PLC|plc|Pty|Group|Holdings|International)\b.*$"
)


@dataclass(frozen=True)
class Organization:
    """An organisation, what it is called for short, and its initials."""

    name: str
    short: str
    acronym: str

    def shown(self, form: str, rng: random.Random) -> str:
        """The name, or its ``short`` or ``acronym``; for other forms any organisation."""
        here = {"": self.name, "company": self.name, "short": self.short, "acronym": self.acronym}
        return here[form] if form in here else organization(form, rng)


def known(rng: random.Random) -> Organization:
    """An organisation that a text names more than once."""
    if rng.random() < 0.2:
        name, _, acronym = drawn("organizations", "long", rng).partition("/")
        return Organization(f"the {name}", f"the {acronym}", acronym)
    name = organization("company", rng)
    short = _LEGAL.sub("", name) or name
    words = [word for word in re.findall(r"\w+", name) if word[0].isupper()]
    return Organization(name, short, "".join(word[0] for word in words)[:5] if len(words) > 2 else short)


def organization(form: str, rng: random.Random) -> str:
    """An organisation in a form of the grammars."""
    if form == "company" and rng.random() < _FAKED:
        made = str(faker(rng.choice(LOCALES)).company())
        if " " in made:
            return made
    return drawn("organizations", form or rng.choice(FORMS), rng)
