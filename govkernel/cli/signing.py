"""What the commands that sign have in common: opening the key, and putting bundles where verifiers look."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from govkernel.config import Settings
from govkernel.domain import Artifact
from govkernel.domain.predicates import VSA
from govkernel.errors import ConfigError, InputError
from govkernel.files import replace_file
from govkernel.hookspecs import SigningKey
from govkernel.provenance import LocalKey, NamedBundle

Key = Annotated[
    str, typer.Option("--key", help="Private key: a PEM file, or the URI of a key a plugin opens.")
]
Name = Annotated[
    list[str] | None,
    typer.Option(
        "--name", help="Name the signature binds to the content, e.g. mlflow://models/minilm/1; repeatable."
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Where to write the bundle [default: beside the artifact].")
]


def open_key(key: str, settings: Settings) -> SigningKey:
    """The signing key; a file is unlocked with GOVKERNEL_KEY_PASSPHRASE.

    Raises:
        ConfigError: no such key, it cannot be opened, or no plugin knows the scheme.
    """
    scheme, colon, _ = key.partition("://")
    if not colon:
        secret = os.environ.get("GOVKERNEL_KEY_PASSPHRASE", "")
        return LocalKey.load(Path(key), secret.encode() or None)
    from govkernel.assemble import plugin_host

    host = plugin_host(settings)
    for provider in host.providers("govkernel_signing_keys"):
        if scheme in provider.value.schemes:
            opened: SigningKey = provider.value.open(key)
            return opened
    raise ConfigError(
        "key.unknown-scheme",
        f"No plugin opens keys of the form {scheme}://.",
        remedy="Give a PEM file, or install the plugin for this key store.",
    )


def keep(bundles: Sequence[NamedBundle], path: Path, out: Path | None, settings: Settings) -> list[Path]:
    """Write bundles beside the artifact (the first to ``out``, if given) and into the workspace's store.

    Raises:
        InputError: ``cli.unwritable``.
    """
    from govkernel.provenance import BundleStore

    written: list[Path] = []
    for position, bundle in enumerate(bundles):
        target = (
            out if out is not None and position == 0 else Path(f"{os.path.normpath(path)}{bundle.suffix}")
        )
        try:
            replace_file(target, bundle.content)
        except OSError as error:
            raise InputError(
                "cli.unwritable",
                f"The bundle {target} cannot be written.",
                why=str(error),
                remedy="Use --out.",
            ) from None
        written.append(target)
    store = settings.path(settings.trust.attestations)
    if store.is_dir():
        for bundle in bundles:
            BundleStore(store).add(bundle.content)
    return written


def keep_summaries(
    stated: Iterable[tuple[Artifact, dict[str, Any]]], key: SigningKey, settings: Settings
) -> None:
    """Sign verification summaries, beside the artifacts and into the workspace's store.

    Raises:
        InputError: ``cli.unwritable``.
    """
    from govkernel.provenance import attest

    for artifact, predicate in stated:
        content = attest(artifact, VSA, predicate, key, [])
        path = Path(artifact.name.removeprefix("file:"))
        keep([NamedBundle(".vsa.sigstore.json", content)], path, None, settings)


def described(artifact: Artifact, written: Sequence[Path]) -> dict[str, object]:
    """What was signed, for machines."""
    return {
        "kind": artifact.kind.value,
        "name": artifact.name,
        "digest": str(artifact.digest),
        "bundles": [str(path) for path in written],
    }
