"""Certificate paths: honest ones lead to their root, each lie is refused with its own code."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from govkernel.errors import ConfigError, GovkernelError
from govkernel.provenance.anchors import CertificateAnchor
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.signatures import StrangerKey
from govkernel.provenance.x509 import certify, read_roots
from tests.simulators.certificate_lies import ALICE, HONEST, NOW, Family, honest, lies
from tests.simulators.signing import foreign
from tests.simulators.x509 import Held, authority

FAMILY = Family()
LIES = lies(FAMILY)
ROOTS = read_roots(FAMILY.root.pem)
ANCHOR = CertificateAnchor(ROOTS, identity_pattern(ALICE))


def ders(chain: list[Held]) -> list[bytes]:
    return [item.der for item in chain]


@pytest.mark.parametrize("name", HONEST)
def test_honest_chains_lead_to_their_root(name: str) -> None:
    chain = HONEST[name](FAMILY)
    certified = certify(ders(chain), ROOTS, NOW)
    assert ALICE in certified.identities
    assert certified.issuer == "CN=root"
    assert isinstance(certified.key, StrangerKey)


@pytest.mark.parametrize("name", LIES)
def test_each_lie_is_refused_with_its_own_code(name: str) -> None:
    chain, code = LIES[name]
    with pytest.raises(GovkernelError) as refused:
        certified = certify(ders(chain), ROOTS, NOW)
        assert code == "identity.mismatch"
        ANCHOR.proven(foreign(b"payload", chain), lambda: b"", NOW)
        raise AssertionError(certified)
    assert refused.value.code == code
    assert refused.value.remedy


def test_a_pinned_certificate_needs_no_authority() -> None:
    leaf = FAMILY.chain()[0]
    assert certify([leaf.der], [leaf.certificate], NOW).identities == (ALICE,)


def test_the_subject_is_the_identity_of_who_has_no_other_name() -> None:
    chain = FAMILY.chain(honest().but(identities=()))
    assert certify(ders(chain), ROOTS, NOW).identities == ("CN=alice",)


def test_a_signature_of_another_key_is_refused() -> None:
    chain = FAMILY.chain()
    other = Held(chain[0].certificate, honest().key)
    with pytest.raises(GovkernelError) as refused:
        ANCHOR.proven(foreign(b"payload", [other, chain[1]]), lambda: b"", NOW)
    assert refused.value.code == "provenance.signature-invalid"


def test_a_path_does_not_run_in_circles() -> None:
    """Two authorities that vouch for each other, and a third that vouches for itself."""
    first = authority("first")
    second = authority("second", first)
    again = authority("first", second, key=first.key)
    with pytest.raises(GovkernelError) as refused:
        certify(ders([second.issue(honest()), second, again, first]), ROOTS, NOW)
    assert refused.value.code == "certificate.untrusted"


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (b"", "unable"),
        (b"junk", "unable"),
        (b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", ""),
    ],
)
def test_authorities_that_cannot_be_read(pem: bytes, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_roots(pem)
    assert refused.value.code == "certificate.roots"
    assert why in refused.value.why.lower()


def test_a_crowd_of_authorities_is_refused() -> None:
    assert len(read_roots(FAMILY.root.pem * 100)) == 100
    for pem in (FAMILY.root.pem * 101, b" " * 2_000_000):
        with pytest.raises(ConfigError):
            read_roots(pem)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=3))
def test_arbitrary_certificates_are_refused(chain: list[bytes]) -> None:
    with pytest.raises(GovkernelError):
        certify(chain, ROOTS, NOW)


@given(st.integers(0), st.integers(0, 255))
def test_a_changed_byte_of_a_certificate_is_never_believed(place: int, value: int) -> None:
    leaf, below = FAMILY_CHAIN
    raw = bytearray(leaf.der)
    raw[place % len(raw)] = value
    if bytes(raw) == leaf.der:
        return
    with pytest.raises(GovkernelError):
        certify([bytes(raw), below.der], ROOTS, NOW)


FAMILY_CHAIN = FAMILY.chain()


UNREADABLE = {
    "a version that does not exist": (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"),
    "a name that is no text": (b"\x0c\x05alice", b"\x0c\x05\xff\xfe\xff\xfe\xff"),
    "a name that is a row of bits": (b"\x0c\x05alice", b"\x03\x05\x00lice"),
    "an extension twice": (b"\x06\x03\x55\x1d\x0e", b"\x06\x03\x55\x1d\x23"),
    "a time that is none": (b"200101000000Z", b"209999000000Z"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_certificates_that_cannot_be_read(name: str) -> None:
    honest_bytes, changed = UNREADABLE[name]
    leaf, below = FAMILY_CHAIN
    assert honest_bytes in leaf.der
    with pytest.raises(GovkernelError) as refused:
        certify([leaf.der.replace(honest_bytes, changed), below.der], ROOTS, NOW)
    assert refused.value.code == "certificate.malformed"


def test_roots_are_read_from_a_file_of_many(tmp_path: Path) -> None:
    other = authority("other")
    roots = read_roots(FAMILY.root.pem + b"# a comment\n" + other.pem)
    assert [root.subject.rfc4514_string() for root in roots] == ["CN=root", "CN=other"]
    assert all(isinstance(root, x509.Certificate) and root.public_bytes(Encoding.DER) for root in roots)
