"""``govkernel trust``: explain what the trust policy makes of an artifact, check the policy, revoke."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from govkernel.cli.delegate import delegate
from govkernel.cli.output import Config, Json, finish, plain, print_json, say
from govkernel.cli.signing import Key, open_key
from govkernel.cli.trust_update import update
from govkernel.errors import ConfigError, InputError

if TYPE_CHECKING:
    from govkernel.config import Settings
    from govkernel.domain import ArtifactKind, ArtifactRef, Digest
    from govkernel.provenance import PassedOver, RevocationList, TrustPolicy

app = typer.Typer(
    no_args_is_help=True,
    help="Explain and check the trust policy; delegate and revoke; update trusted roots.",
)
app.command("delegate")(delegate)
app.command("update")(update)
PolicyFile = Annotated[
    Path | None, typer.Argument(help="A trust policy [default: the workspace's, with its revocation lists].")
]


@app.command()
def explain(
    artifact: Annotated[
        str,
        typer.Argument(
            help="A file or folder, optionally prefixed with its kind (model:, prompt:, dataset:), a digest, or a "
            "name such as mlflow://models/minilm/1."
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help="model, prompt, dataset, … [default: what a path looks like, model for names]."
        ),
    ] = "",
    trust: Annotated[
        Path | None, typer.Option("--trust", help="Trust policy to use instead of the configured one.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print what was found about an artifact, accepted and rejected, and why: exit 0 when a signature is accepted."""
    from govkernel.assemble import current_trust, plugin_host
    from govkernel.cli.doors import choose_trust
    from govkernel.cli.trust_show import show_tree, tree
    from govkernel.config import load_settings
    from govkernel.domain import Artifact, Digest
    from govkernel.gather import EvidenceGatherer
    from govkernel.lineage.trace import known
    from govkernel.provenance import BundleStore
    from govkernel.provenance.trust_explain import explain as explained

    settings = load_settings(config)
    trusted = current_trust(settings, choose_trust(settings, trust, []))
    host = plugin_host(settings, trusted, local=True)
    now = datetime.now(UTC)
    gatherer, ref = EvidenceGatherer(host, trusted), _reference(artifact, kind)
    if ref.scheme == "sha256":
        [judged] = asyncio.run(gatherer.about([known(Digest.parse(ref.uri), ref.kind)], now))
    else:
        judged = asyncio.run(gatherer.gather([ref], now))[0].judged
    store = BundleStore(settings.path(settings.trust.attestations))
    proposed = [] if judged.artifact.digest else store.candidates(ref.uri)
    claims = [Artifact(kind=ref.kind, name=ref.uri, digest=digest) for digest in proposed]
    claimed = asyncio.run(gatherer.about(claims, now))
    document = explained(trusted.now(), judged, now, trusted.passed_over, claimed)
    finish(document["signed"], document, as_json=as_json, text=lambda: show_tree(tree(document)))


@app.command()
def validate(path: PolicyFile = None, config: Config = None, as_json: Json = False) -> None:
    """Check a trust policy and the revocation lists beside it: exit 0 valid, 1 not."""
    from govkernel.cli.trust_show import invalid, valid

    try:
        document = _summary(*_policy(path, config), datetime.now(UTC))
    except ConfigError as error:
        if error.code not in {"trust.malformed", "trust.revocations"}:
            raise
        refused = error
        document = {"valid": False, **error.as_dict()}
        finish(False, document, as_json=as_json, text=lambda: invalid(refused))
    finish(True, document, as_json=as_json, text=lambda: valid(document))


@app.command()
def schema() -> None:
    """Print the JSON Schema of trust.yaml, for editors."""
    from govkernel.provenance import trust_policy_schema

    print_json(trust_policy_schema())


@app.command()
def revoke(
    key: Key,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; told wherever the revocation makes a difference.")
    ],
    artifact: Annotated[
        list[str] | None,
        typer.Option(
            "--artifact", help="An artifact: its digest, or a file or folder as for explain; repeatable."
        ),
    ] = None,
    statement: Annotated[
        list[str] | None, typer.Option("--statement", help="Digest of a statement; repeatable.")
    ] = None,
    signer: Annotated[
        list[str] | None,
        typer.Option(
            "--signer", help="A key: its name in the trust policy, its id, or its PEM file; repeatable."
        ),
    ] = None,
    identity: Annotated[
        list[str] | None, typer.Option("--identity", help="A certificate identity, exactly; repeatable.")
    ] = None,
    issuer: Annotated[
        str, typer.Option("--issuer", help="Issuer of the identities [default: every issuer].")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            help="For keys and identities: what was signed before, by a time that is verified, stands (RFC 3339).",
        ),
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign a revocation list and put it in force in this workspace, at once."""
    from govkernel.assemble import load_trust
    from govkernel.config import load_settings
    from govkernel.provenance import sign_list

    settings = load_settings(config)
    trust = load_trust(settings)
    entries = [
        *({"artifact": str(_digest(item))} for item in artifact or []),
        *({"statement": item} for item in statement or []),
        *({"key": _key_id(item, trust)} for item in signer or []),
        *({"identity": item, **({"issuer": issuer} if issuer else {})} for item in identity or []),
    ]
    if not entries:
        raise InputError(
            "cli.revoke",
            "There is nothing to revoke.",
            remedy="Give --artifact, --statement, --signer or --identity.",
        )
    named = [{**entry, "reason": reason, **({"since": since} if since else {})} for entry in entries]
    content = sign_list(named, open_key(key, settings), datetime.now(UTC))
    written = _put(content, trust, settings)

    def text() -> None:
        for entry in entries:
            target, value = next(iter(entry.items()))
            say(f"[green]✓[/] revoked {target} {plain(value)}")
        say(f"  list  {plain(written)}")

    finish(True, {"list": str(written), "entries": named}, as_json=as_json, text=text)


def _put(content: bytes, trust: TrustPolicy, settings: Settings) -> Path:
    """Where the list was written; nothing is written that would not be in force."""
    from govkernel.files import replace_file
    from govkernel.hookspecs import Bundle
    from govkernel.provenance import PassedOver, read_list
    from govkernel.provenance.store import SUFFIX
    from govkernel.provenance.trust_current import FOLDER

    name = f"{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    path = settings.path(settings.trust.attestations) / FOLDER / name
    found = read_list(Bundle(content=content, source=str(path)), trust.keys, trust.signers, trust.rules)
    if isinstance(found, PassedOver):
        raise ConfigError(
            "trust.may-not-revoke",
            "The trust policy does not let this key revoke, so nothing was revoked.",
            why=found.why,
            remedy="Use a key that may, or add a rule with `may: [revocation]` for it.",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise InputError(
            "cli.unwritable", f"The list {path} cannot be written.", why=str(error), remedy="Check the path."
        ) from None
    return path


def _reference(text: str, kind: str) -> ArtifactRef:
    """What a person named: a name with a scheme, or a path with or without its kind."""
    from govkernel.domain import ArtifactKind, ArtifactRef, Digest
    from govkernel.provenance import detect_kind

    prefix, colon, rest = text.partition(":")
    if colon and not rest.startswith("//") and prefix in set(ArtifactKind):
        kind, text = kind or prefix, rest
    try:
        if text.startswith("sha256:"):
            return ArtifactRef(uri=str(Digest.parse(text)), kind=_kind(kind or "model"))
        if "://" in text:
            return ArtifactRef(uri=text, kind=_kind(kind or "model"))
        path = os.path.normpath(text)
        if not text or not Path(path).exists():
            raise _no_artifact(text)
        return ArtifactRef(
            uri=f"file:{path}", kind=_kind(kind) if kind else detect_kind(Path(path)), where=path
        )
    except ValueError:
        raise _no_artifact(text) from None


def _no_artifact(text: str) -> InputError:
    return InputError(
        "cli.artifact",
        f"There is no artifact {ascii(text)[:200]}.",
        remedy="Give the path of a file or folder, a digest, or a name such as mlflow://models/minilm/1.",
    )


def _kind(text: str) -> ArtifactKind:
    from govkernel.domain import ArtifactKind

    if text not in set(ArtifactKind):
        raise InputError(
            "cli.kind",
            f"There is no artifact kind {text!r}.",
            remedy=f"Use one of {', '.join(ArtifactKind)}.",
        )
    return ArtifactKind(text)


def _digest(text: str) -> Digest:
    from govkernel.domain import Digest
    from govkernel.provenance import describe

    if re.fullmatch("sha(256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})", text):
        return Digest.parse(text)
    ref = _reference(text, "")
    described = describe(Path(ref.uri.removeprefix("file:")), ref.kind) if ref.scheme == "file" else None
    if described is None or described.digest is None:
        raise InputError(
            "cli.revoke",
            f"{ascii(text)[:200]} is neither a digest nor a path.",
            why="A name can mean other content tomorrow.",
            remedy="Give its digest; `govkernel trust explain` prints it.",
        )
    return described.digest


def _key_id(text: str, trust: TrustPolicy) -> str:
    from govkernel.cli.doors import read_key
    from govkernel.provenance import PublicKey

    known = {item.name: item.key.key_id for item in trust.keys}
    if text in known:
        return known[text]
    return (
        text if re.fullmatch("[0-9a-f]{64}", text) else PublicKey.from_pem(read_key(Path(text)), text).key_id
    )


def _policy(
    path: Path | None, config: Path | None
) -> tuple[TrustPolicy, tuple[RevocationList, ...], tuple[PassedOver, ...]]:
    """A policy by itself, or the workspace's with the lists beside it: those in force, and the others."""
    from govkernel.assemble import current_trust
    from govkernel.config import load_settings
    from govkernel.provenance import TrustPolicy

    if path is not None:
        return TrustPolicy.load(path), (), ()
    current = current_trust(load_settings(config))
    return current.now(), current.lists, current.passed_over


def _summary(
    policy: TrustPolicy, lists: tuple[RevocationList, ...], passed: tuple[PassedOver, ...], now: datetime
) -> dict[str, Any]:
    return {
        "valid": True,
        "digest": str(policy.digest),
        "keys": len(policy.keys),
        "identities": len(policy.signers) - len(policy.keys),
        "rules": len(policy.rules),
        "lapsed": [
            *(f"signer {item.name}" for item in policy.signers if item.window.late(now)),
            *(f"rule {rule.number}" for rule in policy.rules if rule.window.late(now)),
        ],
        "lists": [
            {
                "source": item.source,
                "by": item.by,
                "issuedOn": item.issued_on.isoformat(),
                "entries": len(item.revocations),
            }
            for item in lists
        ],
        "delegations": [
            {
                "source": item.source,
                "statement": str(item.digest),
                "by": item.by.name,
                "to": sorted(delegate.name for delegate in item.to),
            }
            for item in policy.delegations
        ],
        "passedOver": [{"source": item.source, "code": item.code, "why": item.why} for item in passed],
    }
