"""The trust policy as of now: a policy, and the revocation lists and delegations that lie in two directories.

The rim of the room's trust: it looks at them whenever the policy's digest is asked for, which is before cached
evidence is used and before anything is judged. So what is revoked is revoked from the next decision on, and a
delegation that is taken away is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final

from govkernel.domain import AcceptedStatement, Artifact, Digest, RejectedStatement
from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance.authorities import Authority
from govkernel.provenance.delegation_folder import DelegationFolder, Stamp, bundle_files
from govkernel.provenance.revocation import PassedOver, RevocationList, read_list
from govkernel.provenance.store import read_bundle
from govkernel.provenance.timestamps import TimeAuthority
from govkernel.provenance.trust import TrustPolicy
from govkernel.provenance.verify import TrustedKey

FOLDER: Final = "revocations"
"""Where lists lie in a bundle store."""

DELEGATIONS: Final = "delegations"
"""Where delegations lie in a bundle store."""


class CurrentTrust:
    """A trust policy with what was revoked since; safe to share by threads.

    A list that was in force stays in force for as long as this object lives, also when its file is removed. A
    delegation is in force only while its file is there.

    Args:
        policy: the policy as written.
        directory: where revocation lists lie; it need not exist.
        delegations: where delegations lie; it need not exist.
    """

    def __init__(self, policy: TrustPolicy, directory: Path, delegations: Path | None = None) -> None:
        self._written = policy
        self._current = policy
        self._directory = directory
        self._read: dict[str, tuple[Stamp, RevocationList | PassedOver]] = {}
        self._lists: dict[Digest, RevocationList] = {}
        self._delegated = DelegationFolder(policy, delegations)
        self._lock = Lock()

    @property
    def keys(self) -> tuple[TrustedKey, ...]:
        """The keys of the policy."""
        return self._written.keys

    @property
    def known_keys(self) -> tuple[TrustedKey, ...]:
        """The keys of the policy, and those delegated to when the digest was last read."""
        return self._current.known_keys

    @property
    def authorities(self) -> tuple[Authority, ...]:
        """Who may certify identities."""
        return self._written.authorities

    @property
    def times(self) -> tuple[TimeAuthority, ...]:
        """Who may say when something was signed."""
        return self._written.times

    @property
    def digest(self) -> Digest:
        """Identity of the policy with all that is revoked by now.

        Raises:
            GovkernelError: ``trust.revocations`` or what is wrong with the files: a list that cannot be read might
                have been a reason to deny.
        """
        return self.now().digest

    def now(self) -> TrustPolicy:
        """The policy with all that is revoked by now; raises like :attr:`digest`."""
        with self._lock:
            new, changed = self._look(), self._delegated.look()
            if new or changed:
                revoked = self._written.revoking(self._lists.values())
                self._current = revoked.delegating(self._delegated.in_force)
            return self._current

    @property
    def lists(self) -> tuple[RevocationList, ...]:
        """Lists in force."""
        return tuple(self._lists.values())

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """Lists and delegations that were found and are not in force."""
        lists = (item for _, item in self._read.values() if isinstance(item, PassedOver))
        return (*lists, *self._delegated.passed_over)

    def judge(
        self, verified: VerifiedStatement, artifact: Artifact, now: datetime
    ) -> AcceptedStatement | RejectedStatement:
        """As :meth:`TrustPolicy.judge`, with what was revoked when the digest was last read."""
        return self._current.judge(verified, artifact, now)

    def settle(
        self, accepted: Sequence[AcceptedStatement], artifact: Artifact, now: datetime
    ) -> tuple[tuple[AcceptedStatement, ...], tuple[RejectedStatement, ...]]:
        """As :meth:`TrustPolicy.settle`."""
        return self._current.settle(accepted, artifact, now)

    def revocation(self, artifact: Artifact) -> RejectedStatement | None:
        """As :meth:`TrustPolicy.revocation`."""
        return self._current.revocation(artifact)

    def _look(self) -> bool:
        """Read what is new or changed; whether a list came into force."""
        known = len(self._lists)
        for name, stamp in self._files().items():
            if name in self._read and self._read[name][0] == stamp:
                continue
            bundle = read_bundle(self._directory / name)
            found = read_list(bundle, self._written.keys, self._written.signers, self._written.rules)
            self._read[name] = (stamp, found)
            if isinstance(found, RevocationList):
                self._lists[found.digest] = found
        return len(self._lists) > known

    def _files(self) -> dict[str, Stamp]:
        try:
            return bundle_files(self._directory)
        except OSError as error:
            raise _unreadable(self._directory, error.strerror or type(error).__name__) from None


def _unreadable(directory: Path, why: str) -> GovkernelError:
    return ConfigError(
        "trust.revocations",
        f"The revocation lists in {str(directory)!r} cannot be read.",
        why=why,
        remedy="Check the directory and its permissions; until then nothing is decided.",
    )
