"""What makes a text plain, learned from a corpus so small that every word of it can be counted."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.encoder.plain import Plain, keys, written_plainly
from runtime_guard.training.plain import LEAST, LEAST_BEGINNING, MET, NAMED, Seen, learned

MARK = re.compile(r"\[(.*?)\]")


def seen(marked: str, times: int = 1) -> list[Seen]:
    """Texts in which brackets stand around personal data."""
    text, spans = "", []
    for number, part in enumerate(MARK.split(marked)):
        if number % 2:
            spans.append((len(text), len(text) + len(part), "PERSON"))
        text += part
    return [Seen("test", text, spans)] * times


def corpus() -> list[Seen]:
    return [
        *seen("Please ask [Ann] about it.", 10),
        *seen("I read what the API says.", LEAST),
        *seen("I read what the FAQ says.", LEAST - 1),
        *seen("I read Dune.", 100),
        *seen("I read [Dune].", 1),
        *seen("I like Emma.", 99),
        *seen("I like [Emma].", 1),
        *seen("I know where that is.", LEAST_BEGINNING),
        *seen("I know when that is.", LEAST_BEGINNING - 1),
        *seen("Where is it? When is it? Rose is it?"),
        *seen("I saw how a rose rose.", LEAST_BEGINNING // 2),
        *seen("I saw [Rose].", 2),
        *seen("I saw it [last week].", 6),
        *seen("I saw the last one.", 40),
        *seen("I saw it [early evening].", 3),
        *seen("I saw it at [noon].", 2),
        *seen("I saw [Ann] at noon.", 5),
        *seen("I am [35].", 6),
        *seen("I was born on [1-5-1990].", 6),
        *seen("I will ask.", 3),
        *seen("I asked [Will].", 3 * NAMED),
        *seen("I hope so.", 3),
        *seen("I asked [Hope].", 3 * NAMED + 1),
        *seen("I saw it once."),
        *seen("I read 1984 twice.", MET),
        *seen("i met [zoe]. then we left. API FAQ API FAQ", 50),
    ]


LEARNED = learned(corpus())


@pytest.mark.parametrize(
    ("key", "harmless"),
    [
        ("API", True),
        ("FAQ", False),
        ("Ann", False),
        ("Dune", True),
        ("Emma", False),
        ("^Where", True),
        ("^When", False),
        ("^Rose", False),
        ("^Please", False),
        ("Where", False),
        ("where", False),
    ],
)
def test_a_capital_is_harmless_where_it_is_hardly_ever_a_name(key: str, harmless: bool) -> None:
    assert (key in LEARNED.capitals) is harmless


@pytest.mark.parametrize(
    ("key", "ordinary"),
    [
        ("week", False),
        ("last", True),
        ("early", False),
        ("noon", False),
        ("00", False),
        ("0-0-0000", False),
        ("ann", False),
        ("hope", False),
        ("will", True),
        ("where", True),
        ("never", False),
        ("once", False),
        ("twice", True),
        ("0000", True),
    ],
)
def test_what_dates_ages_and_names_are_made_of_and_what_was_never_met_is_not_ordinary(
    key: str, ordinary: bool
) -> None:
    assert (key in LEARNED.ordinary) is ordinary


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Where is the API?", True),
        ("Where is the last one?", True),
        ("Where is ann?", False),
        ("Where is Ann?", False),
        ("Where is ann's rose?", False),
        ("Where is that one's rose?", True),
        ("Where was it a week ago?", False),
        ("Where is 42?", False),
        ("Where is 4242?", True),
    ],
)
def test_what_was_learned_tells_plain_texts_from_others(text: str, plain: bool) -> None:
    assert LEARNED.fits(text) is plain


@pytest.mark.parametrize(
    ("word", "ordinary"),
    [
        ("cabbage", True),
        ("ann", False),
        ("week", False),
        ("##age", False),
        ("Cabbage", False),
        ("é", False),
        ("00", False),
    ],
)
def test_words_of_the_vocabulary_are_ordinary_unless_they_are_names(word: str, ordinary: bool) -> None:
    assert (word in learned(corpus(), [word]).ordinary) is ordinary


def test_nothing_is_learned_from_nothing() -> None:
    assert learned([]) == Plain()


def made(draws: random.Random) -> Iterator[Seen]:
    """Texts of few words, of which some are personal data."""
    for _ in range(draws.randrange(60)):
        words = [draws.choice(["a", "b", "c", "may", "May", "Bo", "12", "1990"]) for _ in range(6)]
        first = draws.randrange(6)
        marked = [*words[:first], f"[{words[first]}]", *words[first + 1 :]] if draws.random() < 0.5 else words
        yield from seen(f"{draws.choice(['A', 'May', 'Bo'])} {' '.join(marked)}.")


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter(draws: random.Random) -> None:
    texts = list(made(draws))
    found = learned(texts)
    draws.shuffle(texts)
    assert learned(texts) == found


@given(st.randoms(use_true_random=False))
def test_no_text_with_a_span_of_words_that_no_clean_text_has_is_plain(draws: random.Random) -> None:
    texts = list(made(draws))
    found = learned(texts)
    clean = {key for item in texts if not item.spans for key, _, _ in keys(item.text)}
    for item in texts:
        assert written_plainly(item.text) == item.text
        inside = {item.text[start:end] for start, end, _ in item.spans}
        if any(word.islower() and word not in clean for word in inside):
            assert not found.fits(item.text)
