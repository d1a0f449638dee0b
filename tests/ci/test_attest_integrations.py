"""The steps of plugins/ci that attest, and summaries from gate to admission: run as each CI system would run them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from govkernel.provenance import LocalKey
from tests.ci.test_integrations import CI, KEY, ROOT, SYSTEMS, Run, govkernel, run

PUBLIC = ".govkernel/keys/release.pub"
OUT = "govkernel-attestation.sigstore.json"
INPUTS = {
    "ATTEST_PATH": "model",
    "ATTEST_TYPE": "file-safety",
    "ATTEST_PREDICATE": "",
    "ATTEST_SUITE": "",
    "ATTEST_KIND": "",
    "ATTEST_SIGNER": KEY,
    "ATTEST_OUT": OUT,
}
Step = Callable[..., Run]


def github(folder: Path, **variables: str) -> Run:
    """The composite action's attest step."""
    step = yaml.safe_load((CI / "github" / "attest" / "action.yml").read_text())["runs"]["steps"][-1]
    assert "${{" not in step["run"], "an expression in a script is an injection"
    assert INPUTS.keys() - {"ATTEST_SIGNER"} <= step["env"].keys()
    given = {
        **INPUTS,
        "ATTEST_KEY": variables.pop("ATTEST_SIGNER", KEY),
        "ATTEST_KEY_PEM": "",
        "ATTEST_TRUST_CONFIG": "",
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "output"),
        "RUNNER_TEMP": str(folder),
    }
    return run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"],
        step["run"],
        folder,
        {**given, **variables},
    )


def gitlab(folder: Path, **variables: str) -> Run:
    """The component's job."""
    _, template = yaml.safe_load_all((CI / "gitlab" / "attest.yml").read_text())
    job = template["govkernel-attest"]
    assert INPUTS.keys() <= job["variables"].keys()
    given = {**INPUTS, "GITLAB_CI": "true", "CI_JOB_ID": "7"}
    return run(["bash", "-eo", "pipefail", "-c"], "\n".join(job["script"]), folder, {**given, **variables})


def jenkins(folder: Path, **variables: str) -> Run:
    """The shared step's script, as Groovy would hand it on."""
    text = (CI / "jenkins/vars/govkernelAttest.groovy").read_text()
    assert all(f'"{name}=' in text for name in INPUTS)
    found = re.search(r"script: '''(.*?)'''", text, re.DOTALL)
    assert found
    given = {**INPUTS, "JENKINS_URL": "https://ci.example/", "JOB_NAME": "acme/models"}
    return run(["sh", "-c"], found.group(1).replace("\\\\", "\\"), folder, {**given, **variables})


def argo(folder: Path, **variables: str) -> Run:
    """The template's container."""
    templates = yaml.safe_load((CI / "argo" / "workflow-template.yaml").read_text())["spec"]["templates"]
    (template,) = [item for item in templates if item["name"] == "attest"]
    container = template["container"]
    assert INPUTS.keys() - {"ATTEST_OUT"} <= {item["name"] for item in container["env"]}
    script = container["args"][0].replace(f"/tmp/{OUT}", str(folder / OUT))
    return run(container["command"], script, folder, {**INPUTS, **variables})


STEPS: dict[str, Step] = {"github": github, "gitlab": gitlab, "jenkins": jenkins, "argo": argo}


def stated(folder: Path) -> dict[str, Any]:
    verified = json.loads(govkernel(folder, "verify", "model", "--bundle", OUT, "--key", PUBLIC, "--json"))
    assert verified["verified"] is True, verified
    return dict(verified["statement"])


@pytest.mark.parametrize("system", STEPS)
def test_a_claim_is_computed_and_signed(workspace: Path, system: str) -> None:
    done = STEPS[system](workspace)
    assert done.code == 0, done.out + done.err
    assert stated(workspace)["predicate"]["verdict"] == "safe"


@pytest.mark.parametrize("system", STEPS)
def test_a_claim_from_a_file_is_signed(workspace: Path, system: str) -> None:
    card = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Tests."}
    (workspace / "a card.json").write_text(json.dumps(card))
    done = STEPS[system](
        workspace, ATTEST_TYPE="model-card", ATTEST_PREDICATE="a card.json", ATTEST_KIND="model"
    )
    assert done.code == 0, done.out + done.err
    assert stated(workspace)["predicate"] == card


@pytest.mark.parametrize("system", STEPS)
def test_what_cannot_be_attested_fails_the_job_and_inputs_are_words_not_programs(
    workspace: Path, system: str
) -> None:
    hostile = "$(touch pwned) `touch pwned`; touch pwned; * --help"
    for wrong in ({"ATTEST_PATH": "--help"}, {"ATTEST_TYPE": hostile}, {"ATTEST_SIGNER": hostile}):
        assert STEPS[system](workspace, **wrong).code == 2, wrong
    assert not (workspace / OUT).exists()
    assert not (workspace / "pwned").exists()


def test_github_takes_the_key_from_a_secret_and_leaves_none_behind(workspace: Path) -> None:
    secret = (workspace / KEY).read_text()
    (workspace / "tmp").mkdir()
    done = github(workspace, ATTEST_KEY_PEM=secret, ATTEST_SIGNER="keyless", TMPDIR=str(workspace / "tmp"))
    assert done.code == 0, done.out + done.err
    assert "PRIVATE" not in done.out + done.err
    assert list((workspace / "tmp").iterdir()) == []
    assert (workspace / "output").read_text() == f"bundle={OUT}\n"
    assert stated(workspace)
    assert github(workspace, ATTEST_KEY_PEM="no key", TMPDIR=str(workspace / "tmp")).code == 2
    assert list((workspace / "tmp").iterdir()) == []


def test_workflows_and_components_hand_on_what_is_taken() -> None:
    action = yaml.safe_load((CI / "github" / "attest" / "action.yml").read_text())
    workflow = yaml.safe_load((CI / "github" / "attest-workflow.yml").read_text())
    (step,) = [item for item in workflow["jobs"]["attest"]["steps"] if item.get("id") == "attest"]
    assert step["with"].keys() <= action["inputs"].keys()
    text = (CI / "gitlab" / "attest.yml").read_text()
    declared = set(next(yaml.safe_load_all(text))["spec"]["inputs"])
    assert set(re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", text)) == declared


def test_the_hook_attests(workspace: Path) -> None:
    hooks = {item["id"]: item for item in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    arguments = ["model", "--type", "file-safety", "--compute", "--key", KEY, "--out", OUT]
    done = run(["sh", "-c"], " ".join([hooks["govkernel-attest"]["entry"], *arguments]), workspace, {})
    assert done.code == 0, done.out + done.err
    assert stated(workspace)


CLUSTER = """version: 1
keys:
  - {{name: gate, publicKey: {gate}}}
  - {{name: release, publicKey: {release}}}
rules:
  - {{signers: [release], may: [signature]}}
  - {{signers: [gate], may: [vsa]}}
"""
RELIES = """
@id("relies/workload")
permit (principal, action == Action::"admit", resource is Workload);
@id("relies/passed-the-gate")
permit (principal, action == Action::"admit", resource is Model)
when {
  context.evidence has summary &&
  context.evidence.summary.levels.contains("GOVKERNEL:promote:production") &&
  context.time - context.evidence.summary.verifiedOn < 604800
};
"""
SERVICE = """apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: tiny, namespace: prod}
spec: {predictor: {model: {modelFormat: {name: huggingface}, storageUri: "mlflow://models/tiny/1"}}}
"""


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory, workspace: Path) -> Path:
    """Trusts the release key for names, and a key of the gate's for one sentence; knows nothing about any model."""
    folder = tmp_path_factory.mktemp("cluster")
    govkernel(folder, "init")
    gate, release = folder / "gate.pub", workspace / PUBLIC
    LocalKey.generate("ed25519").write(folder / "gate.key")
    (folder / ".govkernel" / "trust.yaml").write_text(CLUSTER.format(gate=gate, release=release))
    pack(folder / "relies", RELIES)
    (folder / "service.yaml").write_text(SERVICE)
    return folder


def pack(folder: Path, policy: str) -> None:
    folder.mkdir()
    manifest = f"id: {folder.name}\nversion: 1.0.0\nengine: cedar\nowner: ml\ndescription: test\n"
    (folder / "pack.yaml").write_text(manifest)
    (folder / "policy.cedar").write_text(policy)


def admitted(cluster: Path) -> bool:
    asked = govkernel(cluster, "admit", "service.yaml", "--pack", "relies", "--json")
    return bool(json.loads(asked)["allowed"])


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_summary_from_the_pipeline_is_all_that_admission_looks_at(
    workspace: Path, cluster: Path, system: str
) -> None:
    govkernel(workspace, "sign", "model", "model", "--key", KEY, "--name", "mlflow://models/tiny/1")
    pack(workspace / "any", '@id("any/any")\npermit (principal, action, resource);\n')
    bundles = cluster / ".govkernel" / "attestations"
    shutil.copytree(workspace / ".govkernel" / "attestations", bundles, dirs_exist_ok=True)
    assert not admitted(cluster), "the name is signed, and no gate said anything"
    asked = {"GATE_PATHS": "model", "GATE_PACK": "any", "GATE_ENVIRONMENT": "production"}
    done = SYSTEMS[system][0](workspace, GATE_VSA_KEY=str(cluster / "gate.key"), **asked)
    assert done.code == 0, done.out + done.err
    shutil.copytree(workspace / ".govkernel" / "attestations", bundles, dirs_exist_ok=True)
    assert admitted(cluster)
