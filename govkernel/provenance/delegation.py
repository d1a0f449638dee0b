"""Delegations: signed statements by which a holder lets others speak in its name. Pure.

A delegation adds no right of its own. What a delegate says counts where a rule lets the holder say it and the
delegation lets the delegate: both are asked about the artifact at hand, so there are no patterns to compare. Only keys
of the trust policy itself delegate, so there is no second step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from govkernel.domain import ArtifactKind, Digest, Statement
from govkernel.domain.predicates import DELEGATION
from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.hookspecs import Bundle, SigningKey
from govkernel.provenance.bundle import parse_bundle, sign_bundle
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.predicates import check_predicate
from govkernel.provenance.revocation import PassedOver
from govkernel.provenance.rules import Rule, Window, is_type
from govkernel.provenance.statement import statement_bytes
from govkernel.provenance.trust_entries import MatchEntry
from govkernel.provenance.trust_signers import KnownSigner, Matcher
from govkernel.provenance.verify import TrustedKey, open_bundle

MAX_DELEGATES: Final = 32
"""Delegates of one holder's key, over all its delegations: each may cost a signature check per bundle."""


@dataclass(frozen=True)
class Delegation:
    """A delegation that the trust policy lets be.

    Attributes:
        digest: of the statement.
        by: the key that delegates.
        to: who may speak in its holder's name.
        keys: the keys among them.
        scope: what they may say, about what, and when.
        reason: why; empty when it is not said.
        source: where it was found.
    """

    digest: Digest
    by: KnownSigner
    to: tuple[KnownSigner, ...]
    keys: tuple[TrustedKey, ...]
    scope: Rule
    reason: str = ""
    source: str = ""


def read_delegation(
    bundle: Bundle, keys: Sequence[TrustedKey], signers: Sequence[KnownSigner], rules: Sequence[Rule]
) -> Delegation | PassedOver:
    """The delegation in a bundle, or why it is not for us. One that cannot be read takes nothing from anybody.

    Args:
        bundle: as found.
        keys: keys of the trust policy.
        signers: the same keys as rules name them.
        rules: rules of the trust policy.
    """
    try:
        parsed = parse_bundle(bundle.content)
        if parsed.certificate:
            return PassedOver(bundle.source, "provenance.keyless", "Delegations are signed with keys.")
        opened = open_bundle(parsed, keys)
        statement = opened.raw.freeze()
        if statement.predicate_type != DELEGATION:
            why = f"It states {statement.predicate_type}."
            return PassedOver(bundle.source, "provenance.other-predicate", why)
        check_predicate(DELEGATION, statement.predicate)
        by = next(item for item in signers if item.key_id == opened.signer.key_id)
        if not any(rule.delegable and by.name in rule.signers for rule in rules):
            why = f"No rule lets {by.name} delegate."
            return PassedOver(bundle.source, "provenance.not-delegable", why)
        return _delegation(statement, by, bundle.source)
    except GovkernelError as error:
        return PassedOver(bundle.source, error.code, f"{error.what} {error.why}".strip())


def in_force(
    found: Iterable[Delegation],
) -> tuple[tuple[Delegation, ...], tuple[PassedOver, ...]]:
    """Delegations in the order of their digests, and those of keys that delegate to too many."""
    known = sorted({item.digest: item for item in found}.values(), key=lambda item: str(item.digest))
    counts: dict[str, int] = {}
    for item in known:
        counts[item.by.key_id] = counts.get(item.by.key_id, 0) + len(item.to)
    fine = tuple(item for item in known if counts[item.by.key_id] <= MAX_DELEGATES)
    over = tuple(
        PassedOver(
            item.source,
            "provenance.delegates-many",
            f"{item.by.name} delegates to {counts[item.by.key_id]}, and may to {MAX_DELEGATES}; none of it counts.",
        )
        for item in known
        if item not in fine
    )
    return fine, over


def sign_delegation(predicate: Mapping[str, Any], key: SigningKey) -> bytes:
    """A bundle with a delegation.

    Args:
        predicate: as attestations/delegation/schema.json describes it.
        key: signs.

    Raises:
        ProvenanceError: ``provenance.predicate-invalid``, or ``delegation.malformed`` for what a schema cannot see.
        ConfigError: ``key.*``.
    """
    check_predicate(DELEGATION, predicate)
    public = PublicKey.from_pem(key.public_key_pem())
    to, _ = _delegates(predicate["to"], "the signer")
    _scope(predicate, to)
    payload = statement_bytes([_subject(item) for item in to], DELEGATION, dict(predicate))
    return sign_bundle(payload, key, public.key_id)


def _delegation(statement: Statement, by: KnownSigner, source: str) -> Delegation:
    said = statement.predicate
    to, keys = _delegates(said["to"], by.holder)
    return Delegation(
        digest=statement.digest,
        by=by,
        to=to,
        keys=keys,
        scope=_scope(said, to),
        reason=said.get("reason", ""),
        source=source,
    )


def _delegates(
    entries: Iterable[Mapping[str, Any]], holder: str
) -> tuple[tuple[KnownSigner, ...], tuple[TrustedKey, ...]]:
    """Who may speak, all in the name of one holder, and the keys among them."""
    to: list[KnownSigner] = []
    keys: list[TrustedKey] = []
    for entry in entries:
        name = entry["name"]
        if "publicKey" in entry:
            key = PublicKey.from_pem(entry["publicKey"].encode(), f"The key {name!r}")
            keys.append(TrustedKey(name, key))
            to.append(KnownSigner(name, holder, Window(), key_id=key.key_id))
        else:
            identity, issuer = (_matcher(entry[part], name) for part in ("identity", "issuer"))
            who = KnownSigner(name, holder, Window(), identity=identity, issuer=issuer)
            to.append(replace(who, authority=entry.get("authority", "")))
    if len({item.name for item in to}) < len(to):
        raise _malformed("Two delegates have one name.")
    return tuple(to), tuple(keys)


def _matcher(value: Any, name: str) -> Matcher:
    try:
        return MatchEntry.model_validate(value).matcher()
    except ValueError:
        raise _malformed(f"The identity or issuer of {name!r} is no pattern that can be matched.") from None


def _scope(said: Mapping[str, Any], to: Sequence[KnownSigner]) -> Rule:
    window = Window(datetime.fromisoformat(said["from"]), datetime.fromisoformat(said["until"]))
    if window.start is None or window.late(window.start):
        raise _malformed("It ends before it begins.")
    stray = next((item for item in said["may"] if not is_type(item)), None)
    if stray is not None:
        raise _malformed(f"{stray[:80]!r} is no predicate type.")
    about = said.get("about", {})
    return Rule(
        signers=frozenset(item.name for item in to),
        may=tuple(said["may"]),
        kinds=frozenset(ArtifactKind(kind) for kind in about.get("kinds", ())),
        names=tuple(about.get("names", ("*",))),
        window=window,
    )


def _subject(delegate: KnownSigner) -> tuple[str, dict[str, str]]:
    if delegate.key_id:
        return f"key:{delegate.key_id}", {"sha256": delegate.key_id}
    text = delegate.identity.text if delegate.identity else ""
    return f"identity:{text}"[:2048], {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def _malformed(why: str) -> ProvenanceError:
    return ProvenanceError(
        "provenance.delegation-malformed",
        "The delegation cannot be used.",
        why=why,
        remedy="See attestations/delegation/README.md.",
    )
