"""Verdicts of Presidio's validators, reached sooner: about cards, IBANs, IPv4 addresses and social security numbers.

A stand-in says about plain texts what the method of one class says, as its source was read. Where that class has other
source, or a text is not plain, Presidio is asked.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import regex
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    IbanRecognizer,
    IpRecognizer,
    UsSsnRecognizer,
)
from presidio_analyzer.predefined_recognizers.generic import iban_patterns

Verdict = Callable[[str], bool | None]
"""What a validator says about the text of a match."""

_LONGEST: Final = 64
"""Characters of a plain text."""

_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
"""The sum of the digits of twice a digit."""

_PLAIN_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")

_SSN: Final = re.compile(
    r"(?!000|666|078|123|987|([0-9])\1\1)[0-9]{3}([-. ]?)(?!00)[0-9]{2}\2(?!0000)[0-9]{4}"
)
"""Nothing that begins like a number that is printed as an example, or with one digit only."""


def validator(recognizer: Any) -> Verdict:
    """What a recognizer's ``validate_result`` says."""
    return _stand_in(recognizer, _VALIDATORS, "validate_result")


def invalidator(recognizer: Any) -> Verdict:
    """What a recognizer's ``invalidate_result`` says."""
    return _stand_in(recognizer, _INVALIDATORS, "invalidate_result")


def _stand_in(recognizer: Any, known: _StandIns, method: str) -> Verdict:
    own: Verdict = getattr(recognizer, method)
    kind: Any = type(recognizer)
    if kind not in known or getattr(own, "__func__", None) is not getattr(kind, method):
        return own
    source, make = known[kind]
    return make(recognizer, own) if source_digest(kind) == source else own


@cache
def source_digest(kind: type) -> str:
    """Of the source of a class; empty where there is none."""
    try:
        return hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
    except OSError:
        return ""


def _card(recognizer: Any, own: Verdict) -> Verdict:
    """ISO/IEC 7812-1, annex B: every second digit from the right is doubled, and the digits add up to tens."""

    def is_valid(text: str) -> bool | None:
        number: str = recognizer.sanitize_value(text, recognizer.replacement_pairs)
        if not (number.isascii() and number.isdecimal()):
            return own(text)
        digits = number.encode()
        single = digits[-1::-2]
        return (sum(single) - ord("0") * len(single) + sum(digits[-2::-2].translate(_DOUBLED))) % 10 == 0

    return is_valid


def _iban(recognizer: Any, own: Verdict) -> Verdict:
    """ISO 13616: the check digits, by ISO/IEC 7064, and the form that the country asks for."""
    begin, end = recognizer.BOSEOS or ("", "")

    def is_valid(text: str) -> bool | None:
        number: str = recognizer.sanitize_value(text, recognizer.replacement_pairs)
        if len(number) > _LONGEST or not _PLAIN_IBAN.fullmatch(number):
            return own(text)
        rest = int(f"{number[4:]}{number[:2]}00".translate(recognizer.LETTERS)) % 97
        if 98 - rest != int(number[2:4]):
            return False
        form = _form(number[:2], begin, end)
        return form is not None and form.match(number) is not None

    return is_valid


@cache
def _form(country: str, begin: str, end: str) -> Any:
    """The expression of a country's IBANs; None when it has none. A country is two capitals: few are remembered."""
    form = iban_patterns.regex_per_country.get(country)
    return regex.compile(f"{begin}{form}{end}", regex.DOTALL | regex.MULTILINE) if form else None


def _address(_: Any, own: Verdict) -> Verdict:
    """Decimals between points are an address."""
    return lambda text: None if _IPV4.fullmatch(text) else own(text)


def _security_number(_: Any, own: Verdict) -> Verdict:
    """Groups of which none is never issued are a number."""
    return lambda text: False if _SSN.fullmatch(text) else own(text)


_StandIns = dict[type, tuple[str, Callable[[Any, Verdict], Verdict]]]

_VALIDATORS: Final[_StandIns] = {
    CreditCardRecognizer: ("47b916f146c6f25d9f64891b1ec2b0ea42b847799863064a4ee34d85d965d59f", _card),
    IbanRecognizer: ("e841be40e49aa1a7bbb40aea0edb0f0a4918abd66bbcee8f5b722a855791c08e", _iban),
}
_INVALIDATORS: Final[_StandIns] = {
    IpRecognizer: ("5daeb4ccc885baa47e67e0f1ef76808051fddd86e6a7cd8d4b7363480463f083", _address),
    UsSsnRecognizer: ("d14135b20db3f8823a4cc055d3a3a236be849a63b99de1201e5979730690dcc6", _security_number),
}
"""By class, the digest of its source and what stands in for its method."""
