"""What the kernel has verified about a subject. Policies see evidence, never unverified claims.

A :class:`Statement` is parsed but proves nothing. An :class:`AcceptedStatement` exists only if a
verifier checked its signature and the trust policy let its signers say it. There is no object that
is "verified = False": what failed is a :class:`RejectedStatement` with a code and a reason.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from govkernel.domain.artifact import Digest
from govkernel.domain.base import Frozen, FrozenDict, JsonObject


class Subject(Frozen):
    """A subject of an in-toto Statement (v1 ResourceDescriptor): a name and its digests."""

    name: str = Field(default="", max_length=2048)
    digests: tuple[Digest, ...] = Field(min_length=1)


class Statement(Frozen):
    """An in-toto Statement, parsed and not verified.

    Attributes:
        subjects: what it is about.
        predicate_type: URI saying what it claims.
        predicate: the claim.
        digest: SHA-256 of the exact payload bytes, the statement's own identity.
    """

    subjects: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: str
    predicate: JsonObject = FrozenDict()
    digest: Digest


class Signer(Frozen):
    """Who signed, as the trust policy knows them.

    Attributes:
        name: the trust policy's name for the key or identity; in accepted statements, for its holder.
        key_id: SHA-256 (hex) of the key's SubjectPublicKeyInfo DER, or empty for an identity.
        identity: certificate identity (e-mail or URI), or empty for a key.
        issuer: who vouches for the identity (OIDC issuer), or empty for a key.
        authority: the trust policy's name for the authority that certified the identity, or empty for a key.
        delegate: what the holder calls whom it lets speak in its name; empty when it signed itself.
    """

    name: str
    key_id: str = ""
    identity: str = ""
    issuer: str = ""
    authority: str = ""
    delegate: str = ""

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``delegate`` where there is none, so that records and their digests stay what they were."""
        fields: dict[str, Any] = handler(self)
        if not self.delegate:
            fields.pop("delegate", None)
        return fields


class AcceptedStatement(Frozen):
    """A statement whose signers were verified and may say it about this subject.

    Attributes:
        statement: what was said.
        signers: who said it; at least one.
        source: where the bundle was found (path or URL), for people.
        valid_until: the moment at which this acceptance lapses (key or rule expiry), if any.
        signed_at: when it was signed, if a time that was verified says so.
    """

    statement: Statement
    signers: tuple[Signer, ...] = Field(min_length=1)
    source: str = ""
    valid_until: datetime | None = None
    signed_at: datetime | None = None


class RejectedStatement(Frozen):
    """A bundle that was found for the subject and refused.

    Attributes:
        code: stable code of the check that failed, e.g. ``provenance.signer-not-trusted``.
        why: one sentence.
        remedy: what to do.
        predicate_type: what it claims to be, if it could be parsed. Unverified: never a fact.
        source: where it was found.
    """

    code: str
    why: str
    remedy: str = ""
    predicate_type: str = ""
    source: str = ""


class Evidence(Frozen):
    """Everything verified about one artifact under one trust policy at one time.

    Attributes:
        subject: digest of the artifact; None when it was never resolved (then nothing is accepted).
        accepted: verified statements.
        rejected: refused bundles with their reasons.
        trust_policy: digest of the trust policy that judged.
        valid_until: earliest moment at which any acceptance lapses.
    """

    subject: Digest | None = None
    accepted: tuple[AcceptedStatement, ...] = ()
    rejected: tuple[RejectedStatement, ...] = ()
    trust_policy: Digest | None = None
    valid_until: datetime | None = None

    def of_type(self, predicate_type: str) -> list[dict[str, Any]]:
        """Predicates of accepted statements of one type, in the order found."""
        return [
            item.statement.predicate
            for item in self.accepted
            if item.statement.predicate_type == predicate_type
        ]
