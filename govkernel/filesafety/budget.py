"""How much work one file of an artifact may cause, however deep it is nested."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one file of the artifact.

    Attributes:
        unpacked: bytes that all its compressed parts may unpack to.
        ratio: unpacked to packed beyond which running out is called a bomb.
        free: bytes that may be unpacked whatever the ratio.
        depth: archives inside archives.
        members: members of all archives inside it.
        opcodes: pickle opcodes.
        held: values a pickle may hold on its stack and in its memo.
    """

    unpacked: int = 4 << 30
    ratio: int = 120
    free: int = 64 << 20
    depth: int = 4
    members: int = 200_000
    opcodes: int = 30_000_000
    held: int = 3_000_000


@dataclass(slots=True)
class Budget:
    """What is left of the :class:`Limits`."""

    limits: Limits = field(default_factory=Limits)
    unpacked: int = 0
    members: int = 0
    opcodes: int = 0

    def enter(self) -> bool:
        """Count one member; false when there were too many."""
        self.members += 1
        return self.members <= self.limits.members

    def unpack(self, size: int) -> bool:
        """Count bytes that were unpacked; false when there were too many."""
        self.unpacked += size
        return self.unpacked <= self.limits.unpacked

    def is_bomb(self, unpacked: int, packed: int) -> bool:
        """Whether so much comes out of so little that it can only be meant to harm."""
        return unpacked > self.limits.free and unpacked > packed * self.limits.ratio
