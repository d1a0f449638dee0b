"""Verify any maker's bundle against one path: who signed it, what it says, whether that is about this artifact."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from govkernel.domain import Digest, RejectedStatement, Signer, Statement
from govkernel.domain.artifact import Artifact, ArtifactKind
from govkernel.domain.predicates import OMS_SIGNATURE
from govkernel.errors import GovkernelError, InputError, ProvenanceError
from govkernel.provenance.anchors import Anchor, proven_by_any
from govkernel.provenance.digest import PathReader, artifact_of, detect_kind, read
from govkernel.provenance.files import HashedFile
from govkernel.provenance.foreign import MessageSignature, check_oms, parse_each
from govkernel.provenance.kinds import check_kind, said_kind
from govkernel.provenance.manifest import ModelManifest
from govkernel.provenance.oms import read_oms, with_our_digest
from govkernel.provenance.oms_v02 import DIGESTS_V01, read_v02
from govkernel.provenance.predicates import check_predicate
from govkernel.provenance.statement import RawStatement, parse_statement
from govkernel.provenance.verify import about, rejection

MAX_MESSAGE: Final = 256 * 1024 * 1024
"""Bytes of a file with a bare signature, or named by SHA-512 alone; it is held in memory while verified."""

BYTES_ONLY: Final = "It is about the bytes of the file, not its name: a renamed copy would verify too."


@dataclass(frozen=True)
class VerifiedBundle:
    """A bundle that holds, about the artifact it was asked about.

    Attributes:
        signer: who signed.
        statement: what they said; None for a bare signature, which says nothing more.
        about: the digest of the artifact that was signed.
        notes: what a person should know about how much was proven.
        signed_at: when, by a time that was verified; None when nobody but the signer says so.
    """

    signer: Signer
    statement: Statement | None
    about: Digest
    notes: tuple[str, ...] = ()
    signed_at: datetime | None = None


def verify_foreign(
    path: Path,
    raw: bytes,
    anchor: Anchor,
    kind: ArtifactKind | None = None,
    *,
    now: datetime,
    source: str = "",
    ignore: frozenset[str] = frozenset(),
    reader: PathReader = read,
) -> VerifiedBundle | RejectedStatement:
    """Whether a bundle holds for what lies at ``path``.

    Args:
        path: a file or directory.
        raw: bytes of the bundle.
        anchor: who is trusted to have signed it.
        kind: what the artifact is; default is what the statement says, else what the path looks like.
        now: aware, UTC.
        source: where the bundle came from, for messages.
        ignore: files of a directory, relative with ``/``, that are not part of the artifact.
        reader: reads the artifact; receipts may stand in for hashing.

    Raises:
        ProvenanceError: the artifact itself cannot be read.
    """
    found = _Found(path, kind, *_without(*reader(path), ignore))
    claimed = ""
    try:
        bundle, signer, moment = proven_by_any(anchor, parse_each(raw), lambda: _message(found), now)
        if isinstance(bundle.content, MessageSignature):
            return replace(_signed_file(bundle.content, signer, found), signed_at=moment)
        statement = parse_statement(bundle.content.payload)
        claimed = statement.predicate_type
        if claimed == OMS_SIGNATURE:
            check_oms(bundle)
        check_kind(claimed, statement.predicate, kind)
        return replace(_READERS.get(claimed, _stated)(statement, signer, found), signed_at=moment)
    except GovkernelError as error:
        return rejection(error, source, claimed)


@dataclass(frozen=True)
class _Found:
    """What lies at the path, read once."""

    path: Path
    kind: ArtifactKind | None
    manifest: ModelManifest
    files: list[HashedFile]

    @property
    def plain(self) -> Digest | None:
        """SHA-256 of the bytes of a single file."""
        return Digest.sha256(self.manifest.files[0].sha256) if self.manifest.single else None

    def artifact(self, said: ArtifactKind | None) -> tuple[Artifact, Digest]:
        """The artifact and its digest; a file of no known kind is its bytes."""
        try:
            kind = self.kind or said or detect_kind(self.path)
        except ProvenanceError:
            kind = ArtifactKind.DATASET
        artifact = artifact_of(self.path, kind, None, self.manifest, self.files)
        return artifact, artifact.digest or self.manifest.digest


def _oms(raw: RawStatement, signer: Signer, found: _Found) -> VerifiedBundle:
    signed = read_oms(raw)
    _check_files(signed.differences(found.manifest), found)
    return VerifiedBundle(signer, with_our_digest(raw, signed).freeze(), signed.digest)


def _v02(raw: RawStatement, signer: Signer, found: _Found) -> VerifiedBundle:
    signed = read_v02(raw)
    _check_files(signed.differences(found.manifest), found)
    return VerifiedBundle(signer, raw.freeze(), signed.digest)


_READERS: Final = {DIGESTS_V01: _v02, OMS_SIGNATURE: _oms}


def _check_files(problem: str, found: _Found) -> None:
    if problem:
        raise ProvenanceError(
            "provenance.files-changed",
            f"{found.path.name!r} is not what was signed.",
            why=problem,
            remedy="Restore the files that were signed, or name those that do not belong to it with --ignore.",
        )


def _stated(raw: RawStatement, signer: Signer, found: _Found) -> VerifiedBundle:
    check_predicate(raw.predicate_type, raw.predicate)
    digests = [digest for subject in raw.subjects for digest in subject.digests]
    artifact, digest = found.artifact(said_kind(raw.predicate_type, raw.predicate))
    if found.plain is not None and found.plain in digests:
        return VerifiedBundle(signer, raw.freeze(), found.plain, (BYTES_ONLY,))
    by_sha512 = _named_by_sha512(raw) if found.plain is not None else frozenset()
    if by_sha512 and (named := _sha512(found)) in by_sha512:
        return VerifiedBundle(signer, raw.freeze(), named, (BYTES_ONLY,))
    about(digests, artifact)
    return VerifiedBundle(signer, raw.freeze(), digest)


def _named_by_sha512(raw: RawStatement) -> frozenset[Digest]:
    """SHA-512 digests of subjects that have no SHA-256, as npm names its packages; one that has is known by that."""
    subjects = ({item.algorithm: item for item in subject.digests} for subject in raw.subjects)
    return frozenset(one["sha512"] for one in subjects if "sha512" in one and "sha256" not in one)


def _sha512(found: _Found) -> Digest:
    return Digest(algorithm="sha512", hex=hashlib.sha512(_message(found)).hexdigest())


def _signed_file(content: MessageSignature, signer: Signer, found: _Found) -> VerifiedBundle:
    digest = _file_digest(found)
    if content.sha256 and content.sha256 != digest.hex:
        raise ProvenanceError(
            "provenance.subject-mismatch",
            "The signature is about another file.",
            why=f"It speaks of sha256:{content.sha256[:64]}, this is {digest}.",
            remedy="Find the bundle of this file.",
        )
    return VerifiedBundle(signer, None, digest, ("It is a bare signature and states nothing.", BYTES_ONLY))


def _message(found: _Found) -> bytes:
    """The bytes of the file that was hashed, read once more for what else is to be known of them, and compared."""
    digest = _file_digest(found)
    with found.path.open("rb") as stream:
        content = stream.read(MAX_MESSAGE + 1)
    if len(content) > MAX_MESSAGE:
        raise InputError(
            "provenance.message-too-large",
            f"The file has more than {MAX_MESSAGE} bytes.",
            remedy="Sign large files as a model, or with a statement about their SHA-256.",
        )
    if hashlib.sha256(content).hexdigest() != digest.hex:
        raise ProvenanceError(
            "provenance.changed-while-read",
            f"{found.path.name!r} changed while it was read.",
            remedy="Stop what writes there, then try again.",
        )
    return content


def _file_digest(found: _Found) -> Digest:
    if found.plain is None:
        raise ProvenanceError(
            "provenance.not-a-file",
            "A bare signature is about one file, and this is a directory.",
            remedy="Name the file that was signed.",
        )
    return found.plain


def _without(
    manifest: ModelManifest, files: list[HashedFile], ignore: frozenset[str]
) -> tuple[ModelManifest, list[HashedFile]]:
    if manifest.single or not ignore:
        return manifest, files
    kept = [item for item in files if item.path not in ignore]
    return ModelManifest.of((item.path, item.sha256) for item in kept), kept
