"""audit, policy, plugins, config."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_decisions_can_be_asked_for_and_the_log_verified(run: Run, approved: Path) -> None:
    run("gate", "model")
    (approved / "config.json").write_text("{}")
    run("gate", "model")
    assert len(run("audit", "query", "--json").json()["records"]) == 2
    denied = run("audit", "query", "decision:deny since:1d door:ci", "--json").json()["records"]
    assert len(denied) == 1
    assert run("audit", "verify").code == 0


def test_an_edited_row_is_named(run: Run, approved: Path) -> None:
    run("gate", "model")
    run("gate", "model")
    shutil.copy(".govkernel/audit.db", "copy.db")
    for suffix in ("-wal", "-shm"):
        if Path(f".govkernel/audit.db{suffix}").exists():
            shutil.copy(f".govkernel/audit.db{suffix}", f"copy.db{suffix}")
    with sqlite3.connect("copy.db") as database:
        database.execute(
            "UPDATE record SET payload = replace(payload, '\"allow\"', '\"deny\"') WHERE idx = 1"
        )
    found = run("audit", "verify", "--database", "sqlite:///copy.db", "--json")
    assert found.code == 1
    assert any("1" in str(item) for item in found.json()["findings"])
    assert run("audit", "verify").code == 0


def test_a_bad_query_points_at_what_is_wrong(run: Run, approved: Path) -> None:
    run("gate", "model")
    failed = run("audit", "query", "colour:red", "--json")
    assert failed.code == 2
    assert "colour" in failed.json()["error"]["what"] + failed.json()["error"]["why"]


def test_shipped_packs_are_valid_and_pass_their_cases(run: Run) -> None:
    assert run("policy", "validate", "baseline").code == 0
    assert run("policy", "test", "baseline").code == 0
    assert run("policy", "validate", "no-such-pack", "--json").code in (1, 2)


def test_a_pack_that_could_not_be_judged_is_not_called_invalid(
    run: Run, workspace: Path, monkeypatch
) -> None:
    monkeypatch.setenv("GOVKERNEL_OPA__BINARY", "/nowhere/opa")
    failed = run("policy", "validate", "baseline-rego", "--json")
    assert failed.code == 2
    assert failed.json()["error"]["code"] == "opa.not-installed"
    assert run("policy", "validate", "no-such-pack", "--json").json()["valid"] is False


@pytest.mark.skipif(shutil.which("opa") is None, reason="needs OPA on the PATH")
def test_cases_in_rego_leave_nothing_open(run: Run, workspace: Path) -> None:
    rego = run("policy", "test", "baseline-rego")
    assert (rego.code, rego.err) == (0, "")


def test_the_vocabulary_of_policies_is_printed(run: Run, workspace: Path) -> None:
    assert "action" in run("policy", "schema").out
    assert "type Parameters = {" in run("policy", "schema", "baseline").out


def test_plugins_are_listed_with_their_hooks(run: Run, workspace: Path) -> None:
    listed = run("plugins", "--json")
    assert listed.code == 0
    names = {item["name"] for item in listed.json()["plugins"]}
    assert {"engines", "guard", "provenance", "reports", "workloads"} <= names


def test_config_says_where_values_come_from(run: Run, workspace: Path, monkeypatch) -> None:
    monkeypatch.setenv("GOVKERNEL_KERNEL__DEADLINE", "7")
    explained = run("config", "explain", "--json").json()
    assert explained["kernel.deadline"] == {"value": "7.0", "origin": "GOVKERNEL_KERNEL__DEADLINE"}
    assert explained["guard.upstream"]["origin"].endswith("govkernel.toml")
    assert explained["opa.deadline"]["origin"] == "default"


def test_a_bad_configuration_names_the_setting(run: Run, workspace: Path) -> None:
    Path("govkernel.toml").write_text("[kernel]\ndeadlin = 3\n")
    failed = run("config", "explain", "--json")
    assert failed.code == 2
    assert "deadlin" in failed.json()["error"]["why"]


def test_a_query_shows_who_asked_and_what_only_warned(run: Run, workspace: Path, monkeypatch) -> None:
    Path("pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
        "spec: {containers: [{name: a, image: vllm/vllm-openai, args: [--model, org/m]}]}\n"
    )
    monkeypatch.setenv("GOVKERNEL_PACKS", '[{"source": "baseline", "mode": "warn"}]')
    assert run("admit", "pod.yaml", "--user", "alice").code == 0
    shown = run("audit", "query").out
    assert 'User::"alice" admit Workload::"default/Pod/a"' in shown
    assert "warned baseline/unresolved" in shown


def test_asking_a_log_that_is_not_there_is_an_error_and_makes_nothing(run: Run, workspace: Path) -> None:
    shutil.rmtree(".govkernel")
    failed = run("audit", "query", "--json")
    assert failed.code == 2
    assert failed.json()["error"]["code"] == "audit.unavailable"
    assert not Path(".govkernel").exists()


def test_a_copy_can_be_asked_without_the_key(run: Run, approved: Path) -> None:
    run("gate", "model")
    shutil.copy(".govkernel/audit.db", "copy.db")
    shutil.rmtree(".govkernel")
    asked = run("audit", "query", "--database", "sqlite:///copy.db", "--json")
    assert len(asked.json()["records"]) == 1
    assert not Path(".govkernel").exists()


def test_an_empty_checkpoint_proves_nothing(run: Run, approved: Path) -> None:
    run("gate", "model")
    Path("kept").touch()
    failed = run("audit", "verify", "--checkpoint", "kept", "--json")
    assert failed.code == 2
    assert failed.json()["error"]["code"] == "audit.checkpoint-format"
