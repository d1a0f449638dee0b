"""Signing with certificates and with identities: what is signed is verified by us and by the tools of strangers."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.cli.conftest import Run
from tests.simulators.x509 import Held, Recipe, authority, p256

ALICE = "alice@example.test"


class Office:
    """Certificates of Alice in a folder: a root, one below it, and her key."""

    def __init__(self, folder: Path, **leaf: Any) -> None:
        self.root = authority("root")
        between = authority("between", self.root, path_length=0)
        self.key = p256()
        self.leaf: Held = between.issue(Recipe(identities=(ALICE,), key=self.key, **leaf))
        (folder / "root.pem").write_bytes(self.root.pem)
        (folder / "chain.pem").write_bytes(self.leaf.pem + between.pem)
        secret = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "alice.key").write_bytes(secret)


ASK = ("--key", "alice.key", "--certificate", "chain.pem")
CHECK = ("--ca", "root.pem", "--identity", ALICE)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_certificate_is_believed_for_whoever_stands_above_it(run: Run, model: Path, kind: str) -> None:
    Office(Path())
    Path("data.jsonl").write_text("{}\n")
    what = "model" if kind == "model" else "data.jsonl"
    signed = run("sign", kind, what, *ASK, "--out", "it.json")
    assert signed.code == 0, signed.err
    verified = run("verify", what, "--bundle", "it.json", *CHECK)
    assert verified.code == 0, verified.out
    assert (
        run("verify", what, "--bundle", "it.json", "--ca", "root.pem", "--identity", "bob@x.test").code == 1
    )


def test_a_statement_under_a_certificate_is_evidence(run: Run, model: Path) -> None:
    Office(Path(".govkernel"))
    shutil.move(".govkernel/alice.key", "alice.key")
    shutil.move(".govkernel/chain.pem", "chain.pem")
    trust = Path(".govkernel/trust.yaml")
    more = f"""
authorities: [{{name: acme, certificates: root.pem}}]
identities: [{{name: alice, identity: {ALICE}, issuer: CN=root}}]
"""
    text = trust.read_text().replace(
        "rules:\n", f"{more.strip()}\nrules:\n  - signers: [alice]\n    may: [approval]\n"
    )
    trust.write_text(text)
    claim = {"approver": "alice", "role": "owner", "decision": "approve"}
    Path("claim.json").write_text(json.dumps(claim))
    assert run("attest", "model", "--type", "approval", "--predicate", "claim.json", *ASK).code == 0
    found = run("trust", "explain", "model", "--json").json()
    assert ["alice"] in [[signer["name"] for signer in item["signers"]] for item in found["accepted"]]


def test_model_signing_verifies_what_a_certificate_signed(run: Run, model: Path) -> None:
    pytest.importorskip("model_signing", reason='install "govkernel[oms]"')
    Office(Path())
    assert run("sign", "model", "model", *ASK, "--out", "model.sig").code == 0
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", "verify", "certificate", "model", "--signature", "model.sig",
         "--certificate_chain", "root.pem"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        ({"end": datetime.now(UTC) - timedelta(days=1)}, "certificate.expired"),
        ({"purposes": ()}, "certificate.not-code-signing"),
        ({"usages": ("key_cert_sign",)}, "certificate.key-usage"),
    ],
)
def test_nothing_is_signed_with_a_certificate_that_nobody_would_believe(
    run: Run, model: Path, leaf: dict[str, Any], code: str
) -> None:
    Office(Path(), **leaf)
    refused = run("sign", "model", "model", *ASK, "--out", "it.json", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, code)
    assert not Path("it.json").exists()


def test_a_certificate_of_another_key_is_refused(run: Run, model: Path) -> None:
    Office(Path())
    other = Path("other")
    other.mkdir()
    Office(other)
    refused = run(
        "sign", "model", "model", "--key", "other/alice.key", "--certificate", "chain.pem", "--json"
    )
    assert (refused.code, refused.json()["error"]["code"]) == (2, "certificate.other-key")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--key", "keyless", "--certificate", "chain.pem"),
        ("--key", "alice.key", "--trust-config", "chain.pem"),
    ],
)
def test_options_that_do_not_go_together(run: Run, model: Path, arguments: tuple[str, ...]) -> None:
    Office(Path())
    refused = run("sign", "model", "model", *arguments, "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "cli.signer")


@pytest.fixture
def instance(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """Our own Sigstore on loopback; its trust files and a token of Alice's are there."""
    pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')
    from tests.simulators.sigstore import Instance
    from tests.simulators.sigstore_http import serving, token, trust_config

    made = Instance()
    with serving(made) as url:
        Path("config.json").write_bytes(trust_config(made, url))
        Path("trusted_root.json").write_bytes(made.trusted_root())
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", token(url, ALICE, made))
        yield made, url


KEYLESS = ("--key", "keyless", "--trust-config", "config.json")


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_an_identity_is_enough(run: Run, model: Path, instance: tuple[Any, str], kind: str) -> None:
    Path("data.jsonl").write_text("{}\n")
    what = "model" if kind == "model" else "data.jsonl"
    signed = run("sign", kind, what, *KEYLESS, "--out", "it.json")
    assert signed.code == 0, signed.err
    who = ("--trusted-root", "trusted_root.json", "--identity", ALICE, "--issuer", instance[1])
    verified = run("verify", what, "--bundle", "it.json", *who)
    assert verified.code == 0, verified.out


def test_sigstore_python_verifies_what_an_identity_stated(
    run: Run, model: Path, instance: tuple[Any, str]
) -> None:
    Path("claim.json").write_text(json.dumps({"approver": "alice", "role": "owner", "decision": "approve"}))
    stated = run(
        "attest", "model", "--type", "approval", "--predicate", "claim.json", *KEYLESS, "--out", "it.json"
    )
    assert stated.code == 0, stated.err
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    verifier = Verifier(trusted_root=TrustedRoot.from_file("trusted_root.json"))
    bundle = Bundle.from_json(Path("it.json").read_bytes())
    _, payload = verifier.verify_dsse(bundle, Identity(identity=ALICE, issuer=instance[1]))
    assert json.loads(payload)["predicate"]["decision"] == "approve"


def test_without_an_identity_nobody_is_asked(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGSTORE_ID_TOKEN", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("govkernel.cli.signing._ambient_token", lambda: "")
    refused = run("sign", "model", "model", "--key", "keyless", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "keyless.no-identity")


@pytest.mark.parametrize("fault", ["token", "config", "instance"])
def test_what_goes_wrong_is_told_without_the_token(
    run: Run, model: Path, instance: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    secret = base64.urlsafe_b64encode(b"very-secret-part").decode()
    expected = "keyless.sign"
    if fault == "token":
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", f"x.{secret}.y")
    elif fault == "config":
        Path("config.json").write_text("{}")
        expected = "keyless.config"
    else:
        config = Path("config.json").read_text().replace(instance[1], "http://127.0.0.1:9")
        Path("config.json").write_text(config)
    refused = run("sign", "model", "model", *KEYLESS, "--json")
    assert refused.code == 2
    assert refused.json()["error"]["code"] == expected
    assert secret not in refused.out + refused.err
