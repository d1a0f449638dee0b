"""The delegations that lie in a directory, as of now."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from govkernel.errors import GovkernelError
from govkernel.provenance.delegation import Delegation, in_force, read_delegation
from govkernel.provenance.limits import MAX_BUNDLES
from govkernel.provenance.revocation import PassedOver
from govkernel.provenance.store import SUFFIX, read_bundle
from govkernel.provenance.trust import TrustPolicy

Stamp = tuple[int, int, int, int]
"""Inode, size, and times of last change of content and of anything: what tells a file from what it was."""


class DelegationFolder:
    """Reads each delegation once; what is no longer there is no longer in force.

    Whatever is wrong with a file or the directory, fewer may speak: nothing here stops a decision.

    Attributes:
        in_force: delegations, in the order of their digests.
        passed_over: what lies there and is not in force.

    Args:
        policy: the policy as written.
        directory: where they lie; None for nowhere.
    """

    def __init__(self, policy: TrustPolicy, directory: Path | None) -> None:
        self.in_force: tuple[Delegation, ...] = ()
        self.passed_over: tuple[PassedOver, ...] = ()
        self._policy = policy
        self._directory = directory
        self._files: dict[str, Stamp] | None = {}
        self._read: dict[str, tuple[Stamp, Delegation | PassedOver]] = {}

    def look(self) -> bool:
        """Read what is new or changed; whether other delegations are in force than before."""
        before = self.in_force
        try:
            files = bundle_files(self._directory) if self._directory else {}
        except OSError as error:
            why = error.strerror or type(error).__name__
            self._files, self.in_force = None, ()
            self.passed_over = (PassedOver(str(self._directory), "trust.delegations", why),)
            return before != ()
        if files == self._files:
            return False
        self._files = files
        self._read = {name: self._found(name, stamp) for name, stamp in files.items()}
        found = [item for _, item in self._read.values()]
        self.in_force, over = in_force(item for item in found if isinstance(item, Delegation))
        self.passed_over = (*(item for item in found if isinstance(item, PassedOver)), *over)
        return before != self.in_force

    def _found(self, name: str, stamp: Stamp) -> tuple[Stamp, Delegation | PassedOver]:
        if name in self._read and self._read[name][0] == stamp:
            return self._read[name]
        path = Path(str(self._directory)) / name
        try:
            bundle = read_bundle(path)
        except GovkernelError as error:
            return stamp, PassedOver(str(path), error.code, f"{error.what} {error.why}".strip())
        policy = self._policy
        return stamp, read_delegation(bundle, policy.keys, policy.signers, policy.rules)


def bundle_files(directory: Path) -> dict[str, Stamp]:
    """The bundles in a directory that need not be there, by name.

    Raises:
        OSError: it cannot be read, or holds too many.
    """
    try:
        found = os.scandir(directory)
    except FileNotFoundError:
        return {}
    with found:
        entries = [item for item in found if item.name.endswith(SUFFIX) and item.name[0] != "."]
        if len(entries) > MAX_BUNDLES:
            raise OSError(errno.EFBIG, f"more than {MAX_BUNDLES} bundles lie there")
        return {item.name: _stamp(item.stat()) for item in entries}


def _stamp(stat: os.stat_result) -> Stamp:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
