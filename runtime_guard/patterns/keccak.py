"""Keccak-256 as Ethereum uses it: the sponge of FIPS 202 with the padding of the submission, which hashlib has not.

Bertoni, Daemen, Peeters, Van Assche: "The Keccak reference", version 3.0 (2011).
"""

from __future__ import annotations

from typing import Final

_RATE: Final = 136
"""Bytes of a block: 1600 bits of state less twice 256."""

_MASK: Final = 2**64 - 1
_ROUNDS: Final = 24


def keccak_256(data: bytes) -> bytes:
    """The digest of ``data``, 32 bytes."""
    state = [0] * 25
    padded = bytearray(data) + bytes(_RATE - len(data) % _RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permuted(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permuted(state: list[int]) -> list[int]:
    """Keccak-f[1600]; lane ``(x, y)`` stands at ``x + 5 y``."""
    for constant in _CONSTANTS:
        sums = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        mixed = [sums[(x - 1) % 5] ^ _turned(sums[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for place, (target, turn) in enumerate(_MOVES):
            moved[target] = _turned(state[place] ^ mixed[place % 5], turn)
        state = [
            lane ^ (~moved[place - place % 5 + (place + 1) % 5] & moved[place - place % 5 + (place + 2) % 5])
            for place, lane in enumerate(moved)
        ]
        state[0] ^= constant
    return state


def _turned(lane: int, places: int) -> int:
    return (lane << places | lane >> (64 - places)) & _MASK


def _moves() -> list[tuple[int, int]]:
    """Where each lane goes, and by how much it is turned (the steps rho and pi)."""
    moves = [(0, 0)] * 25
    x, y = 1, 0
    for step in range(24):
        moves[x + 5 * y] = (y + 5 * ((2 * x + 3 * y) % 5), (step + 1) * (step + 2) // 2 % 64)
        x, y = y, (2 * x + 3 * y) % 5
    return moves


def _constants() -> list[int]:
    """The constants of the rounds, from a shift register of 8 bits (the step iota)."""
    found, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << (2**power - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        found.append(constant)
    return found


_MOVES: Final = _moves()
_CONSTANTS: Final = _constants()
