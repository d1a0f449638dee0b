"""Addresses of Ethereum are told from other hexadecimal numbers by their checksum, or by the words around them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("presidio_analyzer", reason='pip install "govkernel[guard]"')
from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.patterns import keccak
from runtime_guard.patterns.keccak import keccak_256

ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
SUMMED = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ADDRESS,
    "0xde709f2102306220921060314715629080e2fb77",
)
"""Examples of EIP-55."""


@pytest.fixture(scope="module")
def detector() -> PresidioDetector:
    return PresidioDetector(entities=["CRYPTO"])


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_256_gives_the_known_digests(data: bytes, digest: str) -> None:
    assert keccak_256(data).hex() == digest


@given(st.binary(max_size=300))
def test_with_the_padding_of_the_standard_it_is_sha3(data: bytes) -> None:
    state = [0] * 25
    padded = bytearray(data) + bytes(136 - len(data) % 136)
    padded[len(data)] ^= 0x06
    padded[-1] ^= 0x80
    for start in range(0, len(padded), 136):
        for lane in range(17):
            state[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        state = keccak._permuted(state)
    assert b"".join(lane.to_bytes(8, "little") for lane in state[:4]) == hashlib.sha3_256(data).digest()


@pytest.mark.parametrize("address", SUMMED)
def test_a_checksummed_address_is_certain(detector: PresidioDetector, address: str) -> None:
    (found,) = detector.detect(f"Pay {address} today.", "user")
    assert (found.label, found.start, found.end, found.score) == ("CRYPTO", 4, 46, 1.0)


def test_a_wrong_checksum_is_no_address(detector: PresidioDetector) -> None:
    assert not detector.detect(f"my ethereum wallet is 0x5AAeb{SUMMED[0][7:]}", "user")


@pytest.mark.parametrize("address", [ADDRESS.lower(), "0x" + SUMMED[0][2:].upper(), "0x" + "1234567890" * 4])
def test_an_address_without_a_checksum_needs_context(detector: PresidioDetector, address: str) -> None:
    (found,) = detector.detect(f"my ethereum wallet is {address}", "user")
    assert 0.4 <= found.score < 1.0
    assert not detector.detect(f"the digest is {address}", "user")
