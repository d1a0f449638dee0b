"""Stand-ins for Presidio's validators: the same verdicts, and only for the classes whose source was read."""

from __future__ import annotations

from typing import Any

import pytest
from faker import Faker
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    IbanRecognizer,
    IpRecognizer,
    UsBankRecognizer,
    UsSsnRecognizer,
)

from runtime_guard.patterns import verdicts
from runtime_guard.patterns.verdicts import invalidator, validator

CARDS = CreditCardRecognizer()
IBANS = (IbanRecognizer(), IbanRecognizer(exact_match=True), IbanRecognizer(replacement_pairs=[("x", "")]))
ADDRESSES = IpRecognizer()
SECURITY = UsSsnRecognizer()

GROUPS = st.sampled_from(["000", "666", "123", "078", "987", "111", "219", "00", "11", "45", "0000", "4320"])


def nearly(makers: list[str], locales: tuple[str, ...] = ("en_US",)) -> st.SearchStrategy[str]:
    """What Faker makes, with up to two characters changed."""

    def made(seed: int, maker: str, locale: str, changes: list[tuple[int, str]]) -> str:
        fake = Faker(locale)
        fake.seed_instance(seed)
        text = str(getattr(fake, maker)())
        for place, char in changes:
            cut = place % len(text)
            text = text[:cut] + char + text[cut + 1 :]
        return text

    change = st.tuples(st.integers(0, 60), st.text("0123456789ABXx-. /:é٣", max_size=2))
    return st.builds(
        made,
        st.integers(0, 2**32),
        st.sampled_from(makers),
        st.sampled_from(locales),
        st.lists(change, max_size=2),
    )


@settings(max_examples=300, deadline=None)
@given(nearly(["credit_card_number"]) | st.text("0123456789- ٣", max_size=20))
def test_cards(text: str) -> None:
    assert_same(validator(CARDS), CARDS.validate_result, text)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(IBANS),
    nearly(["iban"], ("en_GB", "de_DE", "fr_FR", "it_IT", "no_NO", "pl_PL")),
    st.sampled_from([str, str.lower, lambda text: f"{text[:4]} {text[4:]}", lambda text: "ZZ" + text[2:]]),
)
def test_ibans(recognizer: Any, text: str, written: Any) -> None:
    assert_same(validator(recognizer), recognizer.validate_result, written(text))


def test_right_check_digits_of_no_country() -> None:
    rest = int("12345678901234567890ZZ00".translate(IbanRecognizer.LETTERS)) % 97
    for text in (f"ZZ{98 - rest:02}12345678901234567890", f"zz{98 - rest:02}12345678901234567890"):
        for recognizer in IBANS:
            assert_same(validator(recognizer), recognizer.validate_result, text)


@settings(max_examples=300, deadline=None)
@given(nearly(["ipv4", "ipv6"]) | st.text("0123456789./:", max_size=18))
def test_addresses(text: str) -> None:
    assert_same(invalidator(ADDRESSES), ADDRESSES.invalidate_result, text)


@settings(max_examples=400, deadline=None)
@given(
    nearly(["ssn"])
    | st.tuples(GROUPS, st.sampled_from("-. "), GROUPS, st.sampled_from("-. "), GROUPS).map("".join)
    | st.sampled_from(["123456789", "987-65-4320", "078.05.1120", "111111111", "219 09 9999"])
)
def test_social_security_numbers(text: str) -> None:
    assert_same(invalidator(SECURITY), SECURITY.invalidate_result, text)


def assert_same(ours: Any, theirs: Any, text: str) -> None:
    """Both say the same, or raise the same."""
    try:
        expected = theirs(text)
    except (ValueError, IndexError) as error:
        with pytest.raises(type(error)):
            ours(text)
        return
    got = ours(text)
    assert (got is None, bool(got)) == (expected is None, bool(expected))


@pytest.mark.parametrize("recognizer", [CARDS, *IBANS])
def test_the_source_of_validators_is_the_one_that_was_read(recognizer: Any) -> None:
    assert validator(recognizer) != recognizer.validate_result


@pytest.mark.parametrize("recognizer", [ADDRESSES, SECURITY])
def test_the_source_of_invalidators_is_the_one_that_was_read(recognizer: Any) -> None:
    assert invalidator(recognizer) != recognizer.invalidate_result


class Lenient(CreditCardRecognizer):  # type: ignore[misc]
    """Takes any number."""

    def validate_result(self, pattern_text: str) -> bool:
        return True


def test_what_is_not_known_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    patched = CreditCardRecognizer()
    patched.validate_result = lambda text: True
    for recognizer in (Lenient(), patched, UsBankRecognizer()):
        assert validator(recognizer) == recognizer.validate_result
    monkeypatch.setattr(verdicts, "source_digest", lambda kind: "")
    assert validator(CARDS) == CARDS.validate_result
