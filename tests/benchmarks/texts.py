"""Texts to screen, of any length: without personal data, and dense with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from faker import Faker

SENTENCES = (
    "The meeting about the new release was moved, since most of the team is travelling.",
    "Could you look into the export of invoices, which stops at the third page since the update?",
    "We compared both approaches and found that the second one is easier to explain to customers.",
    "Please write a short summary of the attached report for people who did not read it.",
    "In the garden behind the house, the apples ripen later than those along the road.",
    "A function should do one thing, and its name should say which.",
)

_ASKS: Final = (
    "Can you explain", "Could you check", "Please summarise", "I do not quite understand",
    "What would you change about", "Give me a short overview of", "Help me write a note about",
    "Which risks do you see in", "Draft a friendly reply about", "Is there a simpler way to handle",
    "Compare two approaches to", "Turn this into a checklist:", "List the steps of",
    "Why would somebody be unhappy with", "Suggest a better title for the page about",
    "How do other teams deal with",
)  # fmt: skip
_TOPICS: Final = (
    "the new booking form", "our return policy", "late deliveries", "the quarterly report", "a slow database query",
    "the garden party", "unit tests for the parser", "moving to a smaller flat", "the warranty of the dishwasher",
    "a vegetarian menu for twenty guests", "noise in the open office", "the migration of old invoices",
    "learning the piano", "a broken build", "the wording of the contract", "choosing a tent",
    "the colour of the logo", "customer complaints", "a training plan for beginners",
    "rounding errors in the price list", "the heating in the attic", "onboarding of interns",
    "the error message after the login", "watering plants during a holiday", "the order of the chapters",
)  # fmt: skip
_ENDS: Final = (
    "?", ", please.", " in three sentences.", " for people without a technical background.", ", and keep it short.",
    ". There is no hurry.", " so that a child would understand it.", " and tell me what is missing.",
    " as a table.", ". Be honest with me.", ", with one example.", ". I have read the manual twice already.",
)  # fmt: skip


def asked(rng: random.Random) -> str:
    """A message to an assistant, without personal data; one of some thousands."""
    return f"{rng.choice(_ASKS)} {rng.choice(_TOPICS)}{rng.choice(_ENDS)}"


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
