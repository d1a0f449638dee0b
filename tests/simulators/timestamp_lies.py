"""Every way in which a timestamp lies, as tokens over a signature, and the code that refuses each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.simulators.timestamps import StampOrders, stamp
from tests.simulators.x509 import CODE_SIGNING, TIME_STAMPING, Held, Recipe, authority, p256, self_signed

THEN: Final = datetime(2025, 3, 1, 12, tzinfo=UTC)
"""When things were signed."""

NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""When they are judged."""

HOUR: Final = timedelta(hours=1)
Tokens = Callable[[bytes], list[bytes]]


@dataclass(frozen=True)
class Clock:
    """A timestamp authority: a root, an authority below it, and its signer."""

    root: Held = field(default_factory=lambda: authority("time root", path_length=1))

    @cached_property
    def below(self) -> Held:
        return authority("time authority", self.root, path_length=0)

    def signer(self, by: Held | None = None, **changes: Any) -> Held:
        honest = Recipe("time signer", purposes=(TIME_STAMPING,), critical_purposes=True)
        return (by or self.root).issue(honest.but(**changes))

    def tells(self, at: datetime = THEN, signer: Held | None = None, **orders: Any) -> Tokens:
        """One timestamp, by a signer right below the root if none is given."""
        by = signer or self._honest
        return lambda signature: [stamp(by, signature, at, orders=StampOrders(**orders))]

    @cached_property
    def _honest(self) -> Held:
        return self.signer()


def both(*made: Tokens) -> Tokens:
    return lambda signature: [token for tokens in made for token in tokens(signature)]


def _later(info: bytes) -> bytes:
    return info.replace(b"2025", b"2024", 1)


def lies(clock: Clock) -> dict[str, tuple[Tokens, str]]:
    """Tokens that lie, and the code that refuses each, where the root of the clock is trusted."""
    stranger = Clock()
    namesake = Clock(authority("time root"))
    tells, signer = clock.tells, clock.signer
    short = {"start": THEN - 2 * HOUR, "end": THEN - HOUR}
    late = {"start": THEN + HOUR, "end": THEN + 2 * HOUR}
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    leaf = signer()
    return {
        "over another signature": (tells(imprint=b"\1" * 32), "timestamp.other-signature"),
        "over a digest that is too short": (tells(imprint=b"\1" * 16), "timestamp.other-signature"),
        "over SHA-1": (tells(hash="sha1"), "timestamp.hash"),
        "over MD5": (tells(hash="md5"), "timestamp.hash"),
        "over SHA-224": (tells(hash="sha224"), "timestamp.hash"),
        "signed with SHA-1": (tells(signed_hash="sha1"), "timestamp.hash"),
        "by an unknown authority": (stranger.tells(), "timestamp.untrusted"),
        "by an authority of the same name": (namesake.tells(), "timestamp.untrusted"),
        "by nobody but itself": (
            tells(signer=self_signed(Recipe("x", purposes=(TIME_STAMPING,), critical_purposes=True))),
            "timestamp.untrusted",
        ),
        "with the stranger's root in it": (
            stranger.tells(carried=(stranger._honest, stranger.root)),
            "timestamp.untrusted",
        ),
        "by an authority that had ended": (tells(signer=signer(**short)), "timestamp.authority-expired"),
        "by an authority that had not begun": (tells(signer=signer(**late)), "timestamp.authority-expired"),
        "below an authority that had ended": (
            tells(
                signer=(below := signer(by=(ended := authority("ended", clock.root, **short)))),
                carried=(below, ended),
            ),
            "timestamp.authority-expired",
        ),
        "below an authority for code": (
            tells(
                signer=(coded := signer(by=(coder := authority("c", clock.root, purposes=(CODE_SIGNING,))))),
                carried=(coded, coder),
            ),
            "timestamp.authority",
        ),
        "for no purpose": (tells(signer=signer(purposes=())), "timestamp.purpose"),
        "for code": (tells(signer=signer(purposes=(CODE_SIGNING,))), "timestamp.purpose"),
        "for time and code": (
            tells(signer=signer(purposes=(TIME_STAMPING, CODE_SIGNING))),
            "timestamp.purpose",
        ),
        "not for signatures": (tells(signer=signer(usages=("key_agreement",))), "timestamp.purpose"),
        "for time, not insisting": (
            tells(signer=signer(critical_purposes=False)),
            "timestamp.purpose-not-critical",
        ),
        "with an unknown critical extension": (
            tells(signer=signer(extra=((unknown, True),))),
            "timestamp.authority",
        ),
        "issued by a leaf": (
            tells(signer=(low := signer(by=leaf)), carried=(low, leaf)),
            "timestamp.authority",
        ),
        "in the future": (tells(at=NOW + HOUR), "timestamp.future"),
        "exact to a day": (tells(accuracy=86_400), "timestamp.inaccurate"),
        "signed by another key": (tells(key=p256()), "timestamp.signature"),
        "changed after signing": (tells(info=_later), "timestamp.signature"),
        "granted with changes": (tells(status=1), "timestamp.not-granted"),
        "not granted": (tells(status=2), "timestamp.not-granted"),
        "without its certificate": (tells(carried=()), "timestamp.untrusted"),
        "with another certificate": (tells(carried=(stranger._honest,)), "timestamp.malformed"),
        "of two signers": (tells(signers=2), "timestamp.malformed"),
        "of no signer": (tells(signers=0), "timestamp.malformed"),
        "that is none": (lambda _: [b"\x30\x03\x02\x01\x00"], "timestamp.malformed"),
        "that is empty": (lambda _: [b""], "timestamp.malformed"),
        "that does not end": (lambda _: [b"\x30" * 100_000], "timestamp.malformed"),
        "with a name that cannot be read": (
            lambda signature: [tells()(signature)[0].replace(b"\x0c\x09time root", b"\x13\x09time\xffroot")],
            "timestamp.malformed",
        ),
        "twice": (lambda signature: tells()(signature) * 2, "timestamp.many"),
        "33 times": (
            lambda signature: [tells(THEN + timedelta(seconds=n))(signature)[0] for n in range(33)],
            "timestamp.many",
        ),
        "two that disagree": (both(tells(), tells(THEN + 2 * HOUR)), "timestamp.disagree"),
        "one that holds, and one that does not": (both(tells(), tells(key=p256())), "timestamp.signature"),
    }


HONEST: Final[dict[str, Callable[[Clock], Tokens]]] = {
    "right below the root": lambda clock: clock.tells(),
    "with an intermediate": lambda clock: clock.tells(
        signer=(deep := clock.signer(by=clock.below)), carried=(deep, clock.below)
    ),
    "over SHA-384": lambda clock: clock.tells(hash="sha384"),
    "over SHA-512": lambda clock: clock.tells(hash="sha512"),
    "of RSA": lambda clock: clock.tells(signer=clock.signer(key=rsa.generate_private_key(65537, 2048))),
    "on P-384": lambda clock: clock.tells(signer=clock.signer(key=ec.generate_private_key(ec.SECP384R1()))),
    "exact to a second": lambda clock: clock.tells(accuracy=1),
    "for signatures that commit": lambda clock: clock.tells(
        signer=clock.signer(usages=("content_commitment",))
    ),
    "by an authority that has ended since": lambda clock: clock.tells(
        signer=clock.signer(start=THEN - HOUR, end=THEN + HOUR)
    ),
    "of two that agree": lambda clock: both(clock.tells(), clock.tells(THEN + timedelta(minutes=1))),
    "of one that is known, and one that is not": lambda clock: both(clock.tells(), Clock().tells()),
}
"""Timestamps that are believed; each says :data:`THEN`."""
