"""The trust policy file, ``trust.yaml``: its shape, and reading it with errors that name the line.

docs/reference/trust-policy.md describes it; :func:`trust_policy_schema` is its JSON Schema.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from govkernel.domain import ArtifactKind, Digest, strict_yaml
from govkernel.domain.artifact import HEX_LENGTH
from govkernel.errors import ConfigError, GovkernelError
from govkernel.provenance.limits import MAX_KEYS, MAX_NAME, MAX_TRUST_FILE
from govkernel.provenance.trust_signers import Matcher

MAX_AUTHORITIES: Final = 16
"""Each is asked about each bundle with a certificate."""

_SCHEMA_ID: Final = "https://govkernel.dev/attestations/trust/schema.json"
_REMEDY: Final = "See docs/reference/trust-policy.md, or start from `attestations/trust/`."
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_KEY_ID: Final = re.compile(r"[0-9a-f]{64}")
_DIGEST: Final = f"^({'|'.join(f'{name}:[0-9a-f]{{{size}}}' for name, size in HEX_LENGTH.items())})$"
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"


def _no_number(value: object) -> object:
    """The value, unless pydantic would read it as seconds or milliseconds since 1970: ``20270101`` is neither."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("must be a date and time with an offset, e.g. 2027-01-01T00:00:00Z")


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""A date and time with an offset, RFC 3339."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class _ShortEntry(_Entry):
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


class SignerEntry(_Entry):
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


class AuthorityEntry(_Entry):
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


class AboutEntry(_Entry):
    """What a rule lets its signers speak about.

    Attributes:
        kinds: kinds of artifact; empty means all.
        names: names, ``*`` standing for any characters.
    """

    kinds: tuple[ArtifactKind, ...] = ()
    names: tuple[str, ...] = Field(default=("*",), min_length=1, max_length=MAX_KEYS)


class RuleEntry(_Entry):
    """A rule: who may say what, about what, when.

    Attributes:
        signers: names of keys and identities.
        threshold: how many holders must say it, about the same artifact; each counts once.
        may: predicate types: short names, URIs, or patterns over the types govkernel knows.
        about: the artifacts.
        from_: first moment the rule holds.
        until: first moment it does not hold any more.
    """

    signers: tuple[str, ...] = Field(min_length=1, max_length=MAX_KEYS)
    may: tuple[str, ...] = Field(min_length=1, max_length=MAX_KEYS)
    about: AboutEntry = AboutEntry()
    threshold: int = Field(default=1, ge=1, le=MAX_KEYS)
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


class RevokedEntry(_Entry):
    """What is revoked."""

    keys: tuple[RevokedKey, ...] = Field(default=(), max_length=10_000)
    digests: tuple[RevokedDigest, ...] = Field(default=(), max_length=10_000)


class TrustFile(_Entry):
    """The file as written."""

    version: int = Field(ge=1, le=1)
    keys: tuple[KeyEntry, ...] = Field(default=(), max_length=MAX_KEYS)
    authorities: tuple[AuthorityEntry, ...] = Field(default=(), max_length=MAX_AUTHORITIES)
    identities: tuple[IdentityEntry, ...] = Field(default=(), max_length=MAX_KEYS)
    rules: tuple[RuleEntry, ...] = Field(default=(), max_length=MAX_KEYS)
    revoked: RevokedEntry = RevokedEntry()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [entry.name for entry in self.signers()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the name {twice!r} stands twice")
        posing = next((name for name in names if _KEY_ID.fullmatch(name)), None)
        if posing is not None:
            # Revoking the key with that id would revoke the key with that name instead.
            raise ValueError(f"the key name {posing!r} looks like a key id")
        unknown = sorted({signer for rule in self.rules for signer in rule.signers} - set(names))
        if unknown:
            raise ValueError(f"a rule names signers that no key has: {', '.join(unknown)[:200]}")
        self._reachable()
        self._certified()
        stray = [
            item.key
            for item in self.revoked.keys
            if item.key not in names and not _KEY_ID.fullmatch(item.key)
        ]
        if stray:
            raise ValueError(f"a revoked key is neither a key name nor a key id: {stray[0][:80]!r}")
        return self

    def signers(self) -> tuple[SignerEntry, ...]:
        """All that rules may name."""
        return (*self.keys, *self.identities)

    def _certified(self) -> None:
        names = [entry.name for entry in self.authorities]
        if len(set(names)) < len(names):
            raise ValueError("two authorities have one name")
        certifying = [entry.name for entry in self.authorities if entry.timestamps is None]
        unknown = [
            item.authority for item in self.identities if item.authority and item.authority not in certifying
        ]
        if unknown:
            raise ValueError(f"an identity names an authority that is not there: {unknown[0][:80]!r}")

    def _reachable(self) -> None:
        """A threshold that its signers cannot meet would refuse for ever, and nobody would know why."""
        holders = {entry.name: entry.holder or entry.name for entry in self.signers()}
        for number, rule in enumerate(self.rules, 1):
            distinct = len({holders[name] for name in rule.signers})
            if rule.threshold > distinct:
                raise ValueError(
                    f"rule {number} demands {rule.threshold} holders, and its signers are {distinct}"
                )


def parse_trust_file(content: bytes, source: str) -> TrustFile:
    """Read a trust policy.

    Args:
        content: the YAML text.
        source: its path, for messages.

    Raises:
        ConfigError: ``trust.malformed``; ``why`` names line and field of the first problem.
    """
    try:
        value, lines = strict_yaml.load_with_lines(content, max_bytes=MAX_TRUST_FILE)
    except GovkernelError as error:
        raise malformed(source, f"{error.what} {error.why}".strip()) from None
    return validate(value, source, lines)


def validate(value: object, source: str, lines: strict_yaml.Lines | None = None) -> TrustFile:
    """The trust policy in a parsed document.

    Raises:
        ConfigError: ``trust.malformed``; ``why`` names the field, and the line if lines are given.
    """
    try:
        return TrustFile.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        line = f"line {_line(first['loc'], lines)}: " if lines is not None else ""
        raise malformed(source, f"{line}{where}: {first['msg']}") from None


def read_trust_file(path: Path) -> bytes:
    """The content of the file.

    Raises:
        ConfigError: ``trust.unreadable``.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_TRUST_FILE + 1)
    except OSError as error:
        raise ConfigError(
            "trust.unreadable",
            f"The trust policy {str(path)!r} cannot be read.",
            why=error.strerror or type(error).__name__,
            remedy="Check the path, or make one with `govkernel init`.",
        ) from None


def trust_policy_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``trust.yaml``, for editors; published as attestations/trust/schema.json."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": _SCHEMA_ID}
    return {**head, **TrustFile.model_json_schema(by_alias=True), "title": "Trust policy"}


def malformed(source: str, why: str) -> ConfigError:
    """The error for a trust policy that cannot be used as written."""
    return ConfigError(
        "trust.malformed", f"The trust policy {source!r} cannot be used.", why=why, remedy=_REMEDY
    )


def _line(place: tuple[str | int, ...], lines: strict_yaml.Lines) -> int:
    known = next((place[:end] for end in range(len(place), 0, -1) if place[:end] in lines), ())
    return lines.get(known, 1)
