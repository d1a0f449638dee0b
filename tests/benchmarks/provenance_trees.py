"""Directories of files: hashed, signed, verified, by us, by bare SHA-256 and by model-signing."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from govkernel.domain import ArtifactKind
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance import LocalKey, sign_artifact, verify_path
from govkernel.provenance.files import hash_tree

MEBIBYTE = 1024 * 1024
BLOCK = os.urandom(MEBIBYTE)


def tree(root: Path, count: int, size: int) -> Path:
    """A directory of ``count`` files of ``size`` bytes, no two alike."""
    root.mkdir()
    for number in range(count):
        with (root / f"part-{number:05}.safetensors").open("wb") as stream:
            stream.write(number.to_bytes(8, "big"))
            rest = size - 8
            while rest > 0:
                rest -= stream.write(BLOCK[:rest])
    return root


def hashing(root: Path, amount: int) -> dict[str, Callable[[], int]]:
    """Digests of every file: ours, model-signing's default, and two bare loops; the last reads files too."""
    from model_signing import hashing as theirs

    files = sorted(root.iterdir())
    sizes = [path.stat().st_size for path in files]
    cores = len(os.sched_getaffinity(0))
    config = theirs.Config()

    def in_memory(size: int) -> None:
        hasher = hashlib.sha256()
        while size > 0:
            hasher.update(BLOCK[:size] if size < MEBIBYTE else BLOCK)
            size -= MEBIBYTE

    def on_all_cores(work: Callable[..., None], items: list[object]) -> int:
        if len(items) > 1000:  # threads would make small files slower
            for item in items:
                work(item)
        else:
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(work, items))
        return amount

    return {
        "govkernel": lambda: len(hash_tree(root)) and amount,
        "model-signing": lambda: amount if config.hash(root) else 0,
        "bare SHA-256 of memory, all cores": lambda: on_all_cores(in_memory, list(sizes)),
        "bare SHA-256 of the files, all cores": lambda: on_all_cores(_bare, list(files)),
    }


def signing(model: Path, root: Path, amount: int) -> dict[str, Callable[[], int]]:
    """Signing and verifying, ours and theirs."""
    return _ours(model, amount) | _theirs(model, root, amount)


def memory(root: Path) -> Iterator[tuple[int, float]]:
    """Size of a file and peak of what was allocated to hash it, both in MiB."""
    for size in (1, 64, 1024):
        folder = tree(root / f"memory-{size}", 1, size * MEBIBYTE)
        tracemalloc.start()
        hash_tree(folder)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        yield size, peak / MEBIBYTE


def _bare(path: Path) -> None:
    with path.open("rb") as stream:
        hashlib.file_digest(stream, "sha256").hexdigest()


def _ours(model: Path, amount: int) -> dict[str, Callable[[], int]]:
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
    key, public, signature = root / "their.key", root / "their.pub", root / f"{model.name}.sig"
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
