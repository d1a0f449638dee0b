"""``govkernel attest``: a signed statement about an artifact."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from govkernel.cli.output import Config, Json, finish, path_argument, plain, read_named, say
from govkernel.cli.signing import (
    Certificate,
    Name,
    Out,
    SignerKey,
    TimestampUrl,
    TrustConfig,
    described,
    keep,
    open_signer,
)
from govkernel.domain import Artifact, predicates, strict_json
from govkernel.errors import InputError


def attest(
    path: Annotated[Path, path_argument("The artifact: file or folder.")],
    type_: Annotated[
        str, typer.Option("--type", help="Predicate type: a short name such as evaluation-result, or a URI.")
    ],
    key: SignerKey,
    predicate: Annotated[
        Path | None,
        typer.Option("--predicate", help="The claim: a JSON file; for model-card also a README.md."),
    ] = None,
    compute: Annotated[
        bool,
        typer.Option(
            "--compute",
            help="Compute the claim instead: evaluation-result (with --suite), pii-scan or file-safety.",
        ),
    ] = False,
    suite: Annotated[
        Path | None, typer.Option("--suite", help="Evaluation suite (JSONL) for --compute.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="model, prompt, dataset, … [default: detected].")] = "",
    certificate: Certificate = None,
    trust_config: TrustConfig = None,
    timestamp_url: TimestampUrl = None,
    name: Name = None,
    out: Out = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign an in-toto statement about an artifact, with a claim from a file or one computed now."""
    from govkernel.config import load_settings
    from govkernel.domain import ArtifactKind
    from govkernel.provenance import NamedBundle, describe, detect_kind, resolve_type
    from govkernel.provenance import attest as sign_statement

    if (predicate is None) != compute:
        raise InputError(
            "cli.predicate",
            "There must be one source of the claim.",
            remedy="Give --predicate FILE or --compute.",
        )
    if kind and kind not in set(ArtifactKind):
        raise InputError(
            "cli.kind",
            f"There is no artifact kind {kind!r}.",
            remedy=f"Use one of {', '.join(ArtifactKind)}.",
        )
    settings = load_settings(config)
    uri = resolve_type(type_)
    subject = describe(path, ArtifactKind(kind) if kind else detect_kind(path))
    claim = _compute(uri, path, suite, subject) if predicate is None else _read(predicate, uri)
    _check_subject(uri, claim, subject)
    signer = open_signer(key, settings, certificate, trust_config, timestamp_url)
    content = sign_statement(subject, uri, claim, signer, name or [])
    written = keep([NamedBundle(f".{_short(uri)}.sigstore.json", content)], path, out, settings)

    def text() -> None:
        say(f"[green]✓[/] attested {plain(_short(uri))} about {plain(path)}")
        for line in _summary(uri, claim):
            say(f"  {plain(line)}")
        say(f"  bundle  {plain(written[0])}")

    document = {**described(subject, written), "predicateType": uri, "predicate": claim}
    finish(True, document, as_json=as_json, text=text)


def _read(path: Path, uri: str) -> dict[str, Any]:
    from govkernel.provenance.limits import MAX_CLAIM

    content = read_named(path, MAX_CLAIM, f"The claim {path}")
    if uri == predicates.MODEL_CARD and path.suffix.lower() == ".md":
        from govkernel.provenance.model_card import model_card

        return model_card(content)
    try:
        claim = strict_json.loads(content)
    except InputError as error:
        why = f"{error.what} {error.why}"
        raise InputError(
            error.code, f"The claim {path} cannot be read.", why=why, remedy=error.remedy
        ) from None
    if not isinstance(claim, dict):
        raise InputError(
            "cli.predicate",
            "A claim is a JSON object.",
            why=f"{path} holds {type(claim).__name__}.",
            remedy="See attestations/ for examples.",
        )
    return claim


def _check_subject(uri: str, claim: dict[str, Any], subject: Artifact) -> None:
    """A claim about files says which it is about; it must be these."""
    if uri != predicates.FILE_SAFETY or subject.digest is None:
        return
    if claim.get("checked") != {subject.digest.algorithm: subject.digest.hex}:
        raise InputError(
            "filesafety.other-files",
            "The claim is about other files than these.",
            why=f"They have the digest {subject.digest}.",
            remedy="Judge these files, and attest that.",
        )


def _compute(uri: str, path: Path, suite: Path | None, subject: Artifact) -> dict[str, Any]:
    if uri == predicates.PII_SCAN:
        from runtime_guard.scan import scan_path

        return scan_path(path, now=datetime.now(UTC)).predicate()
    if uri == predicates.FILE_SAFETY:
        from govkernel.cli.scan import file_safety

        return file_safety(path, subject.kind.value, datetime.now(UTC))[2]
    if uri == predicates.EVALUATION_RESULT:
        from runtime_guard.encoder.evaluate import evaluate

        return evaluate(path, suite, now=datetime.now(UTC))
    raise InputError(
        "cli.compute",
        f"Nothing here can compute a claim of type {uri}.",
        remedy="Compute it yourself and give it with --predicate.",
    )


def _short(uri: str) -> str:
    names = {value: short for short, value in predicates.SHORT_NAMES.items()}
    return names.get(uri) or "".join(char if char.isalnum() else "-" for char in uri.rsplit("//", 1)[-1])[:80]


def _summary(uri: str, claim: dict[str, Any]) -> list[str]:
    if uri == predicates.PII_SCAN:
        state = "complete" if claim["complete"] else "INCOMPLETE"
        return [f"{claim['records']} records, {claim['findings']} findings, {state}"]
    if uri == predicates.FILE_SAFETY:
        return [f"{claim['files']} files, {claim['verdict']}"]
    if uri == predicates.EVALUATION_RESULT:
        verdict = "passed" if claim["passed"] else "FAILED"
        return [f"{claim['suite']['name']}: score {claim['score']:.3f}, {verdict}"]
    return []
