"""``govkernel verify``: one artifact against one bundle, by whomever it was made."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from govkernel.cli.output import Config, Json, ReceiptsFolder, finish, plain, say, stderr
from govkernel.cli.pinning import Command, Exec, Pin, reading, run_command
from govkernel.errors import InputError

if TYPE_CHECKING:
    from govkernel.domain import RejectedStatement, Signer, Statement


def verify(
    path: Annotated[Path, typer.Argument(help="The artifact: file or folder.")],
    bundle: Annotated[Path, typer.Option("--bundle", help="The signature bundle.")],
    command: Command = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", help="Public key that must have signed it [default: the trust policy decides]."
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="Certificate authorities (PEM), one of which must vouch for the signer."),
    ] = None,
    trusted_root: Annotated[
        Path | None,
        typer.Option("--trusted-root", help="trusted_root.json of a Sigstore instance, for keyless bundles."),
    ] = None,
    identity: Annotated[
        str, typer.Option("--identity", help="Who must have signed: exact, or after glob: or regex:.")
    ] = "",
    issuer: Annotated[
        str,
        typer.Option("--issuer", help="Who must vouch for a keyless identity; also glob: or regex:."),
    ] = "",
    type_: Annotated[str, typer.Option("--type", help="Predicate type it must have.")] = "",
    kind: Annotated[
        str, typer.Option("--kind", help="model, prompt, dataset, … [default: what the bundle says].")
    ] = "",
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
    from govkernel.assemble import current_trust
    from govkernel.cli.anchoring import choose_anchor
    from govkernel.config import load_settings
    from govkernel.domain import ArtifactKind, RejectedStatement
    from govkernel.provenance import resolve_type, verify_path
    from govkernel.provenance.verify_foreign import verify_foreign

    if kind and kind not in set(ArtifactKind):
        raise InputError(
            "cli.kind",
            f"There is no artifact kind {kind!r}.",
            remedy=f"Use one of {', '.join(ArtifactKind)}.",
        )
    notes: tuple[str, ...] = ()
    said = ArtifactKind(kind) if kind else None
    anchor = choose_anchor(key=key, ca=ca, trusted_root=trusted_root, identity=identity, issuer=issuer)
    now, raw, source = datetime.now(UTC), _read(bundle), str(bundle)
    skipped = frozenset((*(ignore or ()), *_inside(bundle, path))) if anchor else frozenset()
    with reading(path, pin=pin, run=run, command=command or (), receipts=receipts, skip=skipped) as it:
        if anchor is None:
            trust = current_trust(load_settings(config)).now()
            judged = verify_path(it.path, raw, trust, said, now=now, source=source, reader=it.reader)
            if isinstance(judged, RejectedStatement):
                _refuse(path, it.told(judged), as_json)
            statement: Statement | None = judged.statement
            document, signers = judged.model_dump(mode="json"), judged.signers
        else:
            found = verify_foreign(
                it.path, raw, anchor, said, now=now, source=source, ignore=skipped, reader=it.reader
            )
            if isinstance(found, RejectedStatement):
                _refuse(path, it.told(found), as_json)
            statement, signers, notes = found.statement, (found.signer,), found.notes
            document = _document(statement, found.signer, source, str(found.about), notes)
        if type_ and (statement is None or statement.predicate_type != resolve_type(type_)):
            refused = RejectedStatement(
                code="provenance.other-predicate",
                why=f"The bundle states {statement.predicate_type if statement else 'nothing'}.",
                remedy="Give the bundle of the predicate you ask for.",
                source=source,
            )
            _refuse(path, refused, as_json)
        pinned = it.keep()
        if pinned and command:
            stderr.print(f"[green]✓[/] verified {plain(path)}")
            run_command(command, pinned)

    def text() -> None:
        say(f"[green]✓[/] verified {plain(path)}")
        say(f"  states  {plain(statement.predicate_type if statement else 'nothing: a bare signature')}")
        say(f"  signer  {plain(', '.join(signer.name for signer in signers))}")
        for note in (*notes, *([f"pinned to {pinned}"] if pinned else [])):
            say(f"  note    {plain(note)}")

    pinned_to = {"pinned": str(pinned)} if pinned else {}
    finish(True, {"verified": True, **document, **pinned_to}, as_json=as_json, text=text)


def _refuse(path: Path, refused: RejectedStatement, as_json: bool) -> NoReturn:
    def complain() -> None:
        say(f"[red]✗[/] refused {plain(path)} [dim]({refused.code})[/]")
        say(f"  why  {plain(refused.why)}")
        if refused.remedy:
            say(f"  fix  {plain(refused.remedy)}")

    finish(False, {"verified": False, **refused.model_dump()}, as_json=as_json, text=complain)


def _document(
    statement: Statement | None, signer: Signer, source: str, about: str, notes: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "statement": statement.model_dump(mode="json") if statement else None,
        "signers": [signer.model_dump(mode="json")],
        "source": source,
        "about": about,
        "notes": list(notes),
    }


def _inside(bundle: Path, path: Path) -> tuple[str, ...]:
    """The bundle's own name, if it lies in the folder it is about: no signature covers itself."""
    relative = os.path.relpath(bundle.absolute(), path.absolute()).replace(os.sep, "/")
    return () if relative.startswith("../") or relative == "." else (relative,)


def _read(path: Path) -> bytes:
    from govkernel.provenance import MAX_BUNDLE

    try:
        if path.stat().st_size > MAX_BUNDLE:
            raise OSError(f"larger than {MAX_BUNDLE} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "cli.unreadable", f"The bundle {path} cannot be read.", why=str(error), remedy="Check the path."
        ) from None
