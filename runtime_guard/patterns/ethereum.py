"""Addresses of Ethereum; the case of their letters is a checksum (EIP-55)."""

from __future__ import annotations

from typing import Final

from presidio_analyzer import Pattern, PatternRecognizer

from runtime_guard.patterns.keccak import keccak_256

ENTITY: Final = "CRYPTO"
"""As Presidio calls addresses of Bitcoin."""

_SCORE: Final = 0.3
"""Below what is reported, unless words around it speak of such addresses."""


class EthereumRecognizer(PatternRecognizer):
    """Addresses of Ethereum: certain where the checksum is right, and only with context where there is none."""

    def __init__(self, language: str) -> None:
        super().__init__(
            supported_entity=ENTITY,
            name="EthereumRecognizer",
            supported_language=language,
            patterns=[Pattern("Ethereum (EIP-55)", r"\b0x[0-9a-fA-F]{40}\b", _SCORE)],
            context=["wallet", "eth", "ethereum", "ether", "crypto", "address", "erc20", "usdt", "usdc"],
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Whether the checksum is right; None where it is not and the letters are of one case: there is none."""
        address = pattern_text[2:]
        if not address.isdecimal() and address == _checksummed(address.lower()):
            return True
        return None if address in (address.lower(), address.upper()) else False


def _checksummed(address: str) -> str:
    """EIP-55: a letter is a capital where the digest of the address has a digit of 8 or more."""
    digest = keccak_256(address.encode("ascii")).hex()
    return "".join(
        char.upper() if int(digit, 16) >= 8 else char for char, digit in zip(address, digest, strict=False)
    )
