"""Bundles beside a local artifact: ``PATH.sigstore.json``, ``PATH.<word>.sigstore.json``, ``PATH/model.sig``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from govkernel.domain import Artifact
from govkernel.domain.manifest import SIGNATURE_FILE
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle
from govkernel.provenance.store import bounded, read_bundle


class AdjacentFiles:
    """Finds bundles that lie beside what was read; follows :class:`govkernel.hookspecs.AttestationSource`."""

    name = "adjacent"

    def find(self, artifact: Artifact) -> Sequence[Bundle]:
        """Bundles beside the artifact's location; none when it has no local content.

        Raises:
            GovkernelError: ``store.unreadable``, ``evidence.too-many`` or ``provenance.bundle-too-large``.
        """
        if artifact.location is None:
            return []
        path = Path(artifact.location)
        found = bounded(_beside(path), str(path.parent))
        inside = path / SIGNATURE_FILE
        if inside.is_file():
            found.append(inside)
        return [read_bundle(item) for item in found]


def _beside(path: Path) -> list[Path]:
    pattern = re.compile(re.escape(path.name) + r"(\.[A-Za-z0-9_-]+)?\.sigstore\.json")
    try:
        matching = [(item, pattern.fullmatch(item.name)) for item in path.parent.iterdir()]
    except OSError as error:
        raise GovkernelError(
            "store.unreadable",
            f"The directory of {path.name!r} cannot be listed.",
            why=error.strerror or type(error).__name__,
            remedy="Check its permissions.",
        ) from None
    # `a.b.sigstore.json` belongs to `a.b`, if there is one, and not to `a`.
    return sorted(
        item
        for item, match in matching
        if match and item.is_file() and not (match[1] and path.with_name(path.name + match[1]).exists())
    )
