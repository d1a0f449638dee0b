"""Keys, artifacts and a trust policy to test with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govkernel.provenance import LocalKey, TrustPolicy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def policy(rules: str, **keys: LocalKey) -> TrustPolicy:
    """A trust policy with the given rules and keys, each valid for ever."""
    entries = [{"name": name, "publicKey": key.public_key_pem().decode()} for name, key in keys.items()]
    return TrustPolicy.parse(f"version: 1\nkeys: {json.dumps(entries)}\n{rules}".encode())


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def key() -> LocalKey:
    return LocalKey.generate("ecdsa-p256")


@pytest.fixture(scope="session")
def stranger() -> LocalKey:
    return LocalKey.generate("ecdsa-p256")


@pytest.fixture
def trust(key: LocalKey) -> TrustPolicy:
    return policy('rules: [{signers: [alice], may: ["*"]}]', alice=key)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    root = tmp_path / "minilm"
    (root / "onnx").mkdir(parents=True)
    (root / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}" + b"weights")
    (root / "config.json").write_text("{}")
    (root / "onnx" / "model.onnx").write_bytes(b"\x08\x07")
    (root / "onnx.txt").write_text("sorts between in one order and not in the other")
    return root


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    path = tmp_path / "greeting.yaml"
    path.write_text("template: Hello {name}\nrole: system\nvariables: [name]\n")
    return path


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "faq.jsonl"
    path.write_text('{"q": "why", "a": "because"}\n')
    return path
