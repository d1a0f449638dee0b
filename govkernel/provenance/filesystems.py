"""Which file systems tell of every change: only on those does an unchanged stamp mean an unchanged file.

Named one by one, since most others cannot be trusted with this: network file systems cache attributes, FUSE answers
what it likes, FAT keeps no change time, tmpfs does not notice writes through a mapping, and an overlay changes inodes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

KEEPING: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs"})
"""Local file systems of Linux whose change time follows every write, of descriptors and of mappings."""

_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def keeps_change_time(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether ``path`` lies on a file system that moves the change time of a file whenever its content changes.

    Args:
        path: a file or directory that exists.
        mounts: the list of mounts, in the form of proc(5) ``mountinfo``; where there is none, the answer is no.
    """
    place = os.path.realpath(path)
    found = ""
    longest = -1
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    for line in lines:
        fields = line.split(" ")
        if "-" not in fields[6:-1] or not _under(place, point := _unescaped(fields[4])):
            continue
        if len(point) >= longest:  # of two mounts on one point the later one is seen
            longest, found = len(point), fields[fields.index("-", 6) + 1]
    return found in KEEPING


def _under(place: str, point: str) -> bool:
    return point in ("/", place) or place.startswith(f"{point}/")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
