"""Verify one bundle against one path: ``govkernel verify PATH --bundle B --key K``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from govkernel.domain import Artifact, ArtifactKind, RejectedStatement
from govkernel.errors import GovkernelError
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance.anchors import certified
from govkernel.provenance.bundle import ParsedBundle, parse_signed
from govkernel.provenance.digest import PathReader, artifact_of, detect_kind, read
from govkernel.provenance.foreign import parse_each
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.kinds import check_kind, said_kind
from govkernel.provenance.manifest import ModelManifest
from govkernel.provenance.predicates import check_predicate
from govkernel.provenance.trust import TrustPolicy
from govkernel.provenance.verify import (
    Opened,
    TrustedKey,
    check_subject,
    claimed_type,
    open_keyed,
    rejection,
    verified,
)
from govkernel.provenance.verify_certificate import open_certified


def verify_path(
    path: Path,
    bundle: bytes,
    trust: bytes | TrustPolicy,
    kind: ArtifactKind | None = None,
    *,
    now: datetime,
    source: str = "",
    reader: PathReader = read,
) -> VerifiedStatement | RejectedStatement:
    """Whether a bundle is a valid statement about what lies at ``path``.

    Args:
        path: a file or directory.
        bundle: bytes of the bundle.
        trust: a public key in PEM, then any valid statement of that key is verified; or a trust policy, then
            whoever signed, with a key or a certificate, must also be allowed to say it, about this, now.
        kind: what the artifact is; default is what the statement says, else what the path looks like.
        now: aware, UTC.
        source: where the bundle came from, for messages.
        reader: reads the artifact; receipts may stand in for hashing.

    Returns:
        The verified statement, or the reason for refusing it.

    Raises:
        ProvenanceError: the artifact itself cannot be read.
        ConfigError: the public key cannot be used.
    """
    known = trust if isinstance(trust, TrustPolicy) else _only(trust)
    parsed: tuple[ParsedBundle, ...] = ()
    manifest, files = reader(path)
    try:
        parsed = parse_signed(bundle)
        opened = _opened(bundle, parsed, known, now)
        artifact = artifact_of(path, _kind(opened, kind, path), None, manifest, files)
        outcome = _check(opened, artifact, manifest, source)
    except GovkernelError as error:
        return rejection(error, source, claimed_type(parsed))
    if isinstance(trust, TrustPolicy):
        judged = trust.judge(outcome, artifact, now)
        if isinstance(judged, RejectedStatement):
            return judged
        _, alone = trust.settle([judged], artifact, now)
        return alone[0] if alone else outcome
    return outcome


def _opened(
    bundle: bytes, parsed: Sequence[ParsedBundle], known: TrustPolicy | TrustedKey, now: datetime
) -> Opened:
    """The bundle, by the key, or by whomever the trust policy knows: a key of it, or an authority's certificate."""
    if isinstance(known, TrustedKey):
        opened = open_keyed(parsed, (known,), (), now)
        if opened is None:
            raise certified("Verify it under a trust policy that names the identity.")
        return opened
    by_key = open_keyed(parsed, known.known_keys, known.times, now)
    if by_key is not None:
        return by_key
    return open_certified([item for item in parse_each(bundle) if item.chain], known.authorities, now)


def _check(opened: Opened, artifact: Artifact, manifest: ModelManifest, source: str) -> VerifiedStatement:
    check_subject(opened, artifact, manifest)
    check_predicate(opened.raw.predicate_type, opened.raw.predicate)
    return verified(opened, artifact, source)


def _only(pem: bytes) -> TrustedKey:
    key = PublicKey.from_pem(pem)
    return TrustedKey(key.key_id[:16], key)


def _kind(opened: Opened, asked: ArtifactKind | None, path: Path) -> ArtifactKind:
    check_kind(opened.raw.predicate_type, opened.raw.predicate, asked)
    return asked or said_kind(opened.raw.predicate_type, opened.raw.predicate) or detect_kind(path)
