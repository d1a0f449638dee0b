"""``govkernel trust delegate``: let others speak in the holder's name, for a time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from govkernel.cli.output import Config, Json, finish, plain, say
from govkernel.cli.signing import Key, open_key
from govkernel.errors import ConfigError, InputError

if TYPE_CHECKING:
    from govkernel.config import Settings
    from govkernel.provenance.delegation import Delegation


def delegate(
    key: Key,
    until: Annotated[str, typer.Option("--until", help="First moment it does not hold any more (RFC 3339).")],
    may: Annotated[list[str], typer.Option("--may", help="Predicate type they may state; repeatable.")],
    to: Annotated[
        list[str] | None,
        typer.Option("--to", help="NAME=FILE: who may speak, by a public key (PEM); repeatable."),
    ] = None,
    identity: Annotated[
        list[str] | None,
        typer.Option(
            "--identity",
            help="NAME=IDENTITY: who may speak, by a certificate; exact, or after glob: or regex:; repeatable.",
        ),
    ] = None,
    issuer: Annotated[
        str, typer.Option("--issuer", help="Who vouches for the identities; also glob: or regex:.")
    ] = "",
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Kind of artifact [default: all]; repeatable.")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="Names of artifacts, * standing for any characters [default: all]; repeatable."
        ),
    ] = None,
    start: Annotated[
        str, typer.Option("--from", help="First moment it holds (RFC 3339) [default: now].")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign a delegation and put it in force in this workspace, at once.

    Whoever it names may say part of what the key may say, in the name of its holder, until its time is over or somebody
    revokes the key or the delegation.
    """
    from govkernel.config import load_settings
    from govkernel.provenance.delegation import sign_delegation

    settings = load_settings(config)
    predicate = _predicate(_delegates(to or [], identity or [], issuer), may, kind or [], name or [])
    predicate["from"] = start or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    predicate |= {"until": until, **({"reason": reason} if reason else {})}
    content = sign_delegation(predicate, open_key(key, settings))
    found = _put(content, settings)

    def text() -> None:
        names = ", ".join(item.name for item in found.to)
        say(f"[green]✓[/] {plain(names)} may speak for {plain(found.by.holder)} until {plain(until)}")
        say(f"  delegation  {found.digest}")
        say(f"  file        {plain(found.source)}")

    document = {
        "delegation": str(found.digest),
        "file": found.source,
        "by": found.by.name,
        "predicate": predicate,
    }
    finish(True, document, as_json=as_json, text=text)


def _predicate(
    to: list[dict[str, Any]], may: list[str], kinds: list[str], names: list[str]
) -> dict[str, Any]:
    about = {**({"kinds": kinds} if kinds else {}), **({"names": names} if names else {})}
    return {"to": to, "may": may, **({"about": about} if about else {})}


def _delegates(keys: list[str], identities: list[str], issuer: str) -> list[dict[str, Any]]:
    from govkernel.cli.doors import read_key

    if not keys and not identities:
        raise InputError("cli.delegate", "Nobody is delegated to.", remedy="Give --to or --identity.")
    if bool(identities) != bool(issuer):
        raise InputError(
            "cli.delegate",
            "An identity and who vouches for it belong together.",
            remedy="Give --identity NAME=IDENTITY and --issuer.",
        )
    by_key = [
        {"name": who, "publicKey": read_key(Path(file)).decode("utf-8", "replace")}
        for who, file in map(_pair, keys)
    ]
    by_name = [
        {"name": who, "identity": _match(text), "issuer": _match(issuer)}
        for who, text in map(_pair, identities)
    ]
    return [*by_key, *by_name]


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise InputError(
            "cli.delegate",
            f"{ascii(text)[:200]} does not say whose it is.",
            remedy="Write NAME=FILE, e.g. --to search-ci=search-ci.pub.",
        )
    return name, value


def _match(text: str) -> str | dict[str, str]:
    how, colon, pattern = text.partition(":")
    return {how: pattern} if colon and how in {"glob", "regex"} else text


def _put(content: bytes, settings: Settings) -> Delegation:
    """The delegation, written; nothing is written that would not be in force."""
    from govkernel.assemble import load_trust
    from govkernel.files import replace_file
    from govkernel.hookspecs import Bundle
    from govkernel.provenance import PassedOver
    from govkernel.provenance.delegation import read_delegation
    from govkernel.provenance.store import SUFFIX
    from govkernel.provenance.trust_current import DELEGATIONS

    trust = load_trust(settings)
    name = f"{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    path = settings.path(settings.trust.attestations) / DELEGATIONS / name
    found = read_delegation(Bundle(content=content, source=str(path)), trust.keys, trust.signers, trust.rules)
    if isinstance(found, PassedOver):
        raise ConfigError(
            "trust.may-not-delegate",
            "The trust policy does not let this key delegate so, and nothing was written.",
            why=found.why,
            remedy="Use a key of the trust policy that a rule with `delegable: true` names.",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise InputError(
            "cli.unwritable",
            f"The delegation {path} cannot be written.",
            why=str(error),
            remedy="Check the path.",
        ) from None
    return found
