"""Whoever signs on the command line takes the URI of a key in a store; here Vault's transit engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("govkernel_signers", reason="pip install govkernel-signers (here: make setup)")

from tests.cli.conftest import KEY, Run
from tests.cli.test_layout import Chain, public
from tests.simulators.key_stores import VAULT_TOKEN, Vault, pem, serving

URI = "vault://transit/release"
APPROVAL = {"approver": "release", "role": "owner", "decision": "approve"}


@pytest.fixture
def vault(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """A Vault whose key the workspace trusts for everything, revocation included."""
    with serving(Vault()) as running:
        monkeypatch.setenv("VAULT_TOKEN", VAULT_TOKEN)
        config = Path("govkernel.toml")
        config.write_text(
            config.read_text() + f'\n[plugins.settings.signers.vault]\naddress = "{running.url}"\n'
        )
        Path("vault.pub").write_bytes(pem(running.key))
        trust = Path(".govkernel/trust.yaml")
        text = trust.read_text().replace("keys:\n", "keys:\n  - name: vault\n    publicKey: ../vault.pub\n")
        trust.write_text(text.replace("rules:\n", "rules:\n  - signers: [vault]\n    may: ['*']\n"))
        yield running


@pytest.mark.parametrize("kind", ["model", "prompt", "dataset", "adapter", "tokenizer"])
def test_signing(run: Run, vault: Vault, kind: str) -> None:
    Path("data.jsonl").write_text("{}\n")
    Path("prompt.txt").write_text("Be kind.")
    what = {"dataset": "data.jsonl", "prompt": "prompt.txt"}.get(kind, "model")
    signed = run("sign", kind, what, "--key", URI, "--out", "it.json")
    assert signed.code == 0, signed.err
    assert run("verify", what, "--bundle", "it.json", "--key", "vault.pub").code == 0
    assert run("verify", what, "--bundle", "it.json").code == 0


def test_attesting(run: Run, vault: Vault) -> None:
    Path("claim.json").write_text(json.dumps(APPROVAL))
    said = run(
        "attest", "model", "--type", "approval", "--predicate", "claim.json", "--key", URI, "--out", "it.json"
    )
    assert said.code == 0, said.err
    assert run("verify", "model", "--bundle", "it.json", "--key", "vault.pub", "--type", "approval").code == 0


def test_a_gate_and_its_summary(run: Run, vault: Vault, approved: Path) -> None:
    gated = run("gate", "model", "--action", "deploy", "--vsa-key", URI)
    assert gated.code == 0, gated.out
    assert run("verify", "model", "--bundle", "model.vsa.sigstore.json", "--key", "vault.pub").code == 0


def test_a_layout_and_its_summary(run: Run, vault: Vault) -> None:
    chain = Chain(Path())
    files = {f"model/{path.name}": path.read_bytes() for path in Path("model").iterdir()}
    for path in Path("model").iterdir():
        path.write_bytes(b"weights")
    chain.sign()
    chain.link(*files)
    Path("owner.pub").write_bytes(public(chain.owner))
    asked = ("--layout", "root.layout", "--links", ".", "--key", "owner.pub", "--vsa-key", URI)
    verified = run("layout", "model", *asked)
    assert verified.code == 0, verified.out + verified.err
    assert run("verify", "model", "--bundle", "model.vsa.sigstore.json", "--key", "vault.pub").code == 0


def test_revoking(run: Run, vault: Vault) -> None:
    assert run("sign", "model", "model", "--key", URI).code == 0
    assert run("trust", "explain", "model").code == 0
    revoked = run("trust", "revoke", "--artifact", "model", "--reason", "Bad data.", "--key", URI)
    assert revoked.code == 0, revoked.err
    assert "Bad data. (revoked by vault)" in run("trust", "explain", "model").out


def test_growing_a_dataset_and_scanning(run: Run, vault: Vault) -> None:
    shards = Path("shards")
    shards.mkdir()
    (shards / "0.jsonl").write_text("{}\n")
    assert run("dataset", "tree", "shards", "--key", URI).code == 0
    scanned = run("scan", "model", "--attest", "--key", URI)
    assert scanned.code == 0, scanned.err


def test_a_store_that_says_no_writes_nothing(run: Run, vault: Vault) -> None:
    vault.status = 403
    refused = run("sign", "model", "model", "--key", URI, "--out", "it.json", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "signer.credentials")
    assert not Path("it.json").exists()
    assert VAULT_TOKEN not in refused.out + refused.err


def test_a_scheme_that_nobody_opens(run: Run, model: Path) -> None:
    for uri in ("safe://release", "safe:release", f"safe:{'x' * 300}"):
        refused = run("sign", "model", "model", "--key", uri, "--json")
        assert (refused.code, refused.json()["error"]["code"]) == (2, "key.unknown-scheme")


def test_files_are_files_whatever_they_are_called(run: Run, model: Path) -> None:
    Path("team:release.key").write_bytes(Path(KEY).read_bytes())
    for key in ("team:release.key", f"file:{KEY}"):
        assert run("sign", "model", "model", "--key", key).code == 0
