"""Revocation lists: signed, dated statements that take back keys, identities, statements and artifacts. Pure.

A list can only deny, so it needs little: a key of the trust policy, and a rule that lets it state ``revocation``.
Neither the time of the key nor that of the rule matters, lest what was revoked come back when they end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from govkernel.domain import Artifact, Digest, Statement
from govkernel.domain.predicates import REVOCATION
from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import Bundle, SigningKey
from govkernel.provenance.bundle import parse_bundle, sign_bundle
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.predicates import check_predicate
from govkernel.provenance.rules import NOBODYS, Rule, may_say
from govkernel.provenance.statement import statement_bytes
from govkernel.provenance.trust_signers import KnownSigner
from govkernel.provenance.verify import TrustedKey, open_bundle

TARGETS: Final = ("key", "identity", "statement", "artifact")
_NOT_OURS: Final = "provenance.signer-not-trusted"


@dataclass(frozen=True)
class Revocation:
    """One thing that is taken back.

    Attributes:
        target: one of :data:`TARGETS`.
        value: key id, identity, or digest.
        reason: why.
        issuer: of an identity; empty for every issuer.
        since: what was verifiably signed before stands; only for keys and identities.
        by: who revoked it.
        scope: rules whose ``about`` bounds what it reaches.
    """

    target: str
    value: str
    reason: str
    issuer: str = ""
    since: datetime | None = None
    by: str = ""
    scope: tuple[Rule, ...] = ()

    def reaches(self, artifact: Artifact) -> bool:
        """Whether the artifact is one that the revoker may speak about.

        A local path or a digest is nobody's name, and the names in statements are chosen by those who may be revoked:
        there the kind alone decides.
        """
        if artifact.name.startswith(NOBODYS):
            return any(not rule.kinds or artifact.kind in rule.kinds for rule in self.scope)
        return any(rule.about(artifact.kind, (artifact.name,)) for rule in self.scope)

    def spares(self, signed_at: datetime | None) -> bool:
        """Whether a statement was verifiably signed before ``since``; what only its signer dates was not."""
        return self.since is not None and signed_at is not None and signed_at < self.since


@dataclass(frozen=True)
class RevocationList:
    """A list in force.

    Attributes:
        digest: of the statement.
        by: name of the signer.
        issued_on: when it was made, as the signer says.
        revocations: its entries.
        source: where it was found.
    """

    digest: Digest
    by: str
    issued_on: datetime
    revocations: tuple[Revocation, ...]
    source: str


@dataclass(frozen=True)
class PassedOver:
    """A list that is not in force here.

    Attributes:
        source: where it was found.
        code: stable code of the reason.
        why: one sentence.
    """

    source: str
    code: str
    why: str


def read_list(
    bundle: Bundle, keys: Sequence[TrustedKey], signers: Sequence[KnownSigner], rules: Sequence[Rule]
) -> RevocationList | PassedOver:
    """The list in a bundle, or why it is not for us.

    Args:
        bundle: as found.
        keys: keys of the trust policy.
        signers: the same keys as rules name them.
        rules: rules of the trust policy.

    Raises:
        ConfigError: ``trust.revocations``: it may have been for us, and cannot be read.
    """
    try:
        parsed = parse_bundle(bundle.content)
        if parsed.certificate:
            return PassedOver(bundle.source, "provenance.keyless", "Revocation lists are signed with keys.")
        opened = open_bundle(parsed, keys)
        if opened.raw.predicate_type != REVOCATION:
            raise _unusable(bundle.source, f"It states {opened.raw.predicate_type}.")
        check_predicate(REVOCATION, opened.raw.predicate)
    except ConfigError:
        raise
    except GovkernelError as error:
        if error.code == _NOT_OURS:
            return PassedOver(bundle.source, error.code, error.what)
        raise _unusable(bundle.source, f"{error.what} {error.why}".strip()) from None
    names = {item.name for item in signers if item.key_id == opened.signer.key_id}
    scope = tuple(rule for rule in rules if rule.signers & names and may_say(rule.may, REVOCATION))
    if not scope:
        why = f"No rule lets {opened.signer.name} state revocation."
        return PassedOver(bundle.source, "provenance.predicate-not-allowed", why)
    return _listed(opened.raw.freeze(), opened.signer.name, scope, bundle.source)


def sign_list(entries: Sequence[Mapping[str, str]], key: SigningKey, now: datetime) -> bytes:
    """A bundle with a revocation list.

    Args:
        entries: as in attestations/revocation/schema.json.
        key: signs.
        now: aware.

    Raises:
        ProvenanceError: ``provenance.predicate-invalid``.
    """
    issued = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    predicate: dict[str, Any] = {"issuedOn": issued, "entries": [dict(entry) for entry in entries]}
    check_predicate(REVOCATION, predicate)
    payload = statement_bytes([_subject(entry) for entry in entries], REVOCATION, predicate)
    return sign_bundle(payload, key, PublicKey.from_pem(key.public_key_pem()).key_id)


def index(lists: Iterable[RevocationList]) -> dict[tuple[str, str], tuple[Revocation, ...]]:
    """Revocations by target and value."""
    found: dict[tuple[str, str], tuple[Revocation, ...]] = {}
    for item in (entry for listed in lists for entry in listed.revocations):
        place = (item.target, item.value)
        found[place] = (*found.get(place, ()), item)
    return found


def _listed(statement: Statement, by: str, scope: tuple[Rule, ...], source: str) -> RevocationList:
    said = statement.predicate
    return RevocationList(
        digest=statement.digest,
        by=by,
        issued_on=datetime.fromisoformat(said["issuedOn"]),
        revocations=tuple(_revocation(entry, by, scope) for entry in said["entries"]),
        source=source,
    )


def _revocation(entry: Mapping[str, str], by: str, scope: tuple[Rule, ...]) -> Revocation:
    target = next(name for name in TARGETS if name in entry)
    since = entry.get("since")
    return Revocation(
        target=target,
        value=entry[target],
        reason=entry["reason"],
        issuer=entry.get("issuer", ""),
        since=datetime.fromisoformat(since) if since is not None else None,
        by=by,
        scope=scope,
    )


def _subject(entry: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    target = next(name for name in TARGETS if name in entry)
    value = entry[target]
    if target == "key":
        return f"key:{value}", {"sha256": value}
    if target == "identity":
        return f"identity:{value}"[:2048], {"sha256": hashlib.sha256(value.encode()).hexdigest()}
    algorithm, _, text = value.partition(":")
    return f"{target}:{value}", {algorithm: text}


def _unusable(source: str, why: str) -> ConfigError:
    return ConfigError(
        "trust.revocations",
        f"The revocation list {source!r} cannot be relied on.",
        why=why,
        remedy="Restore it, or remove it if nothing it revoked matters; until then nothing is decided.",
    )
