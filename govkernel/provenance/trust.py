"""The trust policy: which signers may say what, about which artifacts, and when. Judging is pure.

A statement by a signer who may not say it is a rejection with a reason, never evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    Digest,
    RejectedStatement,
    Signer,
    Statement,
)
from govkernel.domain.predicates import APPROVAL, BREAK_GLASS, REVOCATION, SIGNATURE
from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance.authorities import Authority, read_authority, read_clock
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.predicates import check_predicate
from govkernel.provenance.revocation import Revocation, RevocationList, index
from govkernel.provenance.rules import Refusal, Rule, furthest, window_refusal
from govkernel.provenance.timestamps import TimeAuthority
from govkernel.provenance.trust_build import (
    check_types,
    known_signers,
    meaning_digest,
    public_key,
    rule_of,
)
from govkernel.provenance.trust_file import (
    TrustFile,
    malformed,
    parse_trust_file,
    read_trust_file,
    validate,
)
from govkernel.provenance.trust_signers import KnownSigner
from govkernel.provenance.trust_threshold import Grant, Granted, met, tally
from govkernel.provenance.verify import TrustedKey, about, rejection

_Said = VerifiedStatement | AcceptedStatement
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TrustPolicy:
    """A trust policy, its keys loaded and its rules checked.

    Attributes:
        digest: SHA-256 of its meaning: keys by id, rules, revocations. Layout and file names do not count.
        keys: the keys it names.
        signers: the keys and identities that rules may name.
        rules: who may say what.
        revoked_keys: reason by key id.
        revoked_digests: reason by digest of an artifact or a statement.
        revocations: what signed lists revoke, by target and value.
        authorities: who may certify identities.
        times: who may say when something was signed.
    """

    digest: Digest
    keys: tuple[TrustedKey, ...]
    signers: tuple[KnownSigner, ...]
    rules: tuple[Rule, ...]
    revoked_keys: Mapping[str, str]
    revoked_digests: Mapping[Digest, str]
    revocations: Mapping[tuple[str, str], tuple[Revocation, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    authorities: tuple[Authority, ...] = ()
    times: tuple[TimeAuthority, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read ``trust.yaml`` and the public keys it names.

        Raises:
            ConfigError: ``trust.unreadable``, ``trust.malformed`` or ``key.*``; names file, line and remedy.
        """
        return cls.parse(read_trust_file(path), path.parent, str(path))

    @classmethod
    def parse(cls, content: bytes, base: Path = Path(), source: str = "trust.yaml") -> Self:
        """Like :meth:`load`, from bytes; key paths are relative to ``base``."""
        return cls.of(parse_trust_file(content, source), base, source)

    @classmethod
    def from_keys(cls, keys: Mapping[str, bytes]) -> Self:
        """A policy that lets each of some public keys say everything govkernel knows.

        Args:
            keys: PEM by name.

        Raises:
            ConfigError: ``key.*``, or ``trust.malformed`` for a name or key that stands twice.
        """
        entries = [
            {"name": name, "publicKey": PublicKey.from_pem(pem, f"The key {name!r}").pem.decode()}
            for name, pem in keys.items()
        ]
        rules = [{"signers": sorted(keys), "may": ["*"]}] if keys else []
        return cls.of(validate({"version": 1, "keys": entries, "rules": rules}, "the keys given"))

    @classmethod
    def of(cls, file: TrustFile, base: Path = Path(), source: str = "trust.yaml") -> Self:
        """Like :meth:`load`, from the parsed file."""
        keys = tuple(TrustedKey(entry.name, public_key(entry, base)) for entry in file.keys)
        ids = [item.key.key_id for item in keys]
        if len(set(ids)) < len(ids):
            # One holder under two names would count as two approvers.
            raise malformed(source, "Two keys have different names and the same content.")
        check_types(file, source)
        by_name = {item.name: item.key.key_id for item in keys}
        signers = known_signers(file, by_name)
        clocks = tuple(read_clock(entry, base) for entry in file.authorities if entry.timestamps)
        times = tuple(item for clock in clocks for item in clock.trusted)
        certifying = [entry for entry in file.authorities if not entry.timestamps]
        authorities = tuple(read_authority(entry, base, times) for entry in certifying)
        return cls(
            digest=meaning_digest(file, by_name, authorities, clocks),
            authorities=authorities,
            times=times,
            keys=keys,
            signers=signers,
            rules=tuple(rule_of(entry, number, signers) for number, entry in enumerate(file.rules, 1)),
            revoked_keys=MappingProxyType(
                {by_name.get(entry.key, entry.key): entry.reason for entry in file.revoked.keys}
            ),
            revoked_digests=MappingProxyType({entry.digest: entry.reason for entry in file.revoked.digests}),
        )

    def revoking(self, lists: Iterable[RevocationList]) -> Self:
        """The same policy with revocation lists in force; they are part of its digest."""
        known = sorted(lists, key=lambda item: str(item.digest))
        if not known:
            return self
        joined = "\n".join(str(digest) for digest in (self.digest, *(item.digest for item in known)))
        return replace(
            self,
            digest=Digest.sha256(hashlib.sha256(joined.encode()).hexdigest()),
            revocations=MappingProxyType(index(known)),
        )

    def judge(
        self, verified: VerifiedStatement, artifact: Artifact, now: datetime
    ) -> AcceptedStatement | RejectedStatement:
        """Whether a verified statement is evidence about an artifact.

        Args:
            verified: its signature and format were checked.
            artifact: what it must be about.
            now: aware, UTC.

        Returns:
            The accepted statement with the moment its acceptance lapses, or the reason for refusing it.
        """
        statement = verified.statement
        try:
            self._check(statement, artifact)
            _check_glass(statement, now)
        except GovkernelError as error:
            return rejection(error, verified.source, statement.predicate_type)
        grants, refusal = self._grants(verified, artifact, now)
        if not grants:
            return RejectedStatement(
                code=refusal.code,
                why=refusal.why,
                remedy=refusal.remedy,
                predicate_type=statement.predicate_type,
                source=verified.source,
            )
        return _accepted(verified, grants, now)

    def settle(
        self, accepted: Sequence[AcceptedStatement], artifact: Artifact, now: datetime
    ) -> tuple[tuple[AcceptedStatement, ...], tuple[RejectedStatement, ...]]:
        """Which of the statements that :meth:`judge` accepted stand together, in their order.

        Args:
            accepted: all that was accepted about the artifact.
            artifact: what they are about.
            now: the time they were judged at.

        Returns:
            What stands, and ``provenance.threshold`` for what too few holders said.
        """
        if all(rule.threshold == 1 for rule in self.rules):
            return tuple(accepted), ()
        items = [Granted(item, self._grants(item, artifact, now)[0]) for item in accepted]
        said = tally(items, now)
        standing: list[AcceptedStatement] = []
        refused: list[RejectedStatement] = []
        for item in items:
            grants, refusal = met(item, said)
            if refusal is not None:
                refused.append(refusal)
            else:
                standing.append(_accepted(item.accepted, grants, now))
        return tuple(standing), tuple(refused)

    def revocation(self, artifact: Artifact) -> RejectedStatement | None:
        """Why an artifact is revoked, whatever is stated about it; None when it is not."""
        try:
            self._check_artifact(artifact)
        except ProvenanceError as error:
            return rejection(error)
        return None

    def grants(self, accepted: AcceptedStatement, artifact: Artifact, now: datetime) -> tuple[Grant, ...]:
        """The rules that let an accepted statement be, for explanations."""
        return self._grants(accepted, artifact, now)[0]

    def _check(self, statement: Statement, artifact: Artifact) -> None:
        about([digest for subject in statement.subjects for digest in subject.digests], artifact)
        self._check_artifact(artifact)
        if statement.digest in self.revoked_digests:
            raise _revoked(str(statement.digest), self.revoked_digests[statement.digest])
        self._check_lists([("statement", str(statement.digest))], artifact)
        if statement.predicate_type == REVOCATION:
            raise ProvenanceError(
                "provenance.predicate-reserved",
                "A revocation list is no evidence about an artifact, and is not in force here.",
                remedy="Put it under `revocations/` in the bundle store, as `govkernel trust revoke` does.",
            )
        check_predicate(statement.predicate_type, statement.predicate)
        if statement.predicate_type == SIGNATURE and statement.predicate["kind"] != artifact.kind:
            raise ProvenanceError(
                "provenance.kind-mismatch",
                f"It was signed as a {statement.predicate['kind']}, not as a {artifact.kind.value}.",
                remedy="Sign it again as what it is.",
            )

    def _check_artifact(self, artifact: Artifact) -> None:
        digests = [digest for digest in (artifact.digest, *artifact.aliases) if digest]
        for digest in digests:
            if digest in self.revoked_digests:
                raise _revoked(str(digest), self.revoked_digests[digest])
        self._check_lists([("artifact", str(digest)) for digest in digests], artifact)

    def _check_lists(self, places: Sequence[tuple[str, str]], artifact: Artifact) -> None:
        for place in places:
            for item in self.revocations.get(place, ()):
                if item.reaches(artifact):
                    raise _revoked(f"the {item.target}", _told(item))

    def _revoked_signer(
        self, known: KnownSigner, signer: Signer, said: _Said, artifact: Artifact
    ) -> ProvenanceError | None:
        reason = self.revoked_keys.get(known.key_id or known.name)
        if reason is not None:
            return _revoked(f"the signer {known.name}", reason)
        place = ("key", signer.key_id) if signer.key_id else ("identity", signer.identity)
        for item in self.revocations.get(place, ()):
            meant = item.issuer in ("", signer.issuer) and item.reaches(artifact)
            if meant and not item.spares(said.signed_at):
                return _revoked(f"the signer {known.name}", _told(item))
        return None

    def _grants(self, said: _Said, artifact: Artifact, now: datetime) -> tuple[tuple[Grant, ...], Refusal]:
        """What lets the signers say it; and the refusal that got furthest, for when nothing does."""
        grants: list[Grant] = []
        refusals: list[Refusal] = [_UNTRUSTED]
        for signer in said.signers:
            for known in (item for item in self.signers if item.is_signer(signer)):
                for answer in self._answers(known, signer, said, artifact, now):
                    (grants if isinstance(answer, Grant) else refusals).append(answer)  # type: ignore[arg-type]
        return tuple(grants), furthest(refusals) or _UNTRUSTED

    def _answers(
        self, known: KnownSigner, signer: Signer, said: _Said, artifact: Artifact, now: datetime
    ) -> Iterator[Grant | Refusal]:
        error = self._revoked_signer(known, signer, said, artifact)
        if error is not None:
            yield Refusal(9, error.code, f"{error.what} {error.why}".strip(), error.remedy)
            return
        signed = said.signed_at or now  # a signer's time is held against when it signed, if that was verified
        refusal = window_refusal(known.window, signed, "key", 8)
        if refusal is not None:
            yield refusal
            return
        named = signer.model_copy(update={"name": known.holder})
        for rule in self.rules:
            if known.name in rule.signers:
                lapses = known.window.end if said.signed_at is None else None
                until = min(rule.window.end or _FOREVER, lapses or _FOREVER)
                yield rule.refusal(said.statement, artifact, now) or Grant(named, rule, until)


_UNTRUSTED: Final = Refusal(
    1,
    "provenance.signer-not-trusted",
    "No rule of the trust policy is about the signer.",
    "Add a rule for the signer to the trust policy, if it should be trusted.",
)


def _accepted(said: _Said, grants: Sequence[Grant], now: datetime) -> AcceptedStatement:
    until = min(max(grant.until for grant in grants), _said_until(said.statement, now))
    return AcceptedStatement(
        statement=said.statement,
        signers=tuple(dict.fromkeys(grant.signer for grant in grants)),
        source=said.source,
        valid_until=None if until == _FOREVER else until,
        signed_at=said.signed_at,
    )


def _told(item: Revocation) -> str:
    return f"{item.reason} (revoked by {item.by})"


def _said_until(statement: Statement, now: datetime) -> datetime:
    """When what it says ceases to hold, by itself.

    Whether an approval holds is a fact for policy, not for trust: one that has lapsed has no such moment.
    """
    lapses = statement.predicate_type in {APPROVAL, BREAK_GLASS}
    until = statement.predicate.get("validUntil") if lapses else None
    moment = datetime.fromisoformat(until) if until is not None else _FOREVER
    return moment if moment > now else _FOREVER


def _check_glass(statement: Statement, now: datetime) -> None:
    """A break-glass that is over is no evidence: packs see only that there is one."""
    if statement.predicate_type != BREAK_GLASS:
        return
    until = datetime.fromisoformat(statement.predicate["validUntil"])
    if now >= until:
        raise ProvenanceError(
            "provenance.break-glass-expired",
            "The break-glass statement is over.",
            why=f"It held until {until}.",
            remedy="Provide what is missing about the artifact; if it cannot wait, break the glass again.",
        )


def _revoked(what: str, reason: str) -> ProvenanceError:
    return ProvenanceError(
        "provenance.revoked",
        f"The trust policy revokes {what}.",
        why=reason,
        remedy="Use another artifact, or sign again with a key that is not revoked.",
    )
