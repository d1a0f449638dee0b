"""Texts to screen, of any length: without personal data, and dense with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from faker import Faker

SENTENCES = (
    "The meeting about the new release was moved, since most of the team is travelling.",
    "Could you look into the export of invoices, which stops at the third page since the update?",
    "We compared both approaches and found that the second one is easier to explain to customers.",
    "Please write a short summary of the attached report for people who did not read it.",
    "In the garden behind the house, the apples ripen later than those along the road.",
    "A function should do one thing, and its name should say which.",
)


def clean(size: int, seed: int = 0) -> str:
    """So many characters without personal data."""
    rng = random.Random(seed)
    text = ""
    while len(text) < size:
        text += rng.choice(SENTENCES) + " "
    return text[:size]


def dense(size: int, seed: int = 0) -> str:
    """So many characters, about a third of them personal data."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    makers: list[Callable[[], Any]] = [
        fake.email, fake.phone_number, fake.credit_card_number, fake.iban, fake.ipv4, fake.ssn, fake.url, fake.name,
    ]  # fmt: skip
    text = ""
    while len(text) < size:
        text += f"{fake.sentence(nb_words=6)} {fake.random.choice(makers)()} "
    return text[:size]
