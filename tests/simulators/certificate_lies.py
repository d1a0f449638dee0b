"""Every way in which a certificate chain lies, and the code that refuses each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.simulators.x509 import CODE_SIGNING, Held, Recipe, authority, self_signed

NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)
ALICE: Final = "alice@example.test"
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Family:
    """A root, an authority below it, and an honest signer."""

    root: Held = field(default_factory=lambda: authority("root", path_length=1))

    @cached_property
    def below(self) -> Held:
        return authority("intermediate", self.root, path_length=0)

    def chain(self, leaf: Recipe | None = None, below: Held | None = None) -> list[Held]:
        """A signer's certificate and what vouches for it, up to the root and without it."""
        issuer = below or self.below
        return [issuer.issue(leaf or honest()), issuer]


def honest() -> Recipe:
    return Recipe("alice", (ALICE,))


def lies(family: Family) -> dict[str, tuple[list[Held], str]]:
    """Chains that lie, the signer's certificate first, and the code that refuses each."""
    root, alice = family.root, honest()
    own = self_signed(alice)
    deep = authority("deep", family.below)
    user = family.below.issue(Recipe("user", ("user@example.test",)))
    unbound = x509.NameConstraints([x509.RFC822Name("example.test")], None)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")

    def leaf(**changes: object) -> list[Held]:
        return family.chain(alice.but(**changes))

    def under(**changes: object) -> list[Held]:
        return family.chain(below=authority("intermediate", root, **changes))

    return {
        "expired": (leaf(end=NOW - DAY), "certificate.expired"),
        "expired a second ago": (leaf(end=NOW - timedelta(seconds=1)), "certificate.expired"),
        "not yet valid": (leaf(start=NOW + DAY), "certificate.not-yet-valid"),
        "authority expired": (under(end=NOW - DAY), "certificate.expired"),
        "authority not yet valid": (under(start=NOW + DAY), "certificate.not-yet-valid"),
        "for servers": (leaf(purposes=(SERVER,)), "certificate.not-code-signing"),
        "for any purpose": (
            leaf(purposes=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)),
            "certificate.not-code-signing",
        ),
        "for no purpose": (leaf(purposes=()), "certificate.not-code-signing"),
        "authority for servers": (under(purposes=(SERVER,)), "certificate.not-code-signing"),
        "not for signatures": (leaf(usages=("key_agreement",)), "certificate.key-usage"),
        "without usage": (leaf(usages=None), "certificate.key-usage"),
        "of nobody we trust": ([own], "certificate.untrusted"),
        "of another root": (Family().chain(), "certificate.untrusted"),
        "of a root of the same name": (Family(authority("root")).chain(), "certificate.untrusted"),
        "root of the same name in the chain": (
            [*(other := Family(authority("root"))).chain(), other.root],
            "certificate.untrusted",
        ),
        "without its intermediate": (family.chain()[:1], "certificate.untrusted"),
        "signed over a hash that is not accepted": (leaf(digest=hashes.SHA224()), "certificate.untrusted"),
        "issued by a leaf": ([user.issue(alice), user, family.below], "certificate.not-an-authority"),
        "issued by no authority": (under(authority=False), "certificate.not-an-authority"),
        "issued by who does not say": (under(authority=None), "certificate.not-an-authority"),
        "issuer may not sign certificates": (
            under(usages=("digital_signature",)),
            "certificate.not-an-authority",
        ),
        "one authority too many": ([deep.issue(alice), deep, family.below], "certificate.path-length"),
        "unknown critical extension": (leaf(extra=((unknown, True),)), "certificate.extension"),
        "authority with name constraints": (under(extra=((unbound, True),)), "certificate.extension"),
        "key of 1024 bits": (leaf(key=rsa.generate_private_key(65537, 1024)), "certificate.key-unsupported"),
        "key on another curve": (
            leaf(key=ec.generate_private_key(ec.SECP256K1())),
            "certificate.key-unsupported",
        ),
        "key of another kind": (leaf(key=ed448.Ed448PrivateKey.generate()), "certificate.key-unsupported"),
        "authority with a weak key": (
            under(key=rsa.generate_private_key(65537, 1024)),
            "certificate.untrusted",
        ),
        "eleven certificates": ([*family.chain(), *[own] * 9], "certificate.chain-length"),
        "no certificate": ([], "certificate.chain-length"),
        "another identity": (leaf(identities=("eve@example.test",)), "identity.mismatch"),
        "identity with a prefix": (leaf(identities=(f"m{ALICE}",)), "identity.mismatch"),
        "identity with a suffix": (leaf(identities=(f"{ALICE}.eve.test",)), "identity.mismatch"),
        "identity only in the subject": (
            leaf(name=ALICE, identities=("eve@example.test",)),
            "identity.mismatch",
        ),
        "no identity": (leaf(identities=()), "identity.mismatch"),
        "no name at all": (leaf(name="", identities=()), "identity.mismatch"),
    }


HONEST: Final = {
    "with an intermediate": lambda family: family.chain(),
    "with its root too": lambda family: [*family.chain(), family.root],
    "by the root itself": lambda family: [family.root.issue(honest())],
    "in any order": lambda family: [family.chain()[0], *reversed([family.below, family.root])],
    "on P-384": lambda family: family.chain(honest().but(key=ec.generate_private_key(ec.SECP384R1()))),
    "of RSA": lambda family: family.chain(honest().but(key=rsa.generate_private_key(65537, 2048))),
    "of two identities": lambda family: family.chain(honest().but(identities=("eve@example.test", ALICE))),
    "that says it is an authority": lambda family: family.chain(
        honest().but(authority=True, usages=("digital_signature", "key_cert_sign"))
    ),
    "from this second on": lambda family: family.chain(honest().but(start=NOW)),
    "until this second": lambda family: family.chain(honest().but(end=NOW)),
    "below an authority that was renewed": lambda family: [
        (chain := family.chain())[0],
        authority("intermediate", family.root, key=chain[1].key, end=NOW - DAY),
        chain[1],
    ],
    "below an authority for code": lambda family: family.chain(
        below=authority("intermediate", family.root, purposes=(CODE_SIGNING,))
    ),
}
