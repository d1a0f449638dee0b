"""What stands beside personal data and is none that the encoder tags: titles, roles, numbers, identifiers, products."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Final

from runtime_guard.training.lists import drawn
from runtime_guard.training.names import ENGLISH, LOCALES, faker

_KEY: Final = string.ascii_letters + string.digits


def thing(form: str, rng: random.Random) -> str:
    """A thing in a form of the grammars."""
    made = _MADE.get(form)
    return made(rng) if made else drawn("things", form, rng)


def _email(rng: random.Random) -> str:
    return str(faker(rng.choice(ENGLISH)).ascii_safe_email())


def _phone(rng: random.Random) -> str:
    return str(faker(rng.choice(LOCALES)).phone_number())


def _word(rng: random.Random) -> str:
    return str(faker("en_US").word())


def _number(rng: random.Random) -> str:
    large = rng.randrange(10 ** rng.randrange(2, 6))
    return rng.choice((str(large), str(large), f"{large:,}", str(rng.randrange(100, 9999))))


def _code(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randrange(1, 4)))
    return f"{letters}{rng.choice(('', '-', ' '))}{rng.randrange(10, 99_999)}"


def _hex(count: int, gap: str = "") -> Callable[[random.Random], str]:
    def made(rng: random.Random) -> str:
        return gap.join(f"{rng.randrange(256):02x}" for _ in range(count))

    return made


def _key(rng: random.Random) -> str:
    marks = rng.choice(("", "", "!$#_-"))
    opening = rng.choice(("", "", "sk-", "ghp_", "AKIA"))
    return opening + "".join(rng.choices(_KEY + marks, k=rng.randrange(8, 40)))


def _groups(count: int, gap: str = " ") -> Callable[[random.Random], str]:
    return lambda rng: gap.join(f"{rng.randrange(10_000):04}" for _ in range(count))


_MADE: Final[Mapping[str, Callable[[random.Random], str]]] = {
    "email": _email,
    "phone": _phone,
    "word": _word,
    "number": _number,
    "small": lambda rng: str(rng.randrange(2, 90)),
    "code": _code,
    "ip": lambda rng: ".".join(str(rng.randrange(256)) for _ in range(4)),
    "mac": _hex(6, ":"),
    "hash": lambda rng: _hex(rng.choice((4, 16, 20)))(rng),
    "key": _key,
    "card": lambda rng: rng.choice((_groups(4), _groups(4, "-"), _groups(4, "")))(rng),
    "iban": lambda rng: f"{rng.choice(('DE', 'GB', 'FR', 'NL'))}{rng.randrange(10, 99)} {_groups(5)(rng)}",
    "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
}
"""Forms that are counted or drawn by chance; the others stand in ``lists/things.yaml``."""
