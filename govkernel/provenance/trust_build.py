"""From the entries of a trust policy file to the values that judge. Pure but for reading key files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from govkernel.domain import Digest, strict_json
from govkernel.domain.predicates import BREAK_GLASS
from govkernel.provenance.authorities import Authority, Clock
from govkernel.provenance.keys import PublicKey, read_key_file
from govkernel.provenance.predicates import NAMES
from govkernel.provenance.rules import Rule, Window, is_type, written_out
from govkernel.provenance.trust_entries import KeyEntry, RuleEntry
from govkernel.provenance.trust_file import TrustFile, malformed
from govkernel.provenance.trust_signers import KnownSigner


def public_key(entry: KeyEntry, base: Path) -> PublicKey:
    """The key of an entry: PEM text, or a path relative to ``base``."""
    text = entry.public_key
    pem = text.encode() if text.lstrip().startswith("-----BEGIN") else read_key_file(base / text)
    return PublicKey.from_pem(pem, f"The key {entry.name!r}")


def known_signers(file: TrustFile, key_ids: Mapping[str, str]) -> tuple[KnownSigner, ...]:
    """Keys and identities as rules name them.

    Args:
        file: the trust policy.
        key_ids: key ids by name.
    """
    keys = (
        KnownSigner(
            entry.name,
            entry.holder or entry.name,
            Window(entry.not_before, entry.not_after),
            key_id=key_ids[entry.name],
        )
        for entry in file.keys
    )
    identities = (
        KnownSigner(
            entry.name,
            entry.holder or entry.name,
            Window(entry.not_before, entry.not_after),
            identity=entry.identity.matcher(),
            issuer=entry.issuer.matcher(),
            authority=entry.authority or "",
        )
        for entry in file.identities
    )
    return (*keys, *identities)


def rule_of(file: TrustFile, entry: RuleEntry, number: int, signers: Sequence[KnownSigner]) -> Rule:
    """A rule of a file, with its place in it and the holders of its signers."""
    named = file.named(entry)
    return Rule(
        signers=named,
        may=entry.may,
        kinds=frozenset(entry.about.kinds),
        names=entry.about.names,
        window=Window(entry.from_, entry.until),
        threshold=entry.threshold,
        number=number,
        holders=frozenset(item.holder for item in signers if item.name in named),
        delegable=entry.delegable,
    )


def check_types(file: TrustFile, source: str) -> None:
    """Refuse what is neither a predicate type nor a pattern, and break-glass by one person.

    Raises:
        ConfigError: ``trust.malformed``.
    """
    for entry in (text for rule in file.rules for text in rule.may):
        if not is_type(entry):
            why = f"{entry[:80]!r} is neither a short name ({', '.join(sorted(NAMES))}) nor a URI."
            raise malformed(source, why)
    for number, rule in enumerate(file.rules, 1):
        if BREAK_GLASS in written_out(rule.may) and rule.threshold < 2:
            raise malformed(
                source, f"Rule {number} lets one holder break the glass: it needs a threshold of 2."
            )
        if BREAK_GLASS in written_out(rule.may) and rule.delegable:
            raise malformed(source, f"Rule {number} lets strangers break the glass: it may not be delegable.")


def meaning_digest(
    file: TrustFile,
    key_ids: Mapping[str, str],
    authorities: Sequence[Authority] = (),
    clocks: Sequence[Clock] = (),
) -> Digest:
    """SHA-256 of what the file means, whatever its layout and file names.

    Args:
        file: the trust policy.
        key_ids: key ids by name.
        authorities: those of the file, read.
        clocks: its timestamp authorities, read.
    """
    meaning: dict[str, Any] = file.model_dump(mode="json", by_alias=True)
    for entry in meaning["keys"]:
        entry["publicKey"] = key_ids[entry["name"]]
    # What version 0.1 did not know is left out where it says nothing, so that the digest stays what it was.
    meaning["authorities"] = {item.name: str(item.digest) for item in authorities}
    meaning["clocks"] = {item.name: str(item.digest) for item in clocks}
    for part in ("identities", "authorities", "clocks", "roles"):
        if not meaning[part]:
            del meaning[part]
    for entry in meaning.get("identities", ()):
        if entry["authority"] is None:
            del entry["authority"]
    for entry in meaning["keys"]:
        if entry["holder"] is None:
            del entry["holder"]
    for entry in meaning["rules"]:
        if entry["threshold"] == 1:
            del entry["threshold"]
        if not entry["delegable"]:
            del entry["delegable"]
    return Digest.sha256(hashlib.sha256(strict_json.canonical(meaning)).hexdigest())
