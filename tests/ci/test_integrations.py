"""The script parts of plugins/ci, run as each CI system would run them: its shell, its variables, its files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
CI = ROOT / "plugins" / "ci"
BIN = Path(sys.executable).parent
INPUTS = {
    "GATE_PATHS": "model\nprompt:greet me.txt",
    "GATE_PACK": "",
    "GATE_ENVIRONMENT": "",
    "GATE_RISK": "",
    "GATE_VSA_KEY": "",
}
KEY = ".govkernel/keys/release.key"


def govkernel(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [BIN / "govkernel", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@dataclass(frozen=True)
class Run:
    """What a script did."""

    code: int
    out: str
    err: str


def run(shell: list[str], script: str, folder: Path, variables: Mapping[str, str]) -> Run:
    path = f"{BIN}:/usr/bin:/bin"
    done = subprocess.run(
        [*shell, script],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), **INPUTS, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def principal(folder: Path) -> str:
    records = json.loads(govkernel(folder, "audit", "query", "--json"))["records"]
    return str(records[0]["principal"])


def github(folder: Path, **variables: str) -> Run:
    """The composite action's gate step."""
    step = yaml.safe_load((CI / "github" / "action.yml").read_text())["runs"]["steps"][-1]
    assert "${{" not in step["run"], "an expression in a script is an injection"
    assert INPUTS.keys() <= step["env"].keys()
    given = {
        "GATE_SARIF": "govkernel.sarif",
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_RUN_ID": "42",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "RUNNER_TEMP": str(folder),
    }
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
    return run(shell, step["run"], folder, {**given, **variables})


def gitlab(folder: Path, **variables: str) -> Run:
    """The component's job."""
    _, template = yaml.safe_load_all((CI / "gitlab" / "template.yml").read_text())
    job = template["govkernel-gate"]
    assert INPUTS.keys() <= job["variables"].keys()
    given = {
        "GITLAB_CI": "true",
        "CI_PROJECT_PATH": "acme/models",
        "CI_COMMIT_REF_NAME": "main",
        "CI_JOB_ID": "7",
    }
    return run(["bash", "-eo", "pipefail", "-c"], "\n".join(job["script"]), folder, {**given, **variables})


def jenkins(folder: Path, **variables: str) -> Run:
    """The shared step's script, as Groovy would hand it on."""
    found = re.search(
        r"script: '''(.*?)'''", (CI / "jenkins/vars/govkernelGate.groovy").read_text(), re.DOTALL
    )
    assert found
    script = found.group(1).replace("\\\\", "\\")
    given = {"JENKINS_URL": "https://ci.example/", "JOB_NAME": "acme/models", "BUILD_NUMBER": "7"}
    return run(["sh", "-c"], script, folder, {**given, **variables})


def argo(folder: Path, **variables: str) -> Run:
    """The template's container."""
    template = yaml.safe_load((CI / "argo" / "workflow-template.yaml").read_text())["spec"]["templates"][0]
    container = template["container"]
    assert INPUTS.keys() <= {item["name"] for item in container["env"]}
    script = container["args"][0].replace("/tmp/govkernel.json", str(folder / "govkernel.json"))
    assert {"ARGO_WORKFLOW"} <= {item["name"] for item in container["env"]}
    given = {"ARGO_WORKFLOW": "ml/release-7", "ARGO_NODE_ID": "release-7-42"}
    return run(container["command"], script, folder, {**given, **variables})


SYSTEMS: dict[str, tuple[Any, str]] = {
    "github": (github, 'Pipeline::"github:acme/models@refs/heads/main"'),
    "gitlab": (gitlab, 'Pipeline::"gitlab:acme/models@main"'),
    "jenkins": (jenkins, 'Pipeline::"jenkins:acme/models"'),
    "argo": (argo, 'Pipeline::"argo:ml/release-7"'),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_denial_fails_the_job_and_is_recorded_under_the_job_s_name(workspace: Path, system: str) -> None:
    job, name = SYSTEMS[system]
    done = job(workspace)
    assert done.code == 1, done.err
    assert "baseline/unsigned" in done.out
    assert principal(workspace) == name
    assert len(json.loads(govkernel(workspace, "audit", "query", "--json"))["records"]) == 2


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_allowed_passes(workspace: Path, system: str) -> None:
    govkernel(workspace, "sign", "prompt", "greet me.txt", "--key", KEY)
    job, _ = SYSTEMS[system]
    done = job(workspace, GATE_PATHS="prompt:greet me.txt\n")
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_cannot_be_told_is_not_a_pass(workspace: Path, system: str) -> None:
    job, _ = SYSTEMS[system]
    assert job(workspace, GATE_PATHS="nowhere").code == 2
    assert job(workspace, GATE_PATHS="").code == 2
    assert job(workspace, GATE_PACK="no such pack").code == 2


@pytest.mark.parametrize("system", SYSTEMS)
def test_inputs_are_words_not_programs(workspace: Path, system: str) -> None:
    job, _ = SYSTEMS[system]
    hostile = ["$(touch pwned)", "`touch pwned`", "x; touch pwned", "*", "--help"]
    told = job(workspace, GATE_PATHS="\n".join(reversed(hostile)))
    assert told.code == 2
    assert "no file or folder '--help'" in told.err
    assert job(workspace, GATE_PACK=" ".join(hostile)).code == 2
    assert not (workspace / "pwned").exists()


def test_every_input_reaches_the_gate(workspace: Path) -> None:
    for job, _ in SYSTEMS.values():
        job(workspace, GATE_ENVIRONMENT="production", GATE_RISK="high", GATE_PACK="baseline")
        record = json.loads(govkernel(workspace, "audit", "query", "--json"))["records"][0]["record"]
        assert (record["request"]["environment"], record["request"]["risk"]) == ("production", "high")


def test_github_gets_annotations_outputs_a_summary_and_sarif(workspace: Path) -> None:
    done = github(workspace)
    assert "::error file=model,line=1,title=govkernel baseline/unsigned::" in done.out
    assert (workspace / "output").read_text() == "allowed=false\n"
    assert "DENIED" in (workspace / "summary").read_text()
    assert json.loads((workspace / "govkernel.sarif").read_text())["runs"][0]["results"]


def test_gitlab_and_jenkins_get_a_test_report(workspace: Path) -> None:
    for job in (gitlab, jenkins):
        job(workspace)
        suites = ET.fromstring((workspace / "govkernel.xml").read_text())
        assert suites.iter("failure")
        (workspace / "govkernel.xml").unlink()


def test_the_workflow_hands_on_what_the_action_takes() -> None:
    action = yaml.safe_load((CI / "github" / "action.yml").read_text())
    workflow = yaml.safe_load((CI / "github" / "workflow.yml").read_text())
    (step,) = [
        item for item in workflow["jobs"]["gate"]["steps"] if "plugins/ci/github" in item.get("uses", "")
    ]
    assert step["with"].keys() <= action["inputs"].keys()


def test_the_gitlab_component_declares_what_it_uses() -> None:
    text = (CI / "gitlab" / "template.yml").read_text()
    declared = set(next(yaml.safe_load_all(text))["spec"]["inputs"])
    assert set(re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", text)) == declared


@pytest.mark.parametrize(
    ("hook", "arguments", "code"),
    [
        ("govkernel-gate", ["model"], 1),
        ("govkernel-admit", ["pod.yaml"], 0),
        ("govkernel-policy-test", ["baseline"], 0),
    ],
)
def test_pre_commit_hooks_run(workspace: Path, hook: str, arguments: list[str], code: int) -> None:
    hooks = {item["id"]: item for item in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    (workspace / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}]}\n"
    )
    done = run(["sh", "-c"], " ".join([hooks[hook]["entry"], *arguments]), workspace, {})
    assert done.code == code, done.out + done.err
