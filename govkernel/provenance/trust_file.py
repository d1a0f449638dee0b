"""The trust policy file, ``trust.yaml``: its shape, and reading it with errors that name the line.

docs/reference/trust-policy.md describes it; :func:`trust_policy_schema` is its JSON Schema.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError, model_validator

from govkernel.domain import strict_yaml
from govkernel.errors import ConfigError, GovkernelError
from govkernel.files import read_file
from govkernel.provenance.limits import MAX_KEYS, MAX_TRUST_FILE
from govkernel.provenance.trust_entries import (
    AuthorityEntry,
    Entry,
    IdentityEntry,
    KeyEntry,
    RevokedEntry,
    RoleEntry,
    RuleEntry,
    SignerEntry,
)

MAX_AUTHORITIES: Final = 16
"""Each is asked about each bundle with a certificate."""

_SCHEMA_ID: Final = "https://govkernel.dev/attestations/trust/schema.json"
_REMEDY: Final = "See docs/reference/trust-policy.md, or start from `attestations/trust/`."
_KEY_ID: Final = re.compile(r"[0-9a-f]{64}")


class TrustFile(Entry):
    """The file as written."""

    version: int = Field(ge=1, le=1)
    keys: tuple[KeyEntry, ...] = Field(default=(), max_length=MAX_KEYS)
    authorities: tuple[AuthorityEntry, ...] = Field(default=(), max_length=MAX_AUTHORITIES)
    identities: tuple[IdentityEntry, ...] = Field(default=(), max_length=MAX_KEYS)
    roles: tuple[RoleEntry, ...] = Field(default=(), max_length=MAX_KEYS)
    rules: tuple[RuleEntry, ...] = Field(default=(), max_length=MAX_KEYS)
    revoked: RevokedEntry = RevokedEntry()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [entry.name for entry in self.signers()]
        taken = [*names, *(role.name for role in self.roles)]
        twice = next((name for name in taken if taken.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the name {twice!r} stands twice")
        strangers = sorted({member for role in self.roles for member in role.members} - set(names))
        if strangers:
            raise ValueError(f"a role has members that no key has: {', '.join(strangers)[:200]}")
        posing = next((name for name in names if _KEY_ID.fullmatch(name)), None)
        if posing is not None:
            # Revoking the key with that id would revoke the key with that name instead.
            raise ValueError(f"the key name {posing!r} looks like a key id")
        unknown = sorted({signer for rule in self.rules for signer in rule.signers} - set(taken))
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

    def named(self, rule: RuleEntry) -> frozenset[str]:
        """Names of the keys and identities that a rule is about, those of its roles among them."""
        members = {role.name: role.members for role in self.roles}
        return frozenset(name for item in rule.signers for name in members.get(item, (item,)))

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
            distinct = len({holders[name] for name in self.named(rule)})
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
        return read_file(path, MAX_TRUST_FILE)
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
