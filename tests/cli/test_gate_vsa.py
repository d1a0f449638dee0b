"""A gate's verification summary is the one statement that a later door needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from govkernel.gate.summary import level
from tests.cli.conftest import KEY, Run

RELIES = """
@id("relies/passed-the-gate")
permit (principal, action in [Action::"admit", Action::"deploy"], resource is Model)
when {
  context.evidence has summary &&
  context.evidence.summary.levels.contains("GOVKERNEL:deploy:production") &&
  context.time - context.evidence.summary.verifiedOn < 604800
};
"""


@pytest.fixture
def relying(workspace: Path) -> Path:
    folder = workspace / "relies"
    folder.mkdir()
    (folder / "policy.cedar").write_text(RELIES)
    (folder / "pack.yaml").write_text(
        "id: relies\nversion: 1.0.0\nengine: cedar\nowner: ml\ndescription: test\n"
    )
    return folder


def gated(run: Run, *more: str) -> int:
    return run("gate", "model", "--action", "deploy", *more).code


def test_a_summary_is_enough_for_what_it_is_about(run: Run, approved: Path, relying: Path) -> None:
    later = ("--pack", "relies", "--environment", "production")
    assert gated(run, *later) == 1
    assert gated(run, "--environment", "staging", "--vsa-key", KEY) == 0
    assert gated(run, *later) == 1, "passed for staging only"
    assert gated(run, "--environment", "production", "--vsa-key", KEY) == 0
    assert gated(run, *later) == 0
    (approved / "config.json").write_text("{}")
    assert gated(run, *later) == 1, "other content"


def test_what_was_refused_is_said_too_and_supersedes(run: Run, approved: Path, relying: Path) -> None:
    ask = ("--environment", "production", "--vsa-key", KEY)
    assert gated(run, *ask) == 0
    for bundle in (*Path().glob("model.*.json"), *Path(".govkernel/attestations").rglob("*.json")):
        if "evaluation-result" in bundle.read_text() or b"evaluation-result" in _payload(bundle):
            bundle.unlink()
    assert gated(run, *ask) == 1
    stated = json.loads(_payload(Path("model.vsa.sigstore.json")))
    assert stated["predicate"]["verificationResult"] == "FAILED"
    assert stated["predicate"]["verifiedLevels"] == ["FAILED"]
    assert gated(run, "--pack", "relies", "--environment", "production") == 1


def test_a_level_names_all_that_was_asked() -> None:
    assert level("deploy", "production", "high") == "GOVKERNEL:deploy:production:high"
    assert level("deploy", "", "high") == "GOVKERNEL:deploy::high"
    assert level("promote") == "GOVKERNEL:promote"


def _payload(bundle: Path) -> bytes:
    import base64

    return base64.b64decode(json.loads(bundle.read_text())["dsseEnvelope"]["payload"])
