"""From bundle bytes to a verified statement: format, signature, payload, subject, in this order, nothing skipped.

Trust only moves forward: bytes become a :class:`ParsedBundle`, that becomes :class:`Opened` once a key verifies
it, and only then is the payload read. Whether the signer may say it is for the trust policy to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from govkernel.domain import Artifact, Digest, RejectedStatement, Signer
from govkernel.domain.formats import formats_of
from govkernel.domain.predicates import OMS_SIGNATURE
from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance.attribution import Attribution, most_telling, together
from govkernel.provenance.bundle import ParsedBundle, is_bundle, parse_signed
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.manifest import ModelManifest
from govkernel.provenance.memory import ManifestMemory
from govkernel.provenance.oms import read_oms, with_our_digest
from govkernel.provenance.statement import RawStatement, parse_statement
from govkernel.provenance.timestamps import TimeAuthority, signing_time

_KEY_ID: Final = re.compile(r"[0-9a-f]{64}")
FORMAT_UNKNOWN: Final = "provenance.format-unknown"


@dataclass(frozen=True)
class TrustedKey:
    """A key that some trust policy names; being listed lets it say nothing by itself."""

    name: str
    key: PublicKey


@dataclass(frozen=True)
class Opened:
    """A bundle whose signature was verified, and whose payload was read.

    Attributes:
        raw: the statement, about our subject digest if it is an OMS one.
        manifest: the files an OMS statement lists; None for any other type.
        signers: whose keys or certificates verified it; at least one.
        signed_at: when, by a time that was verified; None when nobody but the signer says so.
    """

    raw: RawStatement
    manifest: ModelManifest | None
    signers: tuple[Signer, ...]
    signed_at: datetime | None = None

    @property
    def signer(self) -> Signer:
        """The first of those who signed."""
        return self.signers[0]


class KeyVerifier:
    """Verifies Sigstore bundles and envelopes that keys signed; follows :class:`govkernel.hookspecs.EvidenceVerifier`.

    Args:
        keys: keys of the trust policy; or what tells them, where they change.
        memory: manifests of artifacts read before, to name the files that differ.
        times: who may say when something was signed.
    """

    name = "sigstore-key"

    def __init__(
        self,
        keys: Sequence[TrustedKey] | Callable[[], Sequence[TrustedKey]],
        memory: ManifestMemory | None = None,
        times: Sequence[TimeAuthority] = (),
    ) -> None:
        self._keys = keys if callable(keys) else partial(tuple, keys)
        self._memory = memory or ManifestMemory()
        self._times = tuple(times)

    def verify(
        self,
        bundle: Bundle,
        artifact: Artifact,
        now: datetime,
    ) -> VerifiedStatement | RejectedStatement | None:
        """The verified statement, the reason for refusing it, or None when it is not a key-based bundle."""
        if not is_bundle(bundle.content):
            return None
        parsed: tuple[ParsedBundle, ...] = ()
        try:
            parsed = parse_signed(bundle.content)
            opened = open_keyed(parsed, self._keys(), self._times, now)
            if opened is None:
                return None
            check_subject(opened, artifact, self._memory.recall(artifact))
            return verified(opened, artifact, bundle.source)
        except GovkernelError as error:
            if error.code == FORMAT_UNKNOWN:
                return None
            return rejection(error, bundle.source, claimed_type(parsed))


def open_bundle(parsed: ParsedBundle, keys: Sequence[TrustedKey]) -> Opened:
    """Check the signature against known keys, then read the payload.

    Raises:
        GovkernelError: ``provenance.signature-invalid``, ``provenance.signer-not-trusted``, or what is wrong
            with the payload.
    """
    return read_payload(parsed.envelope.payload, Attribution((_signer(parsed, keys),)))


def open_keyed(
    parsed: Sequence[ParsedBundle],
    keys: Sequence[TrustedKey],
    times: Sequence[TimeAuthority],
    now: datetime,
) -> Opened | None:
    """Like :func:`open_bundle`, for each signature of one envelope, with the time at which it was signed.

    One signature of a known key is enough, and each key that signed counts once (DSSE v1.0, protocol).

    Args:
        parsed: the envelope once for each of its signatures.
        keys: the known ones.
        times: who may say when it was signed.
        now: aware, UTC.

    Returns:
        None when no known key signed, and it carries a certificate.

    Raises:
        GovkernelError: as :func:`open_bundle`, or a ``timestamp.*`` code that names the check.
    """
    said: list[Attribution] = []
    refusals: list[GovkernelError] = []
    for item in parsed:
        if item.certificate and not item.alone:
            continue
        try:
            said.append(_attributed(item, keys, times, now))
        except GovkernelError as error:
            refusals.append(error)
    if said:
        return read_payload(parsed[0].envelope.payload, together(said))
    if any(item.certificate for item in parsed):
        return None
    raise most_telling(refusals)


def _attributed(
    parsed: ParsedBundle, keys: Sequence[TrustedKey], times: Sequence[TimeAuthority], now: datetime
) -> Attribution:
    signer = _signer(parsed, keys)
    return Attribution((signer,), signing_time(parsed.timestamps, parsed.envelope.signature, times, now))


def read_payload(payload: bytes, said: Attribution) -> Opened:
    """Read the payload of an envelope, now that its signature was verified.

    Raises:
        GovkernelError: what is wrong with the payload.
    """
    raw = parse_statement(payload)
    if raw.predicate_type != OMS_SIGNATURE:
        return Opened(raw, None, said.signers, said.signed_at)
    manifest = read_oms(raw)
    return Opened(with_our_digest(raw, manifest), manifest, said.signers, said.signed_at)


def check_subject(opened: Opened, artifact: Artifact, found: ModelManifest | None) -> None:
    """Refuse a statement that is not about this artifact.

    Args:
        opened: the statement.
        artifact: what it should be about.
        found: the files of the artifact, if they are known, to name those that differ.

    Raises:
        ProvenanceError: ``provenance.files-changed``, ``provenance.weak-subject`` or ``provenance.subject-mismatch``.
    """
    differences = opened.manifest.differences(found) if opened.manifest and found else ""
    if differences:
        raise ProvenanceError(
            "provenance.files-changed",
            f"{artifact.name!r} is not what was signed.",
            why=differences,
            remedy="Restore the files that were signed, or review the change and sign again.",
        )
    about([digest for subject in opened.raw.subjects for digest in subject.digests], artifact)


def about(digests: Sequence[Digest], artifact: Artifact) -> None:
    """Refuse subject digests that do not name the artifact itself.

    Raises:
        ProvenanceError: ``provenance.weak-subject`` (only an alias that does not bind file names) or
            ``provenance.subject-mismatch``.
    """
    if artifact.digest is not None and artifact.digest in digests:
        return
    if set(artifact.aliases) & set(digests):
        raise ProvenanceError(
            "provenance.weak-subject",
            "The statement speaks of a digest that does not bind file names.",
            why="A renamed file would keep that digest, and the statement would still hold.",
            remedy=f"State it about {artifact.digest}.",
        )
    raise ProvenanceError(
        "provenance.subject-mismatch",
        "The statement is about something else.",
        why=f"It speaks of {digests[0]}, this is {artifact.digest}." if digests else "It has no digest.",
        remedy="Find or make a statement about this content; if the content should be that, restore it.",
    )


def verified(opened: Opened, artifact: Artifact, source: str) -> VerifiedStatement:
    """The verified statement; for models that were not read here, formats come from the signed list."""
    formats: tuple[str, ...] = ()
    if opened.manifest is not None and not artifact.observed:
        formats = formats_of((entry.path, None) for entry in opened.manifest.files)
    return VerifiedStatement(
        statement=opened.raw.freeze(),
        signers=opened.signers,
        source=source,
        formats=formats,
        signed_at=opened.signed_at,
    )


def rejection(error: GovkernelError, source: str = "", predicate_type: str = "") -> RejectedStatement:
    """The refusal that an error stands for."""
    why = f"{error.what} {error.why}".strip()
    return RejectedStatement(
        code=error.code, why=why, remedy=error.remedy, predicate_type=predicate_type, source=source
    )


def claimed_type(parsed: Sequence[ParsedBundle]) -> str:
    """The predicate type an unverified payload claims, for messages; empty when it cannot be read."""
    try:
        return parse_statement(parsed[0].envelope.payload).predicate_type if parsed else ""
    except GovkernelError:
        return ""


def _signer(parsed: ParsedBundle, keys: Sequence[TrustedKey]) -> Signer:
    """The first known key that signed, those first that the bundle names."""
    hinted = [item for item in keys if parsed.hint in {item.key.key_id, item.key.pem_hint}]
    rest = [item for item in keys if item not in hinted]
    for trusted in hinted + rest:
        if trusted.key.verify(parsed.envelope.signature, parsed.envelope.signed):
            return Signer(name=trusted.name, key_id=trusted.key.key_id)
    if hinted:
        raise ProvenanceError(
            "provenance.signature-invalid",
            f"The signature of {hinted[0].name!r} does not hold.",
            why="The payload or the signature was changed after signing.",
            remedy="Fetch the bundle again, or sign again.",
        )
    named = f" It names the key {parsed.hint[:16]}." if _KEY_ID.fullmatch(parsed.hint) else ""
    raise ProvenanceError(
        "provenance.signer-not-trusted",
        "No trusted key verifies the signature.",
        why=f"It was signed with a key that is not known here, or changed after signing.{named}",
        remedy="If the signer should be trusted, add the public key to the trust policy.",
    )
