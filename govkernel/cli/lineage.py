"""``govkernel lineage``: what an artifact was made from, and what was made from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from govkernel.cli.output import Config, Exit, Json, finish, plain, say
from govkernel.errors import InputError

if TYPE_CHECKING:
    from govkernel.audit import AuditRow
    from govkernel.config import Settings
    from govkernel.domain import ArtifactRef
    from govkernel.lineage import Lineage


_SHOWN: Final = 200


def lineage(
    artifact: Annotated[str, typer.Argument(help="A file, a folder, a digest, or a signed name.")],
    kind: Annotated[str, typer.Option(help="model, dataset, … [default: detected, else model].")] = "",
    down: Annotated[
        bool, typer.Option("--descendants", help="What was made from it, by the bundles that are here.")
    ] = False,
    deployed: Annotated[
        bool,
        typer.Option("--deployed", help="With --descendants: also where the log says they were admitted."),
    ] = False,
    form: Annotated[str, typer.Option("--format", help="tree, dot, json or html.")] = "tree",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Draw where an artifact comes from: exit 0 when every ancestor is signed, 1 when one is not.

    With --descendants, 0 when all that was made from it is signed and nothing it was made from is revoked; with
    --deployed, 0 when moreover none of it was admitted.
    """
    from govkernel.config import load_settings
    from govkernel.lineage import FORMATS, draw

    if form not in FORMATS:
        raise InputError(
            "cli.format", f"There is no format {form!r}.", remedy=f"Use one of {', '.join(FORMATS)}."
        )
    if deployed and not down:
        raise InputError(
            "cli.deployed",
            "--deployed is about what was made from an artifact.",
            remedy="Add --descendants.",
        )
    settings = load_settings(config)
    found = asyncio.run(trace(settings, reference(artifact, kind), down=down))
    if deployed:
        _tell_deployments(found, admissions(settings, found), as_json=as_json)
    sys.stdout.write(draw(found, "json" if as_json else form, down=down))
    if down and form == "tree" and not as_json:
        _tell_revoked(found)
    raise typer.Exit(Exit.NO if found.untrusted or (down and found.below_revoked) else Exit.YES)


def _tell_revoked(lineage: Lineage) -> None:
    for node, above in lineage.below_revoked[:_SHOWN]:
        say(
            f"[red]✗[/] {plain(node.name or node.digest)} descends from {plain(above.name or above.digest)}: "
            f"{plain(above.revoked)}"
        )
    if len(lineage.below_revoked) > _SHOWN:
        say(f"  and {len(lineage.below_revoked) - _SHOWN} more")


def _tell_deployments(lineage: Lineage, found: list[dict[str, str]], *, as_json: bool) -> NoReturn:
    from govkernel.lineage import as_dict, draw

    def text() -> None:
        sys.stdout.write(draw(lineage, "tree", down=True))
        _tell_revoked(lineage)
        for item in found:
            where = f" in {plain(item['environment'])}" if item["environment"] else ""
            say(
                f"[red]✗[/] {plain(item['artifact'][:19])}… {plain(item['action'])} "
                f"{plain(item['resource'])}{where}, {item['decidedAt']} [dim]({item['decision']})[/]"
            )
        if not found:
            say("[green]✓[/] The log holds no admission of any of them.")

    clean = not (found or lineage.below_revoked)
    finish(clean, {**as_dict(lineage), "deployments": found}, as_json=as_json, text=text)


def admissions(settings: Settings, lineage: Lineage) -> list[dict[str, str]]:
    """The newest recorded permission to admit or deploy each artifact of a lineage at each place, newest first.

    Also of what the log itself says was made from the root, wherever the bundles that said so lie.
    """
    from govkernel.audit import open_reader
    from govkernel.audit.query import MAX_LIMIT

    found: dict[tuple[str, str, str], dict[str, str]] = {}
    with open_reader(settings.database_url) as log:
        for asked in _questions(lineage):
            for row in log.query(
                f"decision:allow action:admit,deploy {asked} limit:{MAX_LIMIT}", datetime.now(UTC)
            ):
                for item in _admitted(row, lineage):
                    found.setdefault((item["artifact"], item["resource"], item["environment"]), item)
    return sorted(found.values(), key=lambda item: item["decidedAt"], reverse=True)


def _questions(lineage: Lineage) -> Iterator[str]:
    from govkernel.audit.query import MAX_VALUES

    digests = sorted(map(str, lineage.nodes))
    for start in range(0, len(digests), MAX_VALUES):
        yield f"artifact:{','.join(digests[start : start + MAX_VALUES])}"
    yield f"text:{lineage.root.hex}"


def _admitted(row: AuditRow, lineage: Lineage) -> Iterator[dict[str, str]]:
    request = row.record.request
    for subject in row.record.subjects:
        recorded = {item.digest for item in subject.ancestry or ()}
        if subject.artifact.digest in lineage.nodes or lineage.root in recorded:
            yield {
                "artifact": str(subject.artifact.digest),
                "action": request.action.value,
                "resource": str(request.resource),
                "environment": request.environment,
                "decision": row.record.decision.id,
                "decidedAt": row.record.decision.decided_at.isoformat(),
            }


async def trace(settings: Settings, ref: ArtifactRef, *, down: bool) -> Lineage:
    """The ancestry of an artifact, or its descendants, by the workspace's trust policy and bundle store."""
    from govkernel.assemble import current_trust, plugin_host
    from govkernel.domain import Digest
    from govkernel.gather import EvidenceGatherer
    from govkernel.lineage import ancestry, descendants
    from govkernel.lineage.trace import claimed_parents, known
    from govkernel.provenance import BundleStore

    trust = current_trust(settings)
    gatherer = EvidenceGatherer(plugin_host(settings, trust, local=True), trust)
    now = datetime.now(UTC)
    if ref.scheme == "sha256":
        (root,) = await gatherer.about([known(Digest.parse(ref.uri), ref.kind)], now)
    else:
        root = (await gatherer.gather([ref], now))[0].judged
    if not down:
        return await ancestry(root, gatherer, now)
    store = BundleStore(settings.path(settings.trust.attestations))
    claims = (
        (child, parent) for child, predicate in store.derivations() for parent in claimed_parents(predicate)
    )
    return await descendants(root, gatherer, claims, now)


def reference(artifact: str, kind: str) -> ArtifactRef:
    """What a command's argument names.

    Raises:
        InputError: ``cli.artifact``.
    """
    from govkernel.domain import ArtifactKind, ArtifactRef, Digest
    from govkernel.provenance import detect_kind

    path = Path(artifact)
    try:
        if not artifact:
            raise ValueError("Nothing stands between the quotes, or the variable there is not set.")
        if artifact.startswith("sha256:"):
            Digest.parse(artifact)
        named = ArtifactKind(kind) if kind else detect_kind(path) if path.exists() else ArtifactKind.MODEL
        return ArtifactRef(uri=f"file:{artifact}" if path.exists() else artifact, kind=named)
    except ValueError as error:
        raise InputError(
            "cli.artifact",
            f"{artifact[:200]!r} is not the name of an artifact.",
            why=str(error).splitlines()[0][:200],
            remedy="Name a file, a folder, sha256:…, or a URI such as mlflow://models/NAME/VERSION.",
        ) from None
