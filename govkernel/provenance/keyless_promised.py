"""Keyless bundles v0.1 whose log entry carries a promise and no proof, as npm, GitHub's builders and cosign wrote them
until 2023. ADR 0008.

Sigstore's rule for v0.1: the promise must be there and hold, the proof may be missing (protobuf-specs,
``sigstore_bundle.proto``). Since v0.2 the proof must be there.

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
    """A bundle v0.1 whose entry carries a promise only.

    sigstore-python demands a proof of every entry, so it is given an empty one, which nobody looks at. All else it
    checks, and we, as of any other bundle: that the entry is about this content, and the promise over all of the entry.
    """

    @classmethod
    def from_json(cls, raw: bytes | str) -> Bundle:
        """Read a bundle that :class:`govkernel.provenance.foreign.ForeignBundle` says is ``promised``.

        Raises:
            ValueError: it is malformed.
        """
        document = json.loads(raw)
        (entry,) = document["verificationMaterial"]["tlogEntries"]
        entry["inclusionProof"] = _NO_PROOF
        bundle = super().from_json(json.dumps(document))
        bundle._log_entry = PromisedEntry(bundle.log_entry._inner)
        return bundle
