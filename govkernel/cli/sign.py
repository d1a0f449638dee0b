"""``govkernel sign``: models, adapters, tokenizers, prompts and datasets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from govkernel.cli.output import Config, Json, finish, plain, say
from govkernel.cli.signing import Key, Name, Out, described, keep, open_key
from govkernel.domain import ArtifactKind

app = typer.Typer(no_args_is_help=True, help="Sign a model, an adapter, a tokenizer, a prompt or a dataset.")
Artifact = Annotated[Path, typer.Argument(help="File or folder.")]


@app.command()
def model(
    path: Artifact, key: Key, name: Name = None, out: Out = None, config: Config = None, as_json: Json = False
) -> None:
    """Sign a model: an OpenSSF Model Signing bundle over every file of it, names included."""
    _sign(path, ArtifactKind.MODEL, key, name or [], out, config, as_json)


@app.command()
def prompt(
    path: Artifact, key: Key, name: Name = None, out: Out = None, config: Config = None, as_json: Json = False
) -> None:
    """Sign a prompt in its canonical form: re-indenting it changes nothing, changing a word does."""
    _sign(path, ArtifactKind.PROMPT, key, name or [], out, config, as_json)


@app.command()
def dataset(
    path: Artifact, key: Key, name: Name = None, out: Out = None, config: Config = None, as_json: Json = False
) -> None:
    """Sign a dataset: a file by its bytes, a folder by its files and their names."""
    _sign(path, ArtifactKind.DATASET, key, name or [], out, config, as_json)


@app.command()
def adapter(
    path: Artifact, key: Key, name: Name = None, out: Out = None, config: Config = None, as_json: Json = False
) -> None:
    """Sign an adapter, e.g. a LoRA: like a model, and as an adapter."""
    _sign(path, ArtifactKind.ADAPTER, key, name or [], out, config, as_json)


@app.command()
def tokenizer(
    path: Artifact, key: Key, name: Name = None, out: Out = None, config: Config = None, as_json: Json = False
) -> None:
    """Sign a tokenizer: like a model, and as a tokenizer."""
    _sign(path, ArtifactKind.TOKENIZER, key, name or [], out, config, as_json)


def _sign(
    path: Path,
    kind: ArtifactKind,
    key: str,
    names: list[str],
    out: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    from govkernel.config import load_settings
    from govkernel.provenance import sign_artifact

    settings = load_settings(config)
    signed = sign_artifact(path, kind, open_key(key, settings), names=names, now=datetime.now(UTC))
    written = keep(signed.bundles, path, out, settings)

    def text() -> None:
        say(f"[green]✓[/] signed {kind.value} {plain(path)}")
        say(f"  digest  {signed.artifact.digest}")
        for item in written:
            say(f"  bundle  {plain(item)}")

    finish(True, described(signed.artifact, written), as_json=as_json, text=text)
