"""Who may say it: every way in which a rule, or a delegation below a rule, lets a signer be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from govkernel.domain import AcceptedStatement, Artifact, Signer, Statement
from govkernel.domain.predicates import APPROVAL
from govkernel.errors import GovkernelError
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance.delegation import Delegation
from govkernel.provenance.rules import Refusal, Rule, furthest, window_refusal
from govkernel.provenance.trust_revoked import Revoked
from govkernel.provenance.trust_signers import KnownSigner
from govkernel.provenance.trust_threshold import Grant

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
UNTRUSTED: Final = Refusal(
    1,
    "provenance.signer-not-trusted",
    "No rule of the trust policy is about the signer.",
    "Add a rule for the signer to the trust policy, if it should be trusted.",
)

Said = VerifiedStatement | AcceptedStatement
_Answers = Iterator[Grant | Refusal]


@dataclass(frozen=True)
class Question:
    """Whether something may be said: what, about which artifact, when."""

    said: Said
    artifact: Artifact
    now: datetime


@dataclass(frozen=True)
class Speakers:
    """Everybody who may say something.

    Attributes:
        signers: keys and identities of the trust policy.
        rules: what they may say.
        delegations: whom they let speak in their names; in the order of their digests.
        revoked: what is taken back.
        roles: who has a role, by its name.
    """

    signers: tuple[KnownSigner, ...]
    rules: tuple[Rule, ...]
    delegations: tuple[Delegation, ...]
    revoked: Revoked
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def grants(self, asked: Question) -> tuple[tuple[Grant, ...], Refusal]:
        """What lets the signers say it; and the refusal that got furthest, for when nothing does."""
        grants: list[Grant] = []
        refusals: list[Refusal] = [UNTRUSTED]
        for answer in self._answers(asked):
            if isinstance(answer, Grant):
                grants.append(answer)
            else:
                refusals.append(answer)
        return tuple(grants), furthest(refusals) or UNTRUSTED

    def _answers(self, asked: Question) -> _Answers:
        for signer in asked.said.signers:
            for known in (item for item in self.signers if item.is_signer(signer)):
                yield from self._own(known, signer, asked)
            for delegation in self.delegations:
                for known in (item for item in delegation.to if item.is_signer(signer)):
                    yield from self._delegated(delegation, known, signer, asked)

    def _own(self, known: KnownSigner, signer: Signer, asked: Question) -> _Answers:
        """By the rules that name the signer."""
        refusal = self._unfit(
            known, signer, asked.said.signed_at, asked.artifact, asked.now
        ) or self._out_of_role(known, asked.said.statement)
        if refusal is not None:
            yield refusal
            return
        named = signer.model_copy(update={"name": known.holder})
        for rule in (item for item in self.rules if known.name in item.signers):
            lapses = known.window.end if asked.said.signed_at is None else None
            until = min(rule.window.end or FOREVER, lapses or FOREVER)
            yield rule.refusal(asked.said.statement, asked.artifact, asked.now) or Grant(named, rule, until)

    def _delegated(
        self, delegation: Delegation, known: KnownSigner, signer: Signer, asked: Question
    ) -> _Answers:
        """By the rules that name who delegated, as far as the delegation reaches."""
        by, scope, statement = delegation.by, delegation.scope, asked.said.statement
        refusal = (
            self._unfit(known, signer, asked.said.signed_at, asked.artifact, asked.now)
            or self._over(delegation, asked.artifact, asked.now)
            or scope.refusal(statement, asked.artifact, asked.now)
            or self._out_of_role(by, statement)
        )
        if refusal is not None:
            yield _through(delegation, refusal)
            return
        named = signer.model_copy(update={"name": by.holder, "delegate": known.name})
        for rule in (item for item in self.rules if item.delegable and by.name in item.signers):
            ends = (rule.window.end, by.window.end, scope.window.end)
            until = min(end or FOREVER for end in ends)
            refusal = rule.refusal(statement, asked.artifact, asked.now, scope)
            yield _through(delegation, refusal) if refusal else Grant(named, rule, until, delegation)

    def _out_of_role(self, known: KnownSigner, statement: Statement) -> Refusal | None:
        """Why a signer may not approve in the role it says; a role that the policy does not know is its own word."""
        role = str(statement.predicate.get("role", "")) if statement.predicate_type == APPROVAL else ""
        members = self.roles.get(role)
        if members is None or known.name in members:
            return None
        why = f"{known.name} does not have the role {role[:200]}."
        return Refusal(6, "provenance.role-not-held", why, "Have somebody approve who has the role.")

    def unfit(self, known: KnownSigner, artifact: Artifact, now: datetime) -> str:
        """Why a key or identity counts for nothing about an artifact now; empty when it counts."""
        pattern = known.identity.text if known.identity else ""
        signer = Signer(name=known.name, key_id=known.key_id, identity=pattern)
        refusal = self._unfit(known, signer, None, artifact, now)
        return refusal.why if refusal else ""

    def over(self, delegation: Delegation, artifact: Artifact, now: datetime) -> str:
        """Why a delegation does not hold about an artifact now; empty when it holds."""
        refusal = self._over(delegation, artifact, now)
        return refusal.why if refusal else ""

    def _over(self, delegation: Delegation, artifact: Artifact, now: datetime) -> Refusal | None:
        """A delegation holds until it or who delegated is revoked, or their time is over.

        When it was signed nobody but its signer knows, so nothing that was revoked spares it.
        """
        try:
            self.revoked.check_statement(delegation.digest, artifact)
        except GovkernelError as error:
            return _refused(error)
        by = delegation.by
        refusal = self._unfit(by, Signer(name=by.name, key_id=by.key_id), None, artifact, now)
        return refusal or window_refusal(delegation.scope.window, now, "delegation", 7)

    def _unfit(
        self,
        known: KnownSigner,
        signer: Signer,
        signed_at: datetime | None,
        artifact: Artifact,
        now: datetime,
    ) -> Refusal | None:
        """A signer's time is held against when it signed, if that was verified, else against now."""
        error = self.revoked.signer(known, signer, signed_at, artifact)
        return window_refusal(known.window, signed_at or now, "key", 8) if error is None else _refused(error)


def _refused(error: GovkernelError) -> Refusal:
    return Refusal(9, error.code, f"{error.what} {error.why}".strip(), error.remedy)


def _through(delegation: Delegation, refusal: Refusal) -> Refusal:
    """The refusal, with the delegation it is about."""
    who = ", ".join(sorted(item.name for item in delegation.to))
    why = f"By the delegation of {delegation.by.name} to {who[:200]}: {refusal.why}"
    return Refusal(refusal.step, refusal.code, why, refusal.remedy)
