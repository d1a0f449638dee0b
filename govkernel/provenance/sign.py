"""Sign artifacts and attest predicates about them: in-toto Statement v1, DSSE, Sigstore bundle v0.3.

Model directories get an OMS bundle, which model-signing can verify too. Names that are not the base name
(``mlflow://models/minilm/1``) are bound to our subject digest by a companion ``signature`` statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from govkernel.domain import Artifact, ArtifactKind
from govkernel.domain.manifest import MANIFEST_KINDS
from govkernel.domain.predicates import OMS_SIGNATURE, REVOCATION, SIGNATURE
from govkernel.errors import ProvenanceError
from govkernel.hookspecs import SigningKey
from govkernel.provenance.digest import artifact_of, read
from govkernel.provenance.oms import oms_payload
from govkernel.provenance.predicates import check_predicate, resolve_type
from govkernel.provenance.seal import Sealer, sealer_of
from govkernel.provenance.statement import statement_bytes

SUFFIX: Final = ".sigstore.json"
NAMES_SUFFIX: Final = ".names.sigstore.json"


@dataclass(frozen=True)
class NamedBundle:
    """A bundle to write beside its artifact.

    Attributes:
        suffix: what to append to the artifact's path.
        content: bytes of the bundle.
    """

    suffix: str
    content: bytes


@dataclass(frozen=True)
class SignedArtifact:
    """What was signed, and the bundles that say so; the first is the main one."""

    artifact: Artifact
    bundles: tuple[NamedBundle, ...]


def sign_artifact(
    path: Path,
    kind: ArtifactKind,
    key: SigningKey | Sealer,
    name: str | None = None,
    *,
    names: Sequence[str] = (),
    now: datetime | None = None,
) -> SignedArtifact:
    """Sign what lies at ``path``.

    Args:
        path: a file or a directory, read completely.
        kind: what it is.
        key: signs.
        name: a name to bind to the content, e.g. ``prompt://team/greeting@v1``; also the artifact's name.
        names: further names to bind.
        now: stated as the time of signing, if given; aware.

    Raises:
        ProvenanceError: it cannot be signed: empty, links, unsafe names, …
        InputError: a prompt that cannot be read.
    """
    manifest, files = read(path)
    artifact = artifact_of(path, kind, name, manifest, files)
    bound = tuple(dict.fromkeys((*([name] if name else []), *names)))
    said: dict[str, Any] = {"kind": kind.value}
    if now is not None:
        said["signedOn"] = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind not in MANIFEST_KINDS:
        return SignedArtifact(artifact, (NamedBundle(SUFFIX, attest(artifact, SIGNATURE, said, key, bound)),))
    payload = oms_payload(manifest, path.absolute().name)
    bundles = [NamedBundle(SUFFIX, sealer_of(key).seal(payload, oms=True))]
    if bound or kind is not ArtifactKind.MODEL:  # OMS binds no name, and knows no kind but models
        bundles.append(NamedBundle(NAMES_SUFFIX, attest(artifact, SIGNATURE, said, key, bound)))
    return SignedArtifact(artifact, tuple(bundles))


def attest(
    subject: Artifact,
    predicate_type: str,
    predicate: Mapping[str, Any],
    key: SigningKey | Sealer,
    names: Sequence[str] = (),
) -> bytes:
    """A bundle that states a predicate about an artifact.

    Args:
        subject: the artifact; only its subject digest is stated, never a weaker alias.
        predicate_type: short name or URI. A URI we do not know is signed without a schema check.
        predicate: the claim.
        key: signs.
        names: subject names; default is the artifact's name, or base name if it is a local path.

    Raises:
        ConfigError: ``predicate.unknown-name``.
        ProvenanceError: ``provenance.predicate-invalid``, ``provenance.predicate-reserved`` or
            ``provenance.unresolved``.
        InputError: the predicate has no canonical form.
    """
    uri = resolve_type(predicate_type)
    if uri == OMS_SIGNATURE:
        raise ProvenanceError(
            "provenance.predicate-reserved",
            "An OMS signature is made by signing a model, not by attesting.",
            remedy="Use `govkernel sign model PATH`.",
        )
    if subject.digest is None:
        raise ProvenanceError(
            "provenance.unresolved",
            f"{subject.name!r} has no digest, so nothing can be stated about it.",
            remedy="Give a path, or a name that is pinned by digest.",
        )
    if uri == REVOCATION:
        raise ProvenanceError(
            "provenance.predicate-reserved",
            "A revocation is made by revoking, not by attesting.",
            remedy="Use `govkernel trust revoke`.",
        )
    check_predicate(uri, predicate)
    digests = {subject.digest.algorithm: subject.digest.hex}
    payload = statement_bytes([(name, digests) for name in names or (_name(subject),)], uri, predicate)
    return sealer_of(key).seal(payload)


def _name(subject: Artifact) -> str:
    local = subject.name.removeprefix("file:")
    return subject.name if local == subject.name else Path(local).absolute().name
