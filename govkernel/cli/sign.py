"""``govkernel sign``: models, adapters, tokenizers, prompts and datasets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from govkernel.cli.output import Config, Json, finish, path_argument, plain, say
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
from govkernel.domain import ArtifactKind

app = typer.Typer(no_args_is_help=True, help="Sign a model, an adapter, a tokenizer, a prompt or a dataset.")
Artifact = Annotated[Path, path_argument("File or folder.")]


class _Signer(NamedTuple):
    """The options that say who signs."""

    key: str
    certificate: Path | None
    trust_config: Path | None
    timestamp_url: str | None


@app.command()
def model(
    path: Artifact,
    key: SignerKey,
    certificate: Certificate = None,
    trust_config: TrustConfig = None,
    timestamp_url: TimestampUrl = None,
    name: Name = None,
    out: Out = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign a model: an OpenSSF Model Signing bundle over every file of it, names included."""
    signer = _Signer(key, certificate, trust_config, timestamp_url)
    _sign(path, ArtifactKind.MODEL, signer, name or [], out, config, as_json)


@app.command()
def prompt(
    path: Artifact,
    key: SignerKey,
    certificate: Certificate = None,
    trust_config: TrustConfig = None,
    timestamp_url: TimestampUrl = None,
    name: Name = None,
    out: Out = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign a prompt in its canonical form: re-indenting it changes nothing, changing a word does."""
    signer = _Signer(key, certificate, trust_config, timestamp_url)
    _sign(path, ArtifactKind.PROMPT, signer, name or [], out, config, as_json)


@app.command()
def dataset(
    path: Artifact,
    key: SignerKey,
    certificate: Certificate = None,
    trust_config: TrustConfig = None,
    timestamp_url: TimestampUrl = None,
    name: Name = None,
    out: Out = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign a dataset: a file by its bytes, a folder by its files and their names."""
    signer = _Signer(key, certificate, trust_config, timestamp_url)
    _sign(path, ArtifactKind.DATASET, signer, name or [], out, config, as_json)


@app.command()
def adapter(
    path: Artifact,
    key: SignerKey,
    certificate: Certificate = None,
    trust_config: TrustConfig = None,
    timestamp_url: TimestampUrl = None,
    name: Name = None,
    out: Out = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign an adapter such as a LoRA: like a model, and as an adapter."""
    signer = _Signer(key, certificate, trust_config, timestamp_url)
    _sign(path, ArtifactKind.ADAPTER, signer, name or [], out, config, as_json)


@app.command()
def tokenizer(
    path: Artifact,
    key: SignerKey,
    certificate: Certificate = None,
    trust_config: TrustConfig = None,
    timestamp_url: TimestampUrl = None,
    name: Name = None,
    out: Out = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Sign a tokenizer: like a model, and as a tokenizer."""
    signer = _Signer(key, certificate, trust_config, timestamp_url)
    _sign(path, ArtifactKind.TOKENIZER, signer, name or [], out, config, as_json)


def _sign(
    path: Path,
    kind: ArtifactKind,
    signer: _Signer,
    names: list[str],
    out: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    from govkernel.config import load_settings
    from govkernel.provenance import sign_artifact

    settings = load_settings(config)
    key = open_signer(signer.key, settings, signer.certificate, signer.trust_config, signer.timestamp_url)
    signed = sign_artifact(path, kind, key, names=names, now=datetime.now(UTC))
    written = keep(signed.bundles, path, out, settings)

    def text() -> None:
        say(f"[green]✓[/] signed {kind.value} {plain(path)}")
        say(f"  digest  {signed.artifact.digest}")
        for item in written:
            say(f"  bundle  {plain(item)}")

    finish(True, described(signed.artifact, written), as_json=as_json, text=text)
