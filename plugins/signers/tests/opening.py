"""Opening a key as the command line does, and what its signatures and refusals have to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from govkernel_signers import SignersPlugin

from govkernel.domain import ArtifactKind
from govkernel.errors import GovkernelError
from govkernel.hookspecs import SigningKey
from govkernel.plugins import PluginHost
from govkernel.provenance import sign_artifact, verify_path
from govkernel.provenance.plugin_keys import open_plugin_key
from tests.simulators.key_stores import BEARER, MSI_SECRET, VAULT_TOKEN
from tests.simulators.softhsm import PIN

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SECRETS = (VAULT_TOKEN, MSI_SECRET, BEARER, PIN, "aws-very-secret")


def open_uri(uri: str, config: dict[str, Any]) -> SigningKey:
    """As the command line opens it: through the host, which checks every signature."""
    host = PluginHost()
    host.register("signers", SignersPlugin(config))
    assert not host.broken()
    key = open_plugin_key(host, uri)
    assert key is not None
    return key


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(GovkernelError) as caught:
        call()
    told = f"{caught.value.as_dict()}"
    assert caught.value.remedy
    assert not any(secret in told for secret in SECRETS)
    return caught.value.code


def check(key: SigningKey, folder: Path) -> None:
    """What the key signs is verified as what a local key signs is: OMS bundle and statement alike."""
    model = folder / "model"
    model.mkdir()
    (model / "weights.safetensors").write_bytes(b"\0" * 64)
    signed = sign_artifact(model, ArtifactKind.MODEL, key, names=["mlflow://models/it/1"], now=NOW)
    assert len(signed.bundles) == 2
    for bundle in signed.bundles:
        outcome = verify_path(model, bundle.content, key.public_key_pem(), ArtifactKind.MODEL, now=NOW)
        assert getattr(outcome, "signers", None), outcome
