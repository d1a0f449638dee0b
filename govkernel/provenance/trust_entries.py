"""The entries of a trust policy file, as written."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from govkernel.domain import ArtifactKind, Digest
from govkernel.domain.artifact import HEX_LENGTH
from govkernel.provenance.limits import MAX_KEYS, MAX_NAME
from govkernel.provenance.trust_signers import Matcher

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_DIGEST: Final = f"^({'|'.join(f'{name}:[0-9a-f]{{{size}}}' for name, size in HEX_LENGTH.items())})$"
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"


def _no_number(value: object) -> object:
    """The value, unless pydantic would read it as seconds or milliseconds since 1970: ``20270101`` is neither."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("must be a date and time with an offset, e.g. 2027-01-01T00:00:00Z")


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""A date and time with an offset, RFC 3339."""


class Entry(BaseModel):
    """What all entries have in common: no field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class _ShortEntry(Entry):
    """An entry that may be written as one text, for its first field."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {next(iter(cls.model_fields)): value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The entry as an object, or the text alone."""
        written = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_NAME}, written]}


class SignerEntry(Entry):
    """What keys and identities have in common.

    Attributes:
        name: what people call it; rules name it.
        holder: who has it, if several keys or identities are one person's or team's; default its name. Appears
            in evidence.
        not_before: first moment its statements count.
        not_after: first moment they do not count any more.
    """

    name: str = Field(pattern=_NAME)
    holder: str | None = Field(default=None, pattern=_NAME)
    not_before: Moment | None = None
    not_after: Moment | None = None


class KeyEntry(SignerEntry):
    """A key that may sign.

    Attributes:
        public_key: PEM text, or a path relative to the trust policy.
    """

    public_key: str = Field(min_length=1, max_length=65536)


class MatchEntry(_ShortEntry):
    """What an identity or an issuer must be, as a whole: one text, a glob, or an RE2 expression.

    Attributes:
        exact: the text itself.
        glob: ``*`` stands for characters of one part, ``**`` for any.
        regex: RE2 syntax.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    exact: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    glob: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    regex: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len([text for text in (self.exact, self.glob, self.regex) if text is not None]) != 1:
            raise ValueError("must be a text, or one of exact, glob, regex")
        self.matcher().check()
        return self

    def matcher(self) -> Matcher:
        """The same as a value that matches."""
        chosen = ((how, getattr(self, how)) for how in ("exact", "glob", "regex"))
        return next(Matcher(how, text) for how, text in chosen if text is not None)


class AuthorityEntry(Entry):
    """Who may certify identities, root certificates or a Sigstore instance; or who may say when something was signed.

    Attributes:
        name: what people call it; identities may name it, if it certifies them.
        certificates: roots, PEM text, or a path relative to the trust policy.
        trusted_root: path of the instance's ``trusted_root.json``, relative to the trust policy.
        timestamps: roots of timestamp authorities, PEM text, or a path relative to the trust policy, also of a
            ``trusted_root.json``.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 2, "maxProperties": 2})

    name: str = Field(pattern=_NAME)
    certificates: str | None = Field(default=None, min_length=1, max_length=1024 * 1024)
    trusted_root: str | None = Field(default=None, min_length=1, max_length=4096)
    timestamps: str | None = Field(default=None, min_length=1, max_length=1024 * 1024)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [item for item in (self.certificates, self.trusted_root, self.timestamps) if item is not None]
        if len(given) != 1:
            raise ValueError("must have one of certificates, trustedRoot and timestamps")
        return self


class IdentityEntry(SignerEntry):
    """A certificate identity that may sign: subject and issuer belong together.

    Attributes:
        identity: the certificate's subject, e-mail or URI.
        issuer: who vouched for it, e.g. an OIDC issuer's URL.
        authority: name of the authority that must have certified it; default any of the policy's.
    """

    identity: MatchEntry
    issuer: MatchEntry
    authority: str | None = Field(default=None, pattern=_NAME)


class RoleEntry(Entry):
    """A role: rules may name it for its members, and only they approve in it.

    Attributes:
        name: unique among signers and roles.
        members: names of keys and identities.
    """

    name: str = Field(pattern=_NAME)
    members: tuple[str, ...] = Field(min_length=1, max_length=MAX_KEYS)


class AboutEntry(Entry):
    """What a rule lets its signers speak about.

    Attributes:
        kinds: kinds of artifact; empty means all.
        names: names, ``*`` standing for any characters.
    """

    kinds: tuple[ArtifactKind, ...] = ()
    names: tuple[str, ...] = Field(default=("*",), min_length=1, max_length=MAX_KEYS)


class RuleEntry(Entry):
    """A rule: who may say what, about what, when.

    Attributes:
        signers: names of keys, identities and roles.
        threshold: how many holders must say it, about the same artifact; each counts once.
        delegable: whether keys among the signers may let others speak in their holders' names.
        may: predicate types: short names, URIs, or patterns over the types govkernel knows.
        about: the artifacts.
        from_: first moment the rule holds.
        until: first moment it does not hold any more.
    """

    signers: tuple[str, ...] = Field(min_length=1, max_length=MAX_KEYS)
    may: tuple[str, ...] = Field(min_length=1, max_length=MAX_KEYS)
    about: AboutEntry = AboutEntry()
    threshold: int = Field(default=1, ge=1, le=MAX_KEYS)
    delegable: bool = False
    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None


class RevokedKey(_ShortEntry):
    """A key whose every statement is refused, whenever it was made."""

    key: str = Field(description="name in this policy, or key id")
    reason: str = Field(default="", max_length=MAX_NAME)


class RevokedDigest(_ShortEntry):
    """An artifact or statement that no evidence is accepted for."""

    digest: Annotated[Digest, WithJsonSchema({"type": "string", "pattern": _DIGEST})]
    reason: str = Field(default="", max_length=MAX_NAME)


class RevokedEntry(Entry):
    """What is revoked."""

    keys: tuple[RevokedKey, ...] = Field(default=(), max_length=10_000)
    digests: tuple[RevokedDigest, ...] = Field(default=(), max_length=10_000)
