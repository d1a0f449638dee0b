"""``govkernel scan``: judge files before they are trusted, without loading them, and say so as signed evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from govkernel.cli.output import Config, Exit, Json, path_argument, plain, print_json, say
from govkernel.cli.signing import Name, Out, keep, open_signer
from govkernel.domain import Artifact, ArtifactKind, Digest, predicates
from govkernel.errors import InputError

if TYPE_CHECKING:
    from govkernel.filesafety import Report

_EXITS: Final = {"safe": Exit.YES, "unsafe": Exit.NO, "unknown": Exit.ERROR}
_SHOWN: Final = 200
_UNBOUND: Final = frozenset({"link", "not-a-file", "unreadable", "changed", "empty"})
"""Rules after which the files judged are not all there are."""


def scan(
    path: Annotated[Path, path_argument("What to judge: file or folder.")],
    attest: Annotated[
        bool, typer.Option("--attest", help="Sign the outcome as a file-safety statement; needs --key.")
    ] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="Private key: a PEM file, or the URI of a key a plugin opens.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="model, prompt, dataset, … [default: detected].")] = "",
    name: Name = None,
    out: Out = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Judge model files without loading them: exit 0 safe, 1 unsafe, 2 cannot tell."""
    if attest != (key is not None):
        raise InputError(
            "cli.scan-key", "--attest and --key go together.", remedy="Give both, or neither to judge only."
        )
    if key is None:
        from govkernel.filesafety import judge

        report, written = judge(path), list[Path]()
    else:
        report, written = _attested(path, kind, key, name or [], out, config)
    if as_json:
        print_json(_document(report, written))
    else:
        _show(report, path, written)
    raise typer.Exit(_EXITS[report.verdict])


def file_safety(path: Path, kind: str, now: datetime) -> tuple[Artifact, Report, dict[str, Any]]:
    """Judge an artifact, and identify it by the digest of exactly the bytes judged.

    Args:
        path: file or folder.
        kind: what it is; empty to detect it.
        now: stated as the end, aware.

    Returns:
        The artifact, the report, and the predicate about it.

    Raises:
        InputError: ``filesafety.not-found``, ``filesafety.not-bound``: not all files could be read.
        ProvenanceError: it has no digest: a link, an unsafe file name, …
    """
    from govkernel.filesafety import judge
    from govkernel.provenance import describe, detect_kind

    artifact = describe(path, ArtifactKind(kind) if kind else detect_kind(path))
    report = judge(path, hashed=True)
    if artifact.digest is None or _digest(report, path) not in (artifact.digest, *artifact.aliases):
        raise InputError(
            "filesafety.not-bound",
            "The outcome cannot be bound to a digest: the files changed meanwhile, or not all could be read.",
            why=next((f"{item.path}: {item.rule}" for item in report.findings if item.rule in _UNBOUND), ""),
            remedy="Replace links by the files they point to, and let nothing write there meanwhile.",
        )
    return artifact, report, report.predicate(artifact.digest.hex, now)


def _digest(report: Report, path: Path) -> Digest | None:
    """Digest of the bytes that were judged: of the one file, or of the list of all of them."""
    from govkernel.domain.manifest import model_manifest_digest

    if not path.is_dir():
        return Digest.sha256(report.files[0].sha256) if report.files else None
    return model_manifest_digest({item.path: item.sha256 for item in report.files}) if report.files else None


def _attested(
    path: Path, kind: str, key: str, names: list[str], out: Path | None, config: Path | None
) -> tuple[Report, list[Path]]:
    from govkernel.config import load_settings
    from govkernel.provenance import NamedBundle, attest

    settings = load_settings(config)
    signer = open_signer(key, settings)
    if kind and kind not in set(ArtifactKind):
        raise InputError(
            "cli.kind",
            f"There is no artifact kind {kind!r}.",
            remedy=f"Use one of {', '.join(ArtifactKind)}.",
        )
    artifact, report, predicate = file_safety(path, kind, datetime.now(UTC))
    content = attest(artifact, predicates.FILE_SAFETY, predicate, signer, names)
    return report, keep([NamedBundle(".file-safety.sigstore.json", content)], path, out, settings)


def _document(report: Report, written: list[Path]) -> dict[str, Any]:
    from govkernel.filesafety.interface import printable
    from govkernel.filesafety.judge import MAX_PATH

    return {
        "verdict": report.verdict.value,
        "complete": report.complete,
        "files": [
            {
                "path": printable(item.path, MAX_PATH),
                "format": item.format,
                "size": item.size,
                "sha256": item.sha256 or None,
            }
            for item in report.files
        ],
        "findings": [
            {"path": item.path, "rule": item.rule, "verdict": item.verdict.value, "detail": item.detail}
            for item in report.findings
        ],
        "bundles": [str(path) for path in written],
    }


def _show(report: Report, path: Path, written: list[Path]) -> None:
    from govkernel.filesafety import RULES

    mark = {"safe": "[green]✓[/] safe", "unsafe": "[red]✗[/] unsafe", "unknown": "[yellow]?[/] cannot tell"}
    say(f"{mark[report.verdict]}: {plain(path)}, {len(report.files)} files")
    for item in report.findings[:_SHOWN]:
        detail = f": {item.detail}" if item.detail else ""
        say(f"  {item.verdict.value:7} {plain(item.path)}  {item.rule}{plain(detail)}")
        say(f"          {plain(RULES[item.rule].meaning)}")
    if len(report.findings) > _SHOWN:
        say(f"  and {len(report.findings) - _SHOWN} more")
    for bundle in written:
        say(f"  bundle  {plain(bundle)}")
