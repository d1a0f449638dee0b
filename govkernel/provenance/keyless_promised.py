"""Keyless bundles whose log entry carries a promise and no proof, as cosign wrote them before version 3. ADR 0008.

Imported only by :mod:`govkernel.provenance.keyless`, since it imports sigstore.
"""

from __future__ import annotations

import json
from typing import Final

from sigstore._internal.trust import RekorKeyring
from sigstore.models import Bundle, TransparencyLogEntry

_NO_PROOF: Final = {
    "logIndex": "0",
    "rootHash": "",
    "treeSize": "1",
    "hashes": [],
    "checkpoint": {"envelope": ""},
}


class PromisedEntry(TransparencyLogEntry):
    """An entry that the log promised, by its signature, to include, without the proof that it did."""

    def _verify(self, keyring: RekorKeyring) -> None:
        self._verify_set(keyring)


class Promised(Bundle):
    """A bundle of cosign before version 3, whose entry carries a promise only.

    sigstore-python demands a proof of every entry, so it is given an empty one, which nobody looks at.
    """

    @classmethod
    def from_json(cls, raw: bytes | str) -> Bundle:
        """Read the bundle that :mod:`govkernel.provenance.cosign_v2` made.

        Raises:
            ValueError: it has no entry, or it is malformed.
        """
        document = json.loads(raw)
        (entry,) = document["verificationMaterial"]["tlogEntries"]
        entry["inclusionProof"] = _NO_PROOF
        bundle = super().from_json(json.dumps(document))
        bundle._log_entry = PromisedEntry(bundle.log_entry._inner)
        return bundle
