"""Signing and verifying a model directory, beside model-signing on the same files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from govkernel.domain import ArtifactKind
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance import LocalKey, sign_artifact, verify_path
from tests.benchmarks.compare import interleaved, show

MEBIBYTE = 1024 * 1024


def main() -> None:
    """Print megabytes per second for a few large files, and files per second for many small ones."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for title, count, size, unit in (
            ("model of 4 files of 128 MiB", 4, 128 * MEBIBYTE, "MB/s"),
            ("model of 2,000 files of 8 KiB", 2000, 8 * 1024, "files/s"),
        ):
            model = root / title.replace(" ", "-")
            model.mkdir()
            for number in range(count):
                (model / f"part-{number:05}.safetensors").write_bytes(os.urandom(size))
            amount = count * size // 1_000_000 if unit == "MB/s" else count
            sides = _ours(model, root, amount) | _theirs(model, root, amount)
            for doing in ("sign", "verify"):
                show(
                    f"{doing} a {title}",
                    interleaved({k: v for k, v in sides.items() if k.endswith(doing)}),
                    unit,
                )


def _ours(model: Path, root: Path, amount: int) -> dict[str, Callable[[], int]]:
    key = LocalKey.generate()
    public = key.public_key_pem()
    bundle = sign_artifact(model, ArtifactKind.MODEL, key).bundles[0].content

    def sign() -> int:
        sign_artifact(model, ArtifactKind.MODEL, key)
        return amount

    def verify() -> int:
        found = verify_path(model, bundle, public, now=datetime.now(UTC))
        assert isinstance(found, VerifiedStatement)
        return amount

    return {"govkernel, sign": sign, "govkernel, verify": verify}


def _theirs(model: Path, root: Path, amount: int) -> dict[str, Callable[[], int]]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from model_signing import signing, verifying

    private = ec.generate_private_key(ec.SECP256R1())
    key, public, signature = root / "their.key", root / "their.pub", root / "their.sig"
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    signer = signing.Config().use_elliptic_key_signer(private_key=key)
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=public)

    def sign() -> int:
        signer.sign(model, signature)
        return amount

    def verify() -> int:
        verifier.verify(model, signature)
        return amount

    sign()
    return {"model-signing, sign": sign, "model-signing, verify": verify}


if __name__ == "__main__":
    main()
