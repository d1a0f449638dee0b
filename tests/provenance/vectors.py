"""Strangers' test vectors against our verifiers: counts cases, expected verdicts, and explains every miss.

    python tests/provenance/vectors.py FOLDER

FOLDER holds checkouts, each looked for and skipped when absent: ``sigstore-conformance``, ``sigstore-python``,
``slsa-verifier``, ``model-transparency``, ``model-signing-spec``, ``wycheproof``. Nothing of them is part of this
project, and nothing is fetched. It needs the plugin ``govkernel-oci``. Exit status 1 says that a miss has no
explanation.
"""

from __future__ import annotations

import sys
from pathlib import Path

from strangers.conformance import conformance
from strangers.models import specification, transparency
from strangers.sigstore_python import sigstore_python
from strangers.slsa_verifier import slsa_verifier
from strangers.tally import Tally
from strangers.wycheproof import wycheproof

SUITES = {
    "sigstore-conformance": conformance,
    "sigstore-python": sigstore_python,
    "slsa-verifier": slsa_verifier,
    "model-transparency": transparency,
    "model-signing-spec": specification,
}


def run(folder: Path) -> list[Tally]:
    """Every suite that is there."""
    found = [suite(folder / name) for name, suite in SUITES.items() if (folder / name).is_dir()]
    return found + (list(wycheproof(folder / "wycheproof")) if (folder / "wycheproof").is_dir() else [])


if __name__ == "__main__":
    tallies = run(Path(sys.argv[1]))
    for tally in tallies:
        print(tally)
    sys.exit(any(tally.unexplained for tally in tallies))
