"""init, sign, attest, verify, gate, admit: what a person types and what comes back."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.cli.conftest import KEY, PUBLIC_KEY, Run

BUNDLE = "model.sigstore.json"


def test_init_makes_a_workspace_once(run: Run) -> None:
    made = run("init", "--json")
    assert made.code == 0
    key = Path(made.json()["key"])
    assert key.stat().st_mode & 0o777 == 0o600
    again = run("init", "--json")
    assert again.code == 2
    assert again.json()["error"]["code"] == "workspace.exists"


def test_the_signing_key_is_encrypted_when_a_passphrase_is_set(run: Run, monkeypatch) -> None:
    monkeypatch.setenv("GOVKERNEL_KEY_PASSPHRASE", "correct horse")
    assert run("init").code == 0
    assert "ENCRYPTED" in Path(KEY).read_text()
    Path("d.jsonl").write_text("{}\n")
    assert run("sign", "dataset", "d.jsonl", "--key", KEY).code == 0
    monkeypatch.setenv("GOVKERNEL_KEY_PASSPHRASE", "wrong")
    refused = run("sign", "dataset", "d.jsonl", "--key", KEY, "--json")
    assert refused.code == 2
    assert refused.json()["error"]["code"] == "key.passphrase"


def test_a_signed_model_verifies_and_a_changed_one_is_refused_by_name(run: Run, model: Path) -> None:
    assert run("sign", "model", "model", "--key", KEY).code == 0
    assert (
        run("verify", "model", "--bundle", BUNDLE, "--key", PUBLIC_KEY, "--json").json()["verified"] is True
    )
    (model / "config.json").write_text("{}")
    refused = run("verify", "model", "--bundle", BUNDLE, "--key", PUBLIC_KEY)
    assert refused.code == 1
    assert "config.json" in refused.out


def test_a_bundle_by_another_key_is_refused(run: Run, model: Path) -> None:
    assert run("sign", "model", "model", "--key", KEY).code == 0
    assert run("init", "elsewhere").code == 0
    refused = run("verify", "model", "--bundle", BUNDLE, "--key", f"elsewhere/{PUBLIC_KEY}", "--json")
    assert refused.code == 1
    assert refused.json()["verified"] is False
    assert refused.json()["code"].startswith("provenance.")


def test_a_bundle_cut_anywhere_is_refused_without_a_traceback(run: Run, model: Path) -> None:
    assert run("sign", "model", "model", "--key", KEY).code == 0
    content = Path(BUNDLE).read_bytes()
    for length in range(0, len(content) - 1, max(1, len(content) // 12)):
        Path("cut.json").write_bytes(content[:length])
        refused = run("verify", "model", "--bundle", "cut.json", "--key", PUBLIC_KEY, "--json")
        assert refused.code == 1, length
        assert refused.json()["code"], length


def test_a_private_key_is_not_accepted_as_a_public_one(run: Run, model: Path) -> None:
    assert run("sign", "model", "model", "--key", KEY).code == 0
    refused = run("verify", "model", "--bundle", BUNDLE, "--key", KEY, "--json")
    assert refused.code == 2
    assert refused.json()["error"]["code"] == "key.private"


def test_missing_files_are_system_errors_that_name_them(run: Run, model: Path) -> None:
    for arguments in (
        ("verify", "model", "--bundle", "absent.json", "--key", PUBLIC_KEY),
        ("sign", "model", "absent", "--key", KEY),
        ("gate", "absent"),
        ("admit", "-f", "absent.yaml"),
        ("attest", "model", "--type", "model-card", "--predicate", "absent.json", "--key", KEY),
    ):
        failed = run(*arguments, "--json")
        assert failed.code == 2, arguments
        error = failed.json()["error"]
        assert "absent" in error["what"] + error["why"], arguments
        assert error["remedy"], arguments


def test_a_claim_that_breaks_its_schema_is_not_signed(run: Run, model: Path) -> None:
    Path("card.json").write_text(json.dumps({"license": "MIT"}))
    refused = run(
        "attest", "model", "--type", "model-card", "--predicate", "card.json", "--key", KEY, "--json"
    )
    assert refused.code == 2
    assert refused.json()["error"]["code"] == "provenance.predicate-invalid"


def test_the_gate_allows_what_is_approved(run: Run, approved: Path) -> None:
    allowed = run("gate", "model", "--pack", "baseline")
    assert allowed.code == 0, allowed.out


def test_the_gate_denies_what_is_unsigned_and_says_what_to_do(run: Run, model: Path) -> None:
    denied = run("gate", "model", "--pack", "baseline")
    assert denied.code == 1
    assert "baseline/unsigned" in denied.out
    assert "govkernel sign" in denied.out


def test_the_gate_names_the_file_that_was_changed(run: Run, approved: Path) -> None:
    weights = approved / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    denied = run("gate", "model", "--pack", "baseline")
    assert denied.code == 1
    assert "model.safetensors" in denied.out


def test_a_key_can_stand_in_for_a_trust_policy(run: Run, approved: Path) -> None:
    Path(".govkernel/trust.yaml").unlink()
    assert run("gate", "model", "--json").json()["error"]["code"] == "trust.missing"
    assert run("gate", "model", "--key", PUBLIC_KEY).code == 0


def test_every_report_format_is_there(run: Run, approved: Path) -> None:
    for name in ("text", "json", "junit", "sarif", "github"):
        assert run("gate", "model", "--format", name).code == 0, name
    refused = run("gate", "model", "--format", "nope")
    assert refused.code == 2
    assert "cli.format" in refused.err


def test_one_decision_has_as_many_reports_as_wanted(run: Run, approved: Path) -> None:
    wanted = ("--report", "sarif=gate.sarif", "--report", "junit=gate.xml")
    assert run("gate", "model", *wanted).code == 0
    assert json.loads(Path("gate.sarif").read_text())["version"] == "2.1.0"
    assert Path("gate.xml").read_text().startswith("<?xml")
    assert len(run("audit", "query", "--json").json()["records"]) == 1
    for wrong, code in (
        ("sarif", "cli.report"),
        ("nope=x", "cli.format"),
        ("sarif=/nowhere/x", "cli.unwritable"),
    ):
        refused = run("gate", "model", "--report", wrong, "--json")
        assert (refused.code, refused.json()["error"]["code"]) == (2, code)


def test_a_pack_that_does_not_parse_decides_nothing(run: Run, approved: Path) -> None:
    pack = Path("pack")
    pack.mkdir()
    (pack / "pack.yaml").write_text("id: mine\nversion: 1.0.0\nengine: cedar\nowner: me\n")
    (pack / "a.cedar").write_text("permit(principal, action resource);")
    failed = run("gate", "model", "--pack", "./pack", "--json")
    assert failed.code == 2
    assert failed.json()["error"]["code"] == "policy.syntax"
    assert run("policy", "validate", "./pack", "--json").code == 1


def test_a_locked_database_is_a_deny_and_nothing_is_lost(run: Run, approved: Path) -> None:
    assert run("gate", "model").code == 0
    lock = sqlite3.connect(".govkernel/audit.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    denied = run("gate", "model")
    lock.execute("ROLLBACK")
    lock.close()
    assert denied.code == 1
    assert "audit.locked" in denied.out
    assert run("gate", "model").code == 0
    recorded = run("audit", "query", "--json").json()["records"]
    assert [item["effect"] for item in recorded].count("deny") == 1
    assert run("audit", "verify").code == 0


def test_manifests_are_admitted_by_the_evidence_about_their_models(run: Run, approved: Path) -> None:
    manifest = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "tiny", "namespace": "prod"},
        "spec": {
            "predictor": {"model": {"modelFormat": {"name": "x"}, "storageUri": "mlflow://models/tiny/1"}}
        },
    }
    Path("good.json").write_text(json.dumps(manifest))
    assert run("admit", "-f", "good.json").code == 0
    manifest["spec"]["predictor"]["model"]["storageUri"] = "mlflow://models/other/1"
    Path("bad.json").write_text(json.dumps(manifest))
    denied = run("admit", "-f", "bad.json")
    assert denied.code == 1
    assert "mlflow://models/other/1" in denied.out


def test_usage_errors_exit_with_two(run: Run) -> None:
    assert run("gate").code == 2
    assert run("no-such-command").code == 2
