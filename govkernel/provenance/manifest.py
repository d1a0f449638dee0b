"""The list of files of a model or dataset, and the digests that follow from it.

Our subject digest binds file names: SHA-256 of the JCS (RFC 8785) form of
``{"files": [{"path", "sha256"}, ...], "type": MANIFEST_TYPE}``, files in code point order of their paths.
The OMS root digest does not (it hashes the file digests only), so it serves as a look-up alias.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Final, NamedTuple, Self

from govkernel.domain import Digest
from govkernel.domain.manifest import model_manifest_digest, oms_root
from govkernel.domain.paths import check_distinct, check_path
from govkernel.errors import ProvenanceError

MAX_NAMED: Final = 20
"""Files that a difference names; the rest is counted."""


class FileEntry(NamedTuple):
    """One file: its path relative to the root, with ``/``, and the SHA-256 of its bytes in hex."""

    path: str
    sha256: str


@dataclass(frozen=True)
class ModelManifest:
    """The files of a directory, or the one file of a single-file artifact.

    Attributes:
        files: sorted by path, all paths safe and distinct.
        single: it is one file, not a directory holding one file; OMS writes its path as ``.``.
    """

    files: tuple[FileEntry, ...]
    single: bool = False

    @classmethod
    def of(cls, files: Iterable[tuple[str, str]], *, single: bool = False) -> Self:
        """A manifest from (path, SHA-256 hex) pairs in any order.

        Raises:
            ProvenanceError: ``provenance.empty``, or a path that may not stand in a manifest.
        """
        entries = tuple(
            sorted((FileEntry(check_path(path), digest) for path, digest in files), key=itemgetter(0))
        )
        if not entries:
            raise ProvenanceError(
                "provenance.empty",
                "There is no file to speak about.",
                why="An empty model has no content that a signature could protect.",
                remedy="Check the path.",
            )
        check_distinct(entry.path for entry in entries)
        return cls(entries, single)

    @cached_property
    def digest(self) -> Digest:
        """The subject digest, which binds names and contents."""
        return model_manifest_digest({entry.path: entry.sha256 for entry in self.files})

    @cached_property
    def oms_root(self) -> Digest:
        """The root digest OMS writes: SHA-256 over the file digests in the order of :meth:`oms_order`."""
        return oms_root({entry.path: entry.sha256 for entry in self.files})

    def oms_order(self) -> list[FileEntry]:
        """The files ordered as OMS does: by path component, so that ``a/b`` comes before ``a.txt``."""
        return sorted(self.files, key=lambda entry: entry.path.split("/"))

    def differences(self, found: ModelManifest) -> str:
        """What ``found`` changed of this manifest, for people: at most 20 files named, the rest counted."""
        expected = {entry.path: entry.sha256 for entry in self.files}
        actual = {entry.path: entry.sha256 for entry in found.files}
        shared = expected.keys() & actual.keys()
        named = [("changed", path) for path in sorted(shared) if expected[path] != actual[path]]
        named += [("missing", path) for path in sorted(expected.keys() - actual.keys())]
        named += [("extra", path) for path in sorted(actual.keys() - expected.keys())]
        text = "; ".join(f"{word}: {path}" for word, path in named[:MAX_NAMED])
        rest = len(named) - MAX_NAMED
        return f"{text}; and {rest} more files" if rest > 0 else text
