"""The trust policy: which signers may say what, about which artifacts, and when. Judging is pure.

A statement by a signer who may not say it is a rejection with a reason, never evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Self

from govkernel.domain import AcceptedStatement, Artifact, Digest, RejectedStatement, Statement
from govkernel.domain.predicates import APPROVAL, BREAK_GLASS, DELEGATION, REVOCATION
from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance.authorities import Authority, read_authority, read_clock
from govkernel.provenance.delegation import Delegation
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.kinds import check_kind
from govkernel.provenance.predicates import check_statement
from govkernel.provenance.revocation import RevocationList, index
from govkernel.provenance.rules import Rule
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
from govkernel.provenance.trust_grants import FOREVER, Question, Said, Speakers
from govkernel.provenance.trust_revoked import Revoked
from govkernel.provenance.trust_signers import KnownSigner
from govkernel.provenance.trust_threshold import Grant, Granted, met, tally
from govkernel.provenance.verify import TrustedKey, about, rejection


@dataclass(frozen=True)
class TrustPolicy:
    """A trust policy, its keys loaded and its rules checked.

    Attributes:
        digest: SHA-256 of its meaning: keys by id, rules, revocations. Layout and file names do not count.
        keys: the keys it names.
        signers: the keys and identities that rules may name.
        rules: who may say what.
        revoked: what is taken back, by the file and by signed lists.
        authorities: who may certify identities.
        times: who may say when something was signed.
        delegations: whom signers let speak in their names.
        roles: names of the keys and identities that have a role, by its name.
    """

    digest: Digest
    keys: tuple[TrustedKey, ...]
    signers: tuple[KnownSigner, ...]
    rules: tuple[Rule, ...]
    revoked: Revoked = field(default_factory=Revoked)
    authorities: tuple[Authority, ...] = ()
    times: tuple[TimeAuthority, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    roles: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

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
            rules=tuple(rule_of(file, entry, number, signers) for number, entry in enumerate(file.rules, 1)),
            roles=MappingProxyType({role.name: frozenset(role.members) for role in file.roles}),
            revoked=Revoked(
                MappingProxyType(
                    {by_name.get(entry.key, entry.key): entry.reason for entry in file.revoked.keys}
                ),
                MappingProxyType({entry.digest: entry.reason for entry in file.revoked.digests}),
            ),
        )

    @property
    def known_keys(self) -> tuple[TrustedKey, ...]:
        """Keys that a signature may be by: its own and those delegated to, each once."""
        found = {item.key.key_id: item for entry in self.delegations for item in entry.keys}
        return tuple((found | {item.key.key_id: item for item in self.keys}).values())

    def revoking(self, lists: Iterable[RevocationList]) -> Self:
        """The same policy with revocation lists in force; they are part of its digest."""
        known = sorted(lists, key=lambda item: str(item.digest))
        if not known:
            return self
        return replace(
            self,
            digest=_joined([self.digest, *(item.digest for item in known)]),
            revoked=replace(self.revoked, lists=MappingProxyType(index(known))),
        )

    def delegating(self, delegations: Iterable[Delegation]) -> Self:
        """The same policy with delegations in force; they are part of its digest. Their order does not matter."""
        known = tuple(sorted(delegations, key=lambda item: str(item.digest)))
        if not known:
            return self
        digest = _joined([self.digest, Digest.sha256("0" * 64), *(item.digest for item in known)])
        return replace(self, digest=digest, delegations=known)

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
        grants, refusal = self._speakers.grants(Question(verified, artifact, now))
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
        speakers = self._speakers
        items = [Granted(item, speakers.grants(Question(item, artifact, now))[0]) for item in accepted]
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
            self.revoked.check_artifact(artifact)
        except ProvenanceError as error:
            return rejection(error)
        return None

    def unfit(self, signer: KnownSigner, artifact: Artifact, now: datetime) -> str:
        """Why a key or identity of the policy counts for nothing about an artifact now; empty when it counts."""
        return self._speakers.unfit(signer, artifact, now)

    def over(self, delegation: Delegation, artifact: Artifact, now: datetime) -> str:
        """Why a delegation does not hold about an artifact now; empty when it holds."""
        return self._speakers.over(delegation, artifact, now)

    def grants(self, accepted: AcceptedStatement, artifact: Artifact, now: datetime) -> tuple[Grant, ...]:
        """The rules that let an accepted statement be, for explanations."""
        return self._speakers.grants(Question(accepted, artifact, now))[0]

    @property
    def _speakers(self) -> Speakers:
        return Speakers(self.signers, self.rules, self.delegations, self.revoked, self.roles)

    def _check(self, statement: Statement, artifact: Artifact) -> None:
        about([digest for subject in statement.subjects for digest in subject.digests], artifact)
        self.revoked.check_artifact(artifact)
        self.revoked.check_statement(statement.digest, artifact)
        _check_reserved(statement.predicate_type)
        check_statement(statement)
        check_kind(statement.predicate_type, statement.predicate, artifact.kind)


def _accepted(said: Said, grants: Sequence[Grant], now: datetime) -> AcceptedStatement:
    until = min(max(grant.until for grant in grants), _said_until(said.statement, now))
    return AcceptedStatement(
        statement=said.statement,
        signers=tuple(dict.fromkeys(grant.signer for grant in grants)),
        source=said.source,
        valid_until=None if until == FOREVER else until,
        signed_at=said.signed_at,
    )


def _said_until(statement: Statement, now: datetime) -> datetime:
    """When what it says ceases to hold, by itself.

    Whether an approval holds is a fact for policy, not for trust: one that has lapsed has no such moment.
    """
    lapses = statement.predicate_type in {APPROVAL, BREAK_GLASS}
    until = statement.predicate.get("validUntil") if lapses else None
    moment = datetime.fromisoformat(until) if until is not None else FOREVER
    return moment if moment > now else FOREVER


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


_RESERVED = {
    REVOCATION: ("A revocation list", "revocations", "revoke"),
    DELEGATION: ("A delegation", "delegations", "delegate"),
}


def _check_reserved(predicate_type: str) -> None:
    """What is about the trust policy is no evidence about an artifact."""
    if predicate_type in _RESERVED:
        what, folder, command = _RESERVED[predicate_type]
        raise ProvenanceError(
            "provenance.predicate-reserved",
            f"{what} is no evidence about an artifact, and is not in force here.",
            remedy=f"Put it under `{folder}/` in the bundle store, as `govkernel trust {command}` does.",
        )


def _joined(digests: Iterable[Digest]) -> Digest:
    joined = "\n".join(map(str, digests))
    return Digest.sha256(hashlib.sha256(joined.encode()).hexdigest())
