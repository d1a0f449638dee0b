"""``govkernel verify``: one artifact against one bundle, by whomever it was made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from govkernel.cli.asking import Asked, first
from govkernel.cli.output import (
    Config,
    Json,
    ReceiptsFolder,
    finish,
    named,
    path_option,
    plain,
    read_named,
    say,
    stderr,
)
from govkernel.cli.pinning import Command, Exec, Pin, reading, run_command
from govkernel.errors import InputError, ProvenanceError

if TYPE_CHECKING:
    from govkernel.domain import RejectedStatement
    from govkernel.provenance import TrustPolicy

UNTOLD = frozenset({"provenance.not-found", "provenance.unreadable", "provenance.changed-while-read"})
"""Codes of artifacts that nothing can be said about; with any other one the artifact is refused for what it holds."""


def verify(
    path: Annotated[
        Path,
        typer.Argument(
            help="The artifact: file or folder.", metavar="PATH", parser=named("The path of the artifact")
        ),
    ],
    bundle: Annotated[
        Path,
        path_option("--bundle", "The signature bundle, or a file of several."),
    ],
    command: Command = None,
    key: Annotated[
        Path | None,
        path_option("--key", "Public key that must have signed it [default: the trust policy decides]."),
    ] = None,
    ca: Annotated[
        Path | None,
        path_option("--ca", "Certificate authorities (PEM), one of which must vouch for the signer."),
    ] = None,
    trusted_root: Annotated[
        Path | None,
        path_option("--trusted-root", "trusted_root.json of a Sigstore instance, for keyless bundles."),
    ] = None,
    identity: Annotated[
        str, typer.Option("--identity", help="Who must have signed: exact, or after glob: or regex:.")
    ] = "",
    issuer: Annotated[
        str,
        typer.Option("--issuer", help="Who must vouch for a keyless identity; also glob: or regex:."),
    ] = "",
    tsa_ca: Annotated[
        Path | None,
        path_option(
            "--tsa-ca",
            "Timestamp authorities (PEM, or a trusted_root.json), one of which must say when it was signed; "
            "with --key or --ca.",
        ),
    ] = None,
    trust: Annotated[
        Path | None,
        path_option("--trust", "Trust policy that decides, instead of the configured one."),
    ] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Predicate type it must have.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="model, prompt, dataset, … [default: what the bundle says].")
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore",
            help="File of the folder that is not part of the artifact; repeatable; not with a trust policy.",
        ),
    ] = None,
    pin: Pin = None,
    run: Exec = False,
    receipts: ReceiptsFolder = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Verify an artifact against a bundle: exit 0 verified, 1 refused (a code names the check), 2 cannot tell."""
    from govkernel.cli.anchoring import choose_anchor
    from govkernel.domain import ArtifactKind, RejectedStatement
    from govkernel.provenance import resolve_type
    from govkernel.provenance.collection import split_bundles

    if kind is not None and kind not in set(ArtifactKind):
        raise InputError(
            "cli.kind",
            f"There is no artifact kind {kind!r}.",
            remedy=f"Use one of {', '.join(ArtifactKind)}.",
        )
    anchor = choose_anchor(
        key=key,
        ca=ca,
        trusted_root=trusted_root,
        identity=identity,
        issuer=issuer,
        tsa_ca=tsa_ca,
        trust=trust,
    )
    skipped = frozenset((*(ignore or ()), *_inside(bundle, path))) if anchor else frozenset()
    with (
        _refusing(path, str(bundle), as_json),
        reading(path, pin=pin, run=run, command=command or (), receipts=receipts, skip=skipped) as it,
    ):
        asked = Asked(
            path=it.path,
            reader=cache(it.reader),
            trusted=anchor or _policy(config, trust),
            kind=ArtifactKind(kind) if kind else None,
            predicate_type=resolve_type(type_) if type_ is not None else "",
            ignore=skipped,
            source=str(bundle),
            now=datetime.now(UTC),
        )
        answer = first(asked.judge(raw) for raw in split_bundles(_read(bundle)))
        if isinstance(answer, RejectedStatement):
            _refuse(path, it.told(answer), as_json)
        pinned = it.keep()
        if pinned and command:
            stderr.print(f"[green]✓[/] verified {plain(path)}")
            run_command(command, pinned)

    def text() -> None:
        say(f"[green]✓[/] verified {plain(path)}")
        said = answer.statement.predicate_type if answer.statement else "nothing: a bare signature"
        say(f"  states  {plain(said)}")
        say(f"  signer  {plain(', '.join(signer.name for signer in answer.signers))}")
        if answer.signed_at:
            say(f"  signed  {answer.signed_at:%Y-%m-%d %H:%M:%S} UTC, by a time that was verified")
        for note in (*answer.notes, *([f"pinned to {pinned}"] if pinned else [])):
            say(f"  note    {plain(note)}")

    pinned_to = {"pinned": str(pinned)} if pinned else {}
    finish(True, {"verified": True, **answer.document, **pinned_to}, as_json=as_json, text=text)


def _policy(config: Path | None, trust: Path | None) -> TrustPolicy:
    """The trust policy, with the workspace's revocation lists and delegations in force."""
    from govkernel.assemble import current_trust
    from govkernel.cli.doors import choose_trust
    from govkernel.config import load_settings

    settings = load_settings(config)
    return current_trust(settings, choose_trust(settings, trust, [])).now()


def _refuse(path: Path, refused: RejectedStatement, as_json: bool) -> NoReturn:
    def complain() -> None:
        say(f"[red]✗[/] refused {plain(path)} [dim]({refused.code})[/]")
        say(f"  why  {plain(refused.why)}")
        if refused.remedy:
            say(f"  fix  {plain(refused.remedy)}")

    finish(False, {"verified": False, **refused.model_dump()}, as_json=as_json, text=complain)


@contextmanager
def _refusing(path: Path, source: str, as_json: bool) -> Iterator[None]:
    """What an artifact or a file of bundles may not hold is a refusal like any other."""
    from govkernel.provenance.verify import rejection

    try:
        yield
    except (ProvenanceError, InputError) as error:
        if not error.code.startswith("provenance.") or error.code in UNTOLD:
            raise
        _refuse(path, rejection(error, source), as_json)


def _inside(bundle: Path, path: Path) -> tuple[str, ...]:
    """The bundle's own name, if it lies in the folder it is about: no signature covers itself."""
    relative = os.path.relpath(bundle.absolute(), path.absolute()).replace(os.sep, "/")
    return () if relative.startswith("../") or relative == "." else (relative,)


def _read(path: Path) -> bytes:
    from govkernel.provenance import MAX_BUNDLE

    return read_named(path, MAX_BUNDLE, f"The bundle {path}")
