"""Trusted timestamps: what holds is believed, each lie has its own code."""

from __future__ import annotations

from datetime import timedelta

import pytest

from govkernel.errors import GovkernelError
from govkernel.provenance.timestamps import TimeAuthority, demanded_time, signing_time

pytest.importorskip("rfc3161_client", reason='install "govkernel[timestamps]"')

from tests.simulators.timestamp_lies import HONEST, HOUR, NOW, THEN, Clock, Tokens, both, lies
from tests.simulators.x509 import p256

CLOCK = Clock()
TRUSTED = (TimeAuthority((CLOCK.root.certificate,)),)
SIGNATURE = b"a signature"
LIES = lies(CLOCK)


def code_of(tokens: Tokens, authorities: tuple[TimeAuthority, ...] = TRUSTED) -> str:
    with pytest.raises(GovkernelError) as caught:
        demanded_time(tokens(SIGNATURE), SIGNATURE, authorities, NOW)
    assert caught.value.remedy
    return caught.value.code


@pytest.mark.parametrize("name", HONEST)
def test_a_timestamp_that_holds(name: str) -> None:
    tokens = HONEST[name](CLOCK)(SIGNATURE)
    assert signing_time(tokens, SIGNATURE, TRUSTED, NOW) == THEN


@pytest.mark.parametrize("name", LIES)
def test_a_timestamp_that_lies(name: str) -> None:
    tokens, code = LIES[name]
    assert code_of(tokens) == code


def test_who_trusts_nobody_believes_no_time() -> None:
    for name in (*HONEST,):
        assert signing_time(HONEST[name](CLOCK)(SIGNATURE), SIGNATURE, (), NOW) is None


def test_no_timestamp_is_no_time() -> None:
    assert signing_time((), SIGNATURE, TRUSTED, NOW) is None
    assert code_of(lambda _: []) == "timestamp.missing"


def test_the_certificate_that_may_sign_can_be_named() -> None:
    signer = CLOCK.signer()
    only = (TimeAuthority((CLOCK.root.certificate,), only=signer.certificate),)
    assert signing_time(CLOCK.tells(signer=signer)(SIGNATURE), SIGNATURE, only, NOW) == THEN
    assert code_of(CLOCK.tells(), only) == "timestamp.untrusted"


def test_a_timestamp_may_leave_out_a_certificate_that_is_known() -> None:
    deep = CLOCK.signer(by=CLOCK.below)
    tokens = CLOCK.tells(signer=deep, carried=())
    known = TimeAuthority((CLOCK.root.certificate,), (CLOCK.below.certificate,), only=deep.certificate)
    assert signing_time(tokens(SIGNATURE), SIGNATURE, (*TRUSTED, known), NOW) == THEN
    other = TimeAuthority((CLOCK.root.certificate,), only=CLOCK.signer().certificate)
    assert code_of(tokens, (other,)) == "timestamp.untrusted"
    forged = CLOCK.tells(signer=deep, carried=(), key=p256())
    assert code_of(forged, (known,)) == "timestamp.signature"


@pytest.mark.parametrize(("start", "end"), [(THEN + HOUR, None), (None, THEN - HOUR)])
def test_an_authority_is_believed_for_the_time_it_was_trusted(start: object, end: object) -> None:
    bounded = (TimeAuthority((CLOCK.root.certificate,), start=start, end=end),)  # type: ignore[arg-type]
    assert code_of(CLOCK.tells(), bounded) == "timestamp.authority-expired"
    whole = (TimeAuthority((CLOCK.root.certificate,), start=THEN, end=THEN),)
    assert signing_time(CLOCK.tells()(SIGNATURE), SIGNATURE, whole, NOW) == THEN


def test_one_of_two_authorities_is_enough() -> None:
    either = (TimeAuthority((Clock().root.certificate,)), *TRUSTED)
    assert signing_time(CLOCK.tells()(SIGNATURE), SIGNATURE, either, NOW) == THEN


def test_the_earlier_time_counts() -> None:
    tokens = both(CLOCK.tells(THEN + timedelta(minutes=5)), CLOCK.tells())(SIGNATURE)
    assert signing_time(tokens, SIGNATURE, TRUSTED, NOW) == THEN
