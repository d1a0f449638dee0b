"""``govkernel verify``: one artifact against one bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from govkernel.cli.output import Config, Json, finish, plain, say
from govkernel.errors import InputError


def verify(
    path: Annotated[Path, typer.Argument(help="The artifact: file or folder.")],
    bundle: Annotated[Path, typer.Option("--bundle", help="The signature bundle.")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", help="Public key that must have signed it [default: the trust policy decides]."
        ),
    ] = None,
    type_: Annotated[str, typer.Option("--type", help="Predicate type it must have.")] = "",
    kind: Annotated[
        str, typer.Option("--kind", help="model, prompt, dataset, … [default: what the bundle says].")
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Verify an artifact against a bundle: exit 0 verified, 1 refused (a code names the check), 2 cannot tell."""
    from govkernel.assemble import current_trust
    from govkernel.cli.doors import read_key
    from govkernel.config import load_settings
    from govkernel.domain import ArtifactKind, RejectedStatement
    from govkernel.provenance import resolve_type, verify_path

    if kind and kind not in set(ArtifactKind):
        raise InputError(
            "cli.kind",
            f"There is no artifact kind {kind!r}.",
            remedy=f"Use one of {', '.join(ArtifactKind)}.",
        )
    trust = read_key(key) if key else current_trust(load_settings(config)).now()
    outcome = verify_path(
        path,
        _read(bundle),
        trust,
        ArtifactKind(kind) if kind else None,
        now=datetime.now(UTC),
        source=str(bundle),
    )
    if (
        not isinstance(outcome, RejectedStatement)
        and type_
        and outcome.statement.predicate_type != resolve_type(type_)
    ):
        outcome = RejectedStatement(
            code="provenance.other-predicate",
            why=f"The bundle states {outcome.statement.predicate_type}.",
            remedy="Give the bundle of the predicate you ask for.",
            source=str(bundle),
        )
    if isinstance(outcome, RejectedStatement):
        refused = outcome

        def complain() -> None:
            say(f"[red]✗[/] refused {plain(path)} [dim]({refused.code})[/]")
            say(f"  why  {plain(refused.why)}")
            if refused.remedy:
                say(f"  fix  {plain(refused.remedy)}")

        finish(False, {"verified": False, **refused.model_dump()}, as_json=as_json, text=complain)
    signers = ", ".join(signer.name for signer in outcome.signers)

    def text() -> None:
        say(f"[green]✓[/] verified {plain(path)}")
        say(f"  states  {plain(outcome.statement.predicate_type)}")
        say(f"  signer  {plain(signers)}")

    finish(True, {"verified": True, **outcome.model_dump(mode="json")}, as_json=as_json, text=text)


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
