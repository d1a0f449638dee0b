"""The trust policy: which signers may say what, about which artifacts, and when. Judging is pure.

A statement by a signer who may not say it is a rejection with a reason, never evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    Digest,
    RejectedStatement,
    Signer,
    Statement,
    strict_json,
)
from govkernel.domain.predicates import APPROVAL, SIGNATURE
from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance.keys import PublicKey, read_key_file
from govkernel.provenance.predicates import NAMES, check_predicate
from govkernel.provenance.rules import Refusal, Rule, Window, furthest, window_refusal
from govkernel.provenance.trust_file import (
    KeyEntry,
    RuleEntry,
    TrustFile,
    malformed,
    parse_trust_file,
    read_trust_file,
    validate,
)
from govkernel.provenance.verify import TrustedKey, about, rejection

_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TrustPolicy:
    """A trust policy, its keys loaded and its rules checked.

    Attributes:
        digest: SHA-256 of its meaning: keys by id, rules, revocations. Layout and file names do not count.
        keys: the keys it names.
        windows: when each key is valid, by key id.
        rules: who may say what.
        revoked_keys: reason by key id.
        revoked_digests: reason by digest of an artifact or a statement.
    """

    digest: Digest
    keys: tuple[TrustedKey, ...]
    windows: Mapping[str, Window]
    rules: tuple[Rule, ...]
    revoked_keys: Mapping[str, str]
    revoked_digests: Mapping[Digest, str]

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
        keys = tuple(TrustedKey(entry.name, _public_key(entry, base)) for entry in file.keys)
        ids = [item.key.key_id for item in keys]
        if len(set(ids)) < len(ids):
            # One holder under two names would count as two approvers.
            raise malformed(source, "Two keys have different names and the same content.")
        _check_types(file, source)
        by_name = {item.name: item.key.key_id for item in keys}
        return cls(
            digest=_digest(file, by_name),
            keys=keys,
            windows=MappingProxyType(
                {by_name[entry.name]: Window(entry.not_before, entry.not_after) for entry in file.keys}
            ),
            rules=tuple(_rule(entry) for entry in file.rules),
            revoked_keys=MappingProxyType(
                {by_name.get(entry.key, entry.key): entry.reason for entry in file.revoked.keys}
            ),
            revoked_digests=MappingProxyType({entry.digest: entry.reason for entry in file.revoked.digests}),
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
        except GovkernelError as error:
            return rejection(error, verified.source, statement.predicate_type)
        judged = [
            (signer, self._judge_signer(signer, statement, artifact, now)) for signer in verified.signers
        ]
        granted = [(signer, until) for signer, until in judged if isinstance(until, datetime)]
        if not granted:
            refusal = furthest(item for _, item in judged if isinstance(item, Refusal)) or _UNTRUSTED
            return RejectedStatement(
                code=refusal.code,
                why=refusal.why,
                remedy=refusal.remedy,
                predicate_type=statement.predicate_type,
                source=verified.source,
            )
        until = min(max(until for _, until in granted), _approved_until(statement, now))
        return AcceptedStatement(
            statement=statement,
            signers=tuple(signer for signer, _ in granted),
            source=verified.source,
            valid_until=None if until == _FOREVER else until,
        )

    def _check(self, statement: Statement, artifact: Artifact) -> None:
        about([digest for subject in statement.subjects for digest in subject.digests], artifact)
        for digest in (artifact.digest, statement.digest, *artifact.aliases):
            if digest is not None and digest in self.revoked_digests:
                raise _revoked(str(digest), self.revoked_digests[digest])
        check_predicate(statement.predicate_type, statement.predicate)
        if statement.predicate_type == SIGNATURE and statement.predicate["kind"] != artifact.kind:
            raise ProvenanceError(
                "provenance.kind-mismatch",
                f"It was signed as a {statement.predicate['kind']}, not as a {artifact.kind.value}.",
                remedy="Sign it again as what it is.",
            )

    def _judge_signer(
        self, signer: Signer, statement: Statement, artifact: Artifact, now: datetime
    ) -> datetime | Refusal:
        window = self.windows.get(signer.key_id)
        if window is None:
            return _UNTRUSTED
        if signer.key_id in self.revoked_keys:
            error = _revoked(f"the key {signer.name}", self.revoked_keys[signer.key_id])
            return Refusal(9, error.code, f"{error.what} {error.why}".strip(), error.remedy)
        refusal = window_refusal(window, now, "key", 8)
        if refusal is not None:
            return refusal
        name = next(item.name for item in self.keys if item.key.key_id == signer.key_id)
        rules = [rule for rule in self.rules if name in rule.signers]
        answers = [(rule, rule.refusal(statement, artifact, now)) for rule in rules]
        lapses = [rule.window.end or _FOREVER for rule, refused in answers if refused is None]
        if not lapses:
            return furthest(refused for _, refused in answers if refused) or _UNTRUSTED
        return min(max(lapses), window.end or _FOREVER)


_UNTRUSTED: Final = Refusal(
    1,
    "provenance.signer-not-trusted",
    "No rule of the trust policy is about the signer.",
    "Add a rule for the signer to the trust policy, if it should be trusted.",
)


def _public_key(entry: KeyEntry, base: Path) -> PublicKey:
    text = entry.public_key
    pem = text.encode() if text.lstrip().startswith("-----BEGIN") else read_key_file(base / text)
    return PublicKey.from_pem(pem, f"The key {entry.name!r}")


def _rule(entry: RuleEntry) -> Rule:
    return Rule(
        signers=frozenset(entry.signers),
        may=entry.may,
        kinds=frozenset(entry.about.kinds),
        names=entry.about.names,
        window=Window(entry.from_, entry.until),
    )


def _check_types(file: TrustFile, source: str) -> None:
    for entry in (text for rule in file.rules for text in rule.may):
        if entry not in NAMES and "*" not in entry and ":" not in entry:
            why = f"{entry[:80]!r} is neither a short name ({', '.join(sorted(NAMES))}) nor a URI."
            raise malformed(source, why)


def _digest(file: TrustFile, key_ids: Mapping[str, str]) -> Digest:
    meaning: dict[str, Any] = file.model_dump(mode="json", by_alias=True)
    for entry in meaning["keys"]:
        entry["publicKey"] = key_ids[entry["name"]]
    return Digest.sha256(hashlib.sha256(strict_json.canonical(meaning)).hexdigest())


def _approved_until(statement: Statement, now: datetime) -> datetime:
    """When an approval that still holds ceases to; whether it holds is a fact for policy, not for trust."""
    until = statement.predicate.get("validUntil") if statement.predicate_type == APPROVAL else None
    moment = datetime.fromisoformat(until) if until is not None else _FOREVER
    return moment if moment > now else _FOREVER


def _revoked(what: str, reason: str) -> ProvenanceError:
    return ProvenanceError(
        "provenance.revoked",
        f"The trust policy revokes {what}.",
        why=reason,
        remedy="Use another artifact, or sign again with a key that is not revoked.",
    )
