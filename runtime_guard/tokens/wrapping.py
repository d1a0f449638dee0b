"""A key-encryption key in this process: AES-256-GCM, 96-bit random nonces, the context authenticated."""

from __future__ import annotations

import hashlib
import os
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIZE: Final = 32
_NONCE: Final = 12


class LocalWrapper:
    """Follows :class:`govkernel.hookspecs.KeyWrapper`.

    Args:
        key: 32 random bytes.

    Raises:
        ValueError: it has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != SIZE:
            raise ValueError(f"a key-encryption key has {SIZE} bytes")
        self._aead = AESGCM(key)
        named = hashlib.sha256(b"govkernel key-encryption key id 1" + key).hexdigest()
        self.key_id = f"local:{named[:32]}"

    @classmethod
    def new(cls) -> Self:
        """One that nobody else has, and that ends with this process."""
        return cls(os.urandom(SIZE))

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """What was wrapped.

        Raises:
            InvalidTag: it was not wrapped by this key under this context.
        """
        return self._aead.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], context)
