"""Killed at any step, a command leaves nothing that is believed by half, and can be run again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import KEY, PUBLIC_KEY, Run

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).with_name("kill_driver.py")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Kill:
    """What was found after one kill."""

    step: int
    after: list[dict[str, Any]]
    files: list[str]
    retry: dict[str, Any]
    again: list[dict[str, Any]]
    left: list[str]


@pytest.fixture
def kills(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Kill]]:
    """Kill a command at each of its steps in copies of a workspace; at least a few steps."""

    def kill(workspace: Path, command: list[str], *checks: list[str]) -> list[Kill]:
        place = tmp_path_factory.mktemp("kills") / "w"
        done = subprocess.run(
            [sys.executable, DRIVER, workspace, place],
            input=json.dumps({"command": command, "checks": checks}),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(place.parent)},
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        *kills, end = [json.loads(line) for line in done.stdout.splitlines()]
        assert end["end"]["code"] == 0, end
        assert len(kills) == end["steps"] >= 2
        return [Kill(**item) for item in kills]

    return kill


def drafts(kill: Kill) -> list[str]:
    """Files that a reader takes for bundles, though they are drafts."""
    return [
        name for name in kill.files if name.endswith(".sigstore.json") and Path(name).name.startswith(".")
    ]


VERIFY = ["verify", "model", "--bundle", "model.sigstore.json", "--key", PUBLIC_KEY, "--json"]
EXPLAIN = ["trust", "explain", "model", "--json"]


def test_signing(run: Run, model: Path, kills: Callable[..., list[Kill]]) -> None:
    for kill in kills(model.parent, ["sign", "model", "model", "--key", KEY], VERIFY, EXPLAIN):
        verified, explained = kill.after
        assert verified["code"] in {0, 2}, "the bundle is whole, or not there"
        assert explained["code"] in {0, 1}
        assert explained["said"]["rejected"] == []
        assert kill.retry["code"] == 0
        assert [check["code"] for check in kill.again] == [0, 0]
        assert not drafts(kill)


def test_attesting(run: Run, model: Path, kills: Callable[..., list[Kill]]) -> None:
    command = ["attest", "model", "--type", "file-safety", "--compute", "--key", KEY]
    for kill in kills(model.parent, command, EXPLAIN):
        assert kill.after[0]["said"]["rejected"] == []
        assert kill.retry["code"] == 0
        assert len(kill.again[0]["said"]["accepted"]) >= 1
        assert not drafts(kill)


def test_revoking(run: Run, approved: Path, kills: Callable[..., list[Kill]]) -> None:
    command = ["trust", "revoke", "--artifact", "model", "--reason", "Wrong.", "--key", KEY]
    for kill in kills(approved.parent, command, EXPLAIN, ["trust", "validate", "--json"]):
        explained, validated = kill.after
        codes = {item["code"] for item in explained["said"]["rejected"]}
        assert codes in (set(), {"provenance.revoked"}), "in force, or not begun"
        assert validated["code"] == 0
        assert kill.retry["code"] == 0
        assert {item["code"] for item in kill.again[0]["said"]["rejected"]} == {"provenance.revoked"}


def test_delegating(run: Run, approved: Path, kills: Callable[..., list[Kill]]) -> None:
    policy = Path(".govkernel/trust.yaml")
    policy.write_text(policy.read_text() + "    delegable: true\n")
    command = [
        "trust",
        "delegate",
        "--to",
        f"ci={PUBLIC_KEY}",
        "--may",
        "approval",
        "--until",
        "2099-01-01T00:00:00Z",
    ]
    for kill in kills(approved.parent, [*command, "--key", KEY], ["trust", "validate", "--json"]):
        assert kill.after[0]["said"]["passedOver"] == []
        assert kill.retry["code"] == 0
        assert len(kill.again[0]["said"]["delegations"]) >= 1


def test_pinning(run: Run, model: Path, kills: Callable[..., list[Kill]]) -> None:
    assert run("sign", "model", "model", "--key", KEY).code == 0
    pinned = ["verify", "pinned", "--bundle", "model.sigstore.json", "--key", PUBLIC_KEY, "--json"]
    for kill in kills(model.parent, [*VERIFY, "--pin", "pinned"], pinned):
        assert kill.after[0]["code"] in {0, 2}, "the whole copy, or none"
        assert kill.retry["code"] == 0, kill.retry
        assert kill.again[0]["code"] == 0
        assert not [name for name in kill.left if ".govkernel-pin-" in name]


@pytest.fixture
def grown(run: Run, workspace: Path) -> Path:
    """A dataset with a signed tree, and a shard more."""
    Path("data").mkdir()
    for name in ("a", "b"):
        Path(f"data/{name}.jsonl").write_text('{"a": 1}\n')
    assert run("dataset", "tree", "data", "--key", KEY).code == 0
    shutil.copy("data.dataset-tree.sigstore.json", "old.json")
    Path("data/c.jsonl").write_text('{"c": 1}\n')
    return workspace


def test_appending(run: Run, grown: Path, kills: Callable[..., list[Kill]]) -> None:
    append = ["dataset", "append", "data", "--key", KEY, "--json"]
    grew = [
        "dataset",
        "verify-append",
        "old.json",
        "data.dataset-tree.sigstore.json",
        "--key",
        PUBLIC_KEY,
        "--json",
    ]
    for kill in kills(grown, append, grew):
        assert kill.after[0]["code"] in {0, 1}, "the bundle of before, or the new one"
        done = kill.retry["code"] == 0 or kill.retry["said"]["error"]["code"] == "dataset.nothing-new"
        assert done, kill
        assert kill.again[0]["code"] == 0, kill
