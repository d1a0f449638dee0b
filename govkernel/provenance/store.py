"""The bundle store: a directory of bundles, found by subject digest, and names that signed statements bind.

Layout: ``sha256/<subject>/<bundle>.sigstore.json`` and, as hints only, ``names/<sha256 of name>/<subject>``.
Nothing in it is trusted: what is found is verified, each time.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from govkernel.domain import Artifact, Digest, Subject
from govkernel.domain.predicates import DERIVATION, OMS_SIGNATURE
from govkernel.errors import GovkernelError, InputError, ProvenanceError
from govkernel.files import read_file, replace_file
from govkernel.hookspecs import Bundle
from govkernel.provenance.bundle import parse_signed
from govkernel.provenance.limits import MAX_BUNDLE, MAX_BUNDLES
from govkernel.provenance.oms import read_oms, with_our_digest
from govkernel.provenance.statement import parse_statement

MAX_STORED: Final = 1_000_000
"""Artifacts in a store that is searched as a whole."""

SUFFIX: Final = ".sigstore.json"
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_NAMED: Final = re.compile(r"[a-z][a-z0-9+.-]*:.+", re.DOTALL)


class BundleStore:
    """Bundles in a directory; follows :class:`govkernel.hookspecs.AttestationSource`.

    Args:
        root: the directory; made when something is added.
    """

    name = "store"

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, bundle: bytes) -> Path:
        """Keep a bundle, durably, indexed by every SHA-256 subject and every name with a scheme.

        Returns:
            Where it lies (under its first subject).

        Raises:
            InputError: it is no bundle with an in-toto Statement.
            ProvenanceError: ``provenance.no-subject``, or ``store.unwritable``.
        """
        subjects = _subjects(bundle)
        digests = _sha256s(subjects)
        if not digests:
            raise ProvenanceError(
                "provenance.no-subject",
                "The statement has no SHA-256 subject to find it by.",
                remedy="State it about the artifact's subject digest.",
            )
        file = f"{hashlib.sha256(bundle).hexdigest()}{SUFFIX}"
        try:
            paths = [_write(self._root / "sha256" / digest / file, bundle) for digest in digests]
            for subject in subjects:
                if _NAMED.fullmatch(subject.name):
                    for digest in _sha256s([subject]):
                        _write(self._names(subject.name) / digest, b"")
        except OSError as error:
            raise _store_error("unwritable", self._root, error) from None
        return paths[0]

    def find(self, artifact: Artifact) -> Sequence[Bundle]:
        """Bundles about the artifact's digest or an alias of it.

        Raises:
            GovkernelError: ``store.unreadable``, ``evidence.too-many`` or ``provenance.bundle-too-large``: what
                cannot be read might have been a reason to deny.
        """
        digests = [item for item in (artifact.digest, *artifact.aliases) if item]
        found: dict[str, Path] = {}
        for digest in digests:
            if digest.algorithm == "sha256":
                for path in self._listed(self._root / "sha256" / digest.hex):
                    if path.name.endswith(SUFFIX) and not path.name.startswith("."):
                        found.setdefault(path.name, path)
        return [read_bundle(path) for path in found.values()]

    def derivations(self) -> Iterator[tuple[Digest, Mapping[str, Any]]]:
        """Subject and claim of every derivation statement here, unverified; what cannot be read is left out.

        Raises:
            GovkernelError: ``store.unreadable`` or ``evidence.too-many``.
        """
        seen: set[str] = set()
        for directory in self._listed(self._root / "sha256", MAX_STORED):
            for path in self._listed(directory):
                if path.name in seen or not path.name.endswith(SUFFIX):
                    continue
                seen.add(path.name)
                with contextlib.suppress(GovkernelError):
                    statement = parse_statement(parse_signed(read_bundle(path).content)[0].envelope.payload)
                    if statement.predicate_type == DERIVATION:
                        for hexadecimal in _sha256s(statement.subjects):
                            yield Digest.sha256(hexadecimal), statement.predicate

    def candidates(self, name: str) -> tuple[Digest, ...]:
        """Digests that some bundle, unverified, binds to a name.

        Raises:
            GovkernelError: ``store.unreadable`` or ``evidence.too-many``.
        """
        names = (path.name for path in self._listed(self._names(name)))
        return tuple(Digest.sha256(text) for text in names if _HEX.fullmatch(text))

    def _names(self, name: str) -> Path:
        return self._root / "names" / hashlib.sha256(name.encode()).hexdigest()

    def _listed(self, directory: Path, limit: int | None = None) -> list[Path]:
        limit = MAX_BUNDLES if limit is None else limit
        try:
            paths = sorted(islice(directory.iterdir(), limit + 1))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _store_error("unreadable", directory, error) from None
        return bounded(paths, str(directory), limit)


def read_bundle(path: Path) -> Bundle:
    """A bundle file, bounded.

    Raises:
        GovkernelError: ``store.unreadable`` or ``provenance.bundle-too-large``.
    """
    try:
        content = read_file(path, MAX_BUNDLE, patience=0)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise _store_error("unreadable", path, error) from None
        raise InputError(
            "provenance.bundle-too-large",
            f"The bundle {path.name!r} has more than {MAX_BUNDLE} bytes.",
            remedy="Remove it, or sign an artifact of fewer files.",
        ) from None
    return Bundle(content=content, source=str(path))


def bounded(paths: list[Path], where: str, limit: int | None = None) -> list[Path]:
    """The paths themselves, if they are not too many.

    Raises:
        GovkernelError: ``evidence.too-many``.
    """
    limit = MAX_BUNDLES if limit is None else limit
    if len(paths) > limit:
        raise GovkernelError(
            "evidence.too-many",
            f"More than {limit} bundles lie in {where!r}.",
            remedy="Remove the bundles that are not needed.",
        )
    return paths


def _subjects(bundle: bytes) -> tuple[Subject, ...]:
    statement = parse_statement(parse_signed(bundle)[0].envelope.payload)
    if statement.predicate_type == OMS_SIGNATURE:
        statement = with_our_digest(statement, read_oms(statement))
    return statement.subjects


def _sha256s(subjects: Iterable[Subject]) -> list[str]:
    found = (item.hex for subject in subjects for item in subject.digests if item.algorithm == "sha256")
    return list(dict.fromkeys(found))


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
    return path


def _store_error(problem: str, path: Path, error: OSError) -> GovkernelError:
    return GovkernelError(
        f"store.{problem}",
        f"The bundle store at {str(path)!r} cannot be used.",
        why=error.strerror or type(error).__name__,
        remedy="Check that the directory exists and its permissions.",
    )
