"""Telephone numbers: what python-phonenumbers says, region by region and text by text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("phonenumbers", reason="install the extra: govkernel[guard]")
import phonenumbers
from phonenumbers import phonenumbermatcher, phonenumberutil
from phonenumbers.phonemetadata import PhoneMetadata
from presidio_analyzer.predefined_recognizers import (
    PhoneRecognizer,
    ZaMobileNumberRecognizer,
    ZaTelephoneNumberRecognizer,
)

from runtime_guard.expressions.alphabet import DASH, DIGIT, SIGN, SPACE, classes
from runtime_guard.patterns import phones
from runtime_guard.patterns.candidates import LEAST
from runtime_guard.patterns.numbering import is_international, is_national
from runtime_guard.patterns.outlines import Outlines
from tests.runtime_guard.patterns.conftest import Peers

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
OUTLINES = Outlines(REGIONS)


def is_valid(text: str, region: str) -> bool:
    """The library's own verdict on a candidate that stands alone."""
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbermatcher._verify(phonenumbers.Leniency.VALID, number, text, None)


@st.composite
def digits(draw: st.DrawFn) -> tuple[str, str]:
    """Digits that are a number in some region, or nearly so, and a region."""
    region = draw(st.sampled_from(REGIONS))
    source = draw(st.sampled_from([region, region, "US", "DE", *REGIONS]))
    kind = draw(st.integers(0, 10))
    example = phonenumbers.example_number_for_type(source, kind)
    number = draw(st.text("0123456789", min_size=4, max_size=18))
    if example is not None and draw(st.integers(0, 3)):
        number = phonenumbers.national_significant_number(example)
        place = draw(st.integers(0, len(number) - 1))
        number = (
            number[:place] + draw(st.sampled_from([number[place], "0", "7", "", "12"])) + number[place + 1 :]
        )
    code = str(phonenumbers.country_code_for_region(source))
    prefix = PhoneMetadata.metadata_for_region(region).national_prefix or "0"
    return draw(
        st.sampled_from(["", "", prefix, code, f"00{code}", f"011{code}", code + prefix])
    ) + number, region


@settings(max_examples=600, deadline=None)
@given(digits())
def test_digits_are_what_the_library_takes_them_for(drawn: tuple[str, str]) -> None:
    number, region = drawn
    if len(number) < LEAST:
        return
    assert is_national(number, region) == is_valid(number, region)
    if is_valid(number, region):
        assert OUTLINES.around(number).count(region) == 1
    abroad = is_international(number)
    if abroad is not None:
        assert abroad == is_valid(f"+{number}", region)


@settings(max_examples=600, deadline=None)
@given(digits(), st.text("0123456789", min_size=1, max_size=9), st.sampled_from("xX"))
def test_an_extension_changes_what_the_library_says_about_a_prefix_only(
    drawn: tuple[str, str], extension: str, sign: str
) -> None:
    number, region = drawn
    if len(number) < LEAST:
        return
    assert is_national(number, region, extension) == is_valid(f"{number}{sign}{extension}", region)


@settings(max_examples=600, deadline=None)
@given(digits(), st.booleans())
def test_how_digits_begin_rules_out_no_region_whose_numbers_look_like_them(
    drawn: tuple[str, str], extended: bool
) -> None:
    alike = OUTLINES._extended if extended else OUTLINES._plain
    every = [region for _, exactly, regions in alike._alike if exactly(drawn[0]) for region in regions]
    assert list(OUTLINES.around(drawn[0], extended=extended)) == every


def test_no_number_is_shorter() -> None:
    regions = PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS
    short = [f"{number:0{width}}" for width in range(1, LEAST) for number in range(10**width)]
    assert not any(is_valid(text, region) for text in short for region in regions)
    assert not any(is_valid(f"+{text}", "US") for text in short)


@pytest.fixture(scope="module")
def peers() -> Peers:
    return Peers(
        [
            PhoneRecognizer(),
            PhoneRecognizer(supported_regions=["AT", "AR", "AG", "ZA"], supported_entity="X"),
            ZaMobileNumberRecognizer(),
            ZaTelephoneNumberRecognizer(),
        ]
    )


NUMBERS = [
    "212-555-0123", "(212) 555-0123", "+1 212.555.0123", "020 7946 0958", "030/123456", "0 30 1234567", "911", "1234",
    "001-650-253-0000x123", "650 253 0000 ext. 45 678", "650-253-0000 #12", "1-800-FLOWERS", "2012-01-02 08:00",
    "3/10/2011", "651-234-2345/332-445-1234", "12345 - 332-445-1234", "211-227 (2003)", "$650-253-0000",
    "650-253-0000%",
    "\uff0b\uff11\uff12\uff11\uff12\uff15\uff15\uff15\uff10\uff11\uff12\uff13", "+99912345678", "0011 1 650 253 0000",
    "(650) 223 3345 (754) 223 3321", "x650-253-0000", "650-253-0000/x1234", "\u0661\u0662\u0663\u0664\u0665\u0666",
    "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3", "([650] 253-0000)", "+1 (852) 594-8811", "650x253x0000",
    "49.30.12", "650-253-0000x1234567890", "020 7946 0958x12", "+44 20 7946 0958X4", "(030) 123456x7", "0011x123",
    "+27 82 123 4567", "082 123 4567", "0716501234", "021 650 1234", "0800 123 456", "086 012 3456", "087 550 1234",
    "650-253-0000x", "(650 253-0000x12", "+1 650-253-0000x12x3", "89 1234567x0", "1x2", "650-253-0000x١",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    text=st.lists(st.sampled_from([*NUMBERS, " ", ", ", " / ", "-", "a", "é", "\n", "£"]), max_size=7).map(
        "".join
    )
    | st.text("0123456789+-./() xX#~,;e\u2013\uff0b", max_size=60)
)
def test_in_texts(peers: Peers, text: str) -> None:
    peers.agree_on(text)


def test_numbers_of_one_kind_are_asked_like_all_others(peers: Peers) -> None:
    assert not peers.ours._strangers
    for text in NUMBERS:
        peers.agree_on(f"call {text}")


def test_a_recognizer_that_was_changed_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones, "source_digest", lambda kind: "")
    changed = Peers([ZaMobileNumberRecognizer()])
    assert changed.ours._strangers
    changed.agree_on("call 082 123 4567")


def test_other_leniencies_are_asked_directly() -> None:
    for leniency in (0, 2, 3):
        peers = Peers([PhoneRecognizer(leniency=leniency)])
        assert peers.ours._strangers
        for text in NUMBERS:
            peers.agree_on(text)


def test_the_alphabet_knows_every_sign_of_the_library() -> None:
    signs = re.compile(f"[{phonenumberutil._VALID_PUNCTUATION}{phonenumberutil._PLUS_CHARS}]")
    known = {DIGIT, SPACE, SIGN, DASH}
    assert {int(classes()[code]) for code in range(128, 0x110000) if signs.match(chr(code))} <= known
    strangers = [code for code in range(128, 0x110000) if classes()[code] in (SIGN, DASH)]
    assert all(signs.match(chr(code)) or chr(code) == "\uff03" for code in strangers)
