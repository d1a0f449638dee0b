"""What the commands that sign have in common: opening the key, and putting bundles where verifiers look."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from govkernel.config import Settings
from govkernel.domain import Artifact
from govkernel.domain.predicates import VSA
from govkernel.errors import ConfigError, InputError
from govkernel.files import replace_file
from govkernel.hookspecs import SigningKey

if TYPE_CHECKING:
    from govkernel.provenance import NamedBundle
    from govkernel.provenance.seal import Sealer
    from govkernel.provenance.stamping import TimestampService

_URI = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:")
"""How the URI of a key begins that a plugin opens; ``file:`` and all else is a path."""

AMBIENT_SECONDS = 30.0
"""For a CI system to give a token; some of its programs and endpoints know no limit themselves."""

KEYLESS = "keyless"
"""What ``--key`` says to sign with an identity instead of a key."""

Key = Annotated[
    str, typer.Option("--key", help="Private key: a PEM file, or the URI of a key a plugin opens.")
]
SignerKey = Annotated[
    str,
    typer.Option(
        "--key",
        help="Private key: a PEM file, or the URI of a key a plugin opens; "
        "or keyless, with the identity of this CI job or in SIGSTORE_ID_TOKEN.",
    ),
]
Certificate = Annotated[
    Path | None,
    typer.Option("--certificate", help="Certificate of the key (PEM), then those between it and the root."),
]
TrustConfig = Annotated[
    Path | None,
    typer.Option(
        "--trust-config",
        help="For keyless: ClientTrustConfig of the Sigstore instance [default: the public one].",
    ),
]
TimestampUrl = Annotated[
    str | None,
    typer.Option(
        "--timestamp-url",
        help="Timestamp authority (RFC 3161) that says when it was signed; empty for none [default: [signing] tsa].",
    ),
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
        PluginError: the plugin raised, hung, or returned nonsense.
    """
    from govkernel.assemble import plugin_host
    from govkernel.provenance.keys import LocalKeyProvider
    from govkernel.provenance.plugin_keys import open_plugin_key

    if not _URI.match(key) or _is_file(key):
        secret = os.environ.get("GOVKERNEL_KEY_PASSPHRASE", "")
        return LocalKeyProvider(passphrase=secret.encode() or None).open(key)
    opened = open_plugin_key(plugin_host(settings), key)
    if opened is None:
        raise ConfigError(
            "key.unknown-scheme",
            f"No plugin opens keys of the form {key.partition(':')[0]}:.",
            remedy="Give a PEM file, or install the plugin for this key store, e.g. govkernel-signers.",
        )
    return opened


def _is_file(key: str) -> bool:
    try:
        return Path(key).is_file()
    except (OSError, ValueError):  # longer than a name may be, or with characters that none has
        return False


def open_signer(
    key: str,
    settings: Settings,
    certificate: Path | None = None,
    trust_config: Path | None = None,
    timestamp_url: str | None = None,
) -> SigningKey | Sealer:
    """Whoever signs: a key, a key with its certificate, or an identity; with the time, if an authority is to say it.

    Raises:
        InputError: ``cli.signer``: options that do not go together; ``certificate.*``.
        ConfigError: as :func:`open_key`, ``certificate.*``, ``keyless.no-identity``, ``timestamp.url``.
    """
    from govkernel.cli.anchoring import read_anchor
    from govkernel.provenance.seal import CertificateSealer, KeylessSealer, KeySealer

    keyless = key == KEYLESS
    if (keyless and (certificate or timestamp_url)) or (trust_config and not keyless):
        raise InputError(
            "cli.signer",
            "These options do not go together.",
            why="Certificates and timestamps belong to keys; an instance's timestamps stand in its configuration.",
            remedy="Give --key K [--certificate C] [--timestamp-url U], or --key keyless [--trust-config T].",
        )
    if keyless:
        return KeylessSealer(read_anchor(trust_config) if trust_config else None, _identity_token())
    opened = open_key(key, settings)
    stamper = _stamper(settings, timestamp_url)
    if certificate is None:
        return KeySealer(opened, stamper)
    return CertificateSealer.of(opened, read_anchor(certificate), datetime.now(UTC), stamper)


def _stamper(settings: Settings, url: str | None) -> TimestampService | None:
    from govkernel.cli.anchoring import read_anchor
    from govkernel.provenance.stamping import TimestampService
    from govkernel.provenance.time_authorities import read_time_authorities

    where = settings.signing.tsa if url is None else url
    if not where:
        return None
    roots = settings.signing.tsa_ca
    times = read_time_authorities(read_anchor(settings.path(roots))) if roots else ()
    return TimestampService(where, times)


def _identity_token() -> str:
    """The token in SIGSTORE_ID_TOKEN, else that of the CI system this runs in; nobody is asked for one."""
    token = os.environ.get("SIGSTORE_ID_TOKEN", "") or _ambient_token()
    if not token:
        raise _no_identity("SIGSTORE_ID_TOKEN is empty, and this is no CI job that may have a token.")
    return token


def _ambient_token() -> str:
    """The token of this CI job; empty when it is none.

    Raises:
        ConfigError: ``keyless.no-identity``: it is one, and its system gives no token, or none in time.
    """
    from govkernel.provenance.deadline import within

    try:
        from sigstore.oidc import detect_credential
    except ImportError:
        return ""
    late = _no_identity(f"The CI system gave no token within {AMBIENT_SECONDS:.0f} seconds.")
    try:
        return within(AMBIENT_SECONDS, detect_credential, late) or ""
    except ConfigError:
        raise
    except Exception as error:  # what it says may quote what the system answered, so only its kind is told
        raise _no_identity(
            f"The CI system gave no token: {type(error.__cause__ or error).__name__}."
        ) from None


def _no_identity(why: str) -> ConfigError:
    return ConfigError(
        "keyless.no-identity",
        "There is no identity to sign with.",
        why=why,
        remedy="In GitHub Actions grant `id-token: write`; elsewhere set SIGSTORE_ID_TOKEN.",
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
    from govkernel.provenance import NamedBundle, attest

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
