"""Fakes have the shape of the value, are nobody's, and are the same for whoever asks."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.tokens.fakes.choices import Choices
from runtime_guard.tokens.fakes.make import MAKERS, MAX_FAKE, fake

VALUES = {
    "CREDIT_CARD": ("4111 1111 1111 1111", "5105-1051-0510-5100", "378282246310005", "6011111111111117"),
    "CRYPTO": (
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe",
    ),
    "EMAIL_ADDRESS": ("jane.roe@acme.de",),
    "IBAN_CODE": ("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "NO93 8601 1117 947"),
    "IP_ADDRESS": ("10.1.2.3", "2001:4860:4860::8888"),
    "MAC_ADDRESS": ("AC:DE:48:00:11:22", "ac-de-48-00-11-22"),
    "PERSON": ("Jane Roe", "JANE ROE", "Jane", "Mary Ann van den Berg"),
    "PHONE_NUMBER": (
        "+1 212-555-0987",
        "(212) 555-0987",
        "12125550987",
        "+44 7911 123456",
        "+44 20 7946 0958",
        "+33 6 12 34 56 78",
        "+33 1 42 68 53 00",
        "+49 30 12345678",
        "+61 2 9374 4000",
    ),
    "UK_NHS": ("943 476 5919",),
    "URL": ("https://acme.de/customers/7?q=1", "www.acme.de", "http://acme.de/"),
    "US_ITIN": ("912-70-1234",),
    "US_SSN": ("078-05-1120", "078051120"),
    "UUID": ("6fa459ea-ee8a-3ca4-894e-db77e160355e",),
}
CASES = [(label, value) for label, values in VALUES.items() for value in values]
SEEDS = st.binary(min_size=16, max_size=16)


def made(label: str, value: str, seed: bytes = b"s" * 16) -> str:
    found = fake(label, value, Choices(seed))
    assert found is not None
    return found


def shape(text: str) -> str:
    return re.sub(r"[0-9]", "9", re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", text)))


def test_every_label_with_fakes_is_in_the_table() -> None:
    assert set(VALUES) == set(MAKERS)


@pytest.mark.parametrize(("label", "value"), CASES)
@given(seed=SEEDS)
def test_a_fake_follows_from_its_seed_and_is_not_the_value(label: str, value: str, seed: bytes) -> None:
    found = made(label, value, seed)
    assert found == made(label, value, seed)
    assert found.casefold() != value.casefold()
    assert found.isascii()
    assert len(found) <= MAX_FAKE


@pytest.mark.parametrize(("label", "value"), CASES)
def test_other_seeds_give_other_fakes(label: str, value: str) -> None:
    assert len({made(label, value, number.to_bytes(16, "big")) for number in range(64)}) > 32


@pytest.mark.parametrize(
    ("label", "value"),
    [
        case
        for case in CASES
        if case[0] in ("CREDIT_CARD", "IBAN_CODE", "PHONE_NUMBER", "UK_NHS", "US_ITIN", "US_SSN")
    ],
)
@given(seed=SEEDS)
def test_numbers_keep_length_and_grouping(label: str, value: str, seed: bytes) -> None:
    assert shape(made(label, value, seed)) == shape(value)


def luhn(number: str) -> bool:
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


@pytest.mark.parametrize("value", VALUES["CREDIT_CARD"])
@given(seed=SEEDS)
def test_cards_are_test_numbers_of_the_same_brand_with_a_right_check_digit(value: str, seed: bytes) -> None:
    found = made("CREDIT_CARD", value, seed)
    assert luhn(found)
    assert found[0] == value[0]
    assert re.sub(r"\D", "", found).startswith(("400000", "555555", "378282", "601111"))


@pytest.mark.parametrize("value", VALUES["IBAN_CODE"])
@given(seed=SEEDS)
def test_ibans_have_right_check_digits_and_a_bank_that_cannot_be(value: str, seed: bytes) -> None:
    compact = made("IBAN_CODE", value, seed).replace(" ", "")
    assert compact[:2] == value[:2]
    assert int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1
    assert set(compact[4:8]) <= set("0X")


@pytest.mark.parametrize("value", VALUES["IP_ADDRESS"])
@given(seed=SEEDS)
def test_addresses_are_those_of_documentation(value: str, seed: bytes) -> None:
    nets = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    found = ipaddress.ip_address(made("IP_ADDRESS", value, seed))
    assert found.version == ipaddress.ip_address(value).version
    assert any(found in net for net in map(ipaddress.ip_network, nets) if net.version == found.version)


FICTITIOUS = re.compile(
    r"1?[2-9]\d\d55501\d\d"  # 555-0100 to 555-0199
    r"|44(7700900|1632960)\d{3}"
    r"|33(19900|26191|35301|46571|53649|63998)\d{4}"
    r"|49(3023125|6990009|4066969|2214710|8999998)\d{3}"
    r"|61[2378]5550\d{4}"
)


@pytest.mark.parametrize("value", VALUES["PHONE_NUMBER"])
@given(seed=SEEDS)
def test_telephone_numbers_are_those_of_films(value: str, seed: bytes) -> None:
    assert FICTITIOUS.fullmatch(re.sub(r"\D", "", made("PHONE_NUMBER", value, seed)))


@given(seed=SEEDS)
def test_health_numbers_are_test_numbers_with_a_right_check_digit(seed: bytes) -> None:
    digits = [int(char) for char in made("UK_NHS", "943 476 5919", seed) if char.isdigit()]
    assert digits[:3] == [9, 9, 9]
    assert sum(digit * weight for digit, weight in zip(digits, range(10, 0, -1), strict=True)) % 11 == 0


@pytest.mark.parametrize(
    ("label", "value", "pattern"),
    [
        ("US_SSN", "078-05-1120", r"666-(?!00)\d\d-(?!0000)\d{4}"),
        ("US_ITIN", "912-70-1234", r"9\d\d-93-\d{4}"),
        ("EMAIL_ADDRESS", "jane.roe@acme.de", r"user\.\w{8}@example\.(com|net|org)"),
        ("MAC_ADDRESS", "AC:DE:48:00:11:22", r"00:00:5E:00:53:[0-9A-F]{2}"),
        ("URL", "https://acme.de/customers/7?q=1", r"https://\w{8}\.example\.(com|net|org)/\w{6}"),
        ("URL", "www.acme.de", r"www\.\w{8}\.example\.(com|net|org)"),
        ("UUID", "6fa459ea-ee8a-3ca4-894e-db77e160355e", r"00000000-0000-4000-8000-[0-9a-f]{12}"),
        ("PERSON", "Jane Roe", r"[A-Z][a-z]+ [A-Z][a-z]+"),
        ("PERSON", "JANE", r"[A-Z]+"),
        ("CRYPTO", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", r"1[1-9A-HJ-NP-Za-km-z]{33}"),
    ],
)
@given(seed=SEEDS)
def test_each_kind_stays_in_its_range(label: str, value: str, pattern: str, seed: bytes) -> None:
    assert re.fullmatch(pattern, made(label, value, seed))


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("LOCATION", "Berlin"),
        ("TICKET", "T-1"),
        ("US_BANK_NUMBER", "945456787654"),
        ("CREDIT_CARD", "no card"),
        ("IBAN_CODE", "XX"),
        ("IBAN_CODE", "٠١٢٣٤٥٦٧٨٩٠١٢٣٤"),
        ("IP_ADDRESS", "10.1.2.3/8"),
        ("MAC_ADDRESS", "AC:DE"),
        ("PHONE_NUMBER", "+49 152 12345678"),
        ("PHONE_NUMBER", "+81 3 1234 5678"),
        ("PHONE_NUMBER", "030 1234567"),
        ("PHONE_NUMBER", "+1 212-555-0987 ext. 5"),
        ("PHONE_NUMBER", "+1 212"),
        ("UUID", "6fa459ea"),
        ("CRYPTO", "short"),
        ("URL", "two words"),
    ],
)
def test_where_no_range_is_known_there_is_no_fake(label: str, value: str) -> None:
    assert fake(label, value, Choices(b"s" * 16)) is None


@pytest.mark.parametrize("label", sorted(MAKERS))
@given(value=st.text(max_size=80), seed=SEEDS)
def test_any_text_gives_a_fake_or_none(label: str, value: str, seed: bytes) -> None:
    found = fake(label, value, Choices(seed))
    assert found is None or (found.isascii() and len(found) <= MAX_FAKE)
