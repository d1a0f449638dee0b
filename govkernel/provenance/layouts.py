"""in-toto layouts (in-toto specification 1.0): the links of a supply chain against the layout its owner signed.

The verification is in-toto's own. Commands are never run: a layout with inspections is refused, also below sublayouts.
in-toto is imported when a layout is verified, never before: it belongs to the extra ``sigstore``.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from govkernel.domain import Digest, strict_json
from govkernel.errors import ConfigError, GovkernelError, InputError, ProvenanceError
from govkernel.files import read_file
from govkernel.provenance.manifest import ModelManifest

if TYPE_CHECKING:
    from in_toto.models.metadata import Metadata

MAX_METADATA: Final = 4 * 1024 * 1024
"""Bytes of a layout or link."""

MAX_LINKS: Final = 1000

_CODES: Final = {
    "SignatureVerificationError": (
        "layout.signature",
        "A signature of the layout or of a link does not hold.",
    ),
    "LayoutExpiredError": ("layout.expired", "The layout has expired."),
    "LinkNotFoundError": ("layout.link-missing", "A step of the layout has fewer links than it needs."),
    "ThresholdVerificationError": ("layout.threshold", "Too few functionaries agree about a step."),
    "RuleVerificationError": ("layout.rule", "An artifact rule of the layout is not met."),
}
"""What in-toto raises, and what we call it."""


@dataclass(frozen=True)
class Product:
    """What a verified supply chain made.

    Attributes:
        files: SHA-256 hex by name, as the last step wrote them.
        layout: SHA-256 of the layout.
        links: SHA-256 of each link that was there.
    """

    files: Mapping[str, str]
    layout: Digest
    links: tuple[Digest, ...]

    def check(self, manifest: ModelManifest, base: str) -> None:
        """Refuse an artifact of which a file is not among the products.

        Args:
            manifest: the artifact's files.
            base: name of the artifact; products may be named with or without it in front.

        Raises:
            ProvenanceError: ``layout.product``.
        """
        for entry in manifest.files:
            names = (entry.path, f"{base}/{entry.path}")
            if not any(self.files.get(name) == entry.sha256 for name in names):
                raise ProvenanceError(
                    "layout.product",
                    f"{entry.path!r} is not what the last step of the layout made.",
                    why="No product has its name and its SHA-256.",
                    remedy="Restore the file, or run the supply chain again and keep its links.",
                )


def verify_layout(layout: bytes, links: Path, key: bytes) -> Product:
    """The product of a supply chain whose links satisfy a layout.

    Args:
        layout: the layout's metadata, a Metablock or a DSSE envelope.
        links: directory of the links.
        key: public key (PEM) of the layout's owner.

    Raises:
        ConfigError: ``layout.not-installed``, ``key.malformed``.
        InputError: ``layout.malformed``, ``layout.inspection``, ``layout.links``, ``json.*``.
        ProvenanceError: ``layout.*``: the check that failed.
    """
    try:
        from in_toto.models.metadata import Metadata  # noqa: PLC0415
        from in_toto.verifylib import in_toto_verify  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "layout.not-installed",
            "Layouts need in-toto, which is not installed.",
            remedy='pip install "govkernel[sigstore]"',
        ) from None
    try:
        document = strict_json.loads(layout, max_bytes=MAX_METADATA)
        metadata = Metadata.from_dict(document)
        _check_commands(metadata.get_payload())
        with tempfile.TemporaryDirectory() as place:
            kept = _keep(links, Path(place), Metadata)
            owner = _key(key, document)
            found = in_toto_verify(metadata, {owner["keyid"]: owner}, link_dir_path=place)
        return Product(_products(found), _sha256(layout), kept)
    except GovkernelError:
        raise
    except Exception as error:  # every way in which a stranger's metadata breaks a library is a refusal
        raise _refused(error) from None


def _keep(links: Path, place: Path, kind: type[Metadata]) -> tuple[Digest, ...]:
    """Copy the links, so that what is checked here is what is verified."""
    digests = []
    for number, path in enumerate(_listed(links)):
        content = read_file(path, MAX_METADATA)
        payload = kind.from_dict(strict_json.loads(content, max_bytes=MAX_METADATA)).get_payload()
        if number == MAX_LINKS or getattr(payload, "type_", "") != "link":
            raise InputError(
                "layout.links",
                f"{path.name!r} cannot be used.",
                why=f"There are more than {MAX_LINKS} links, or it is a layout: sublayouts are not supported.",
                remedy="Keep only the links of this layout's steps there.",
            )
        (place / path.name).write_bytes(content)
        digests.append(_sha256(content))
    return tuple(sorted(digests, key=str))


def _listed(links: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in links.iterdir() if path.suffix == ".link" and path.is_file())
    except OSError as error:
        raise InputError(
            "layout.links",
            f"The links in {str(links)!r} cannot be read.",
            why=error.strerror or str(error),
            remedy="Name the folder that holds the .link files.",
        ) from None


def _check_commands(payload: Any) -> None:
    if getattr(payload, "type_", "") != "layout":
        raise InputError("layout.malformed", "The metadata is not a layout.", remedy="Name the layout.")
    if payload.inspect:
        raise InputError(
            "layout.inspection",
            "The layout has inspections, which are commands to be run here.",
            why="No command that metadata names is run.",
            remedy="Have the inspection made as a step, by a functionary who signs its link.",
        )


def _key(pem: bytes, document: Mapping[str, Any]) -> dict[str, Any]:
    """The owner's key as in-toto has keys, under the id that the layout's first signature names."""
    from securesystemslib.signer._key import SSlibKey  # noqa: PLC0415

    try:
        key = SSlibKey.from_crypto(load_pem_public_key(pem))
    except (ValueError, TypeError) as error:
        raise ConfigError(
            "key.malformed",
            "The key is not a public key in PEM.",
            why=str(error)[:200],
            remedy="Check --key.",
        ) from None
    signatures = document.get("signatures")
    first = signatures[0] if isinstance(signatures, list) and signatures else {}
    named = first.get("keyid") if isinstance(first, Mapping) else None
    return {**key.to_dict(), "keyid": named if isinstance(named, str) and named else key.keyid}


def _products(link: Any) -> dict[str, str]:
    return {name: digests["sha256"] for name, digests in link.products.items() if "sha256" in digests}


def _sha256(content: bytes) -> Digest:
    return Digest.sha256(hashlib.sha256(content).hexdigest())


def _refused(error: Exception) -> GovkernelError:
    code, what = _CODES.get(
        type(error).__name__, ("layout.malformed", "The layout or a link cannot be used.")
    )
    return ProvenanceError(
        code,
        what,
        why=f"{type(error).__name__}: {str(error)[:300]}",
        remedy="Fetch the layout and its links again; if they are right, the artifact was made otherwise.",
    )
