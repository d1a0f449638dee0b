"""The CI door: what it asks the kernel, in whose name, and what it refuses to ask."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import (
    Action,
    Artifact,
    ArtifactKind,
    Decision,
    Digest,
    Door,
    Effect,
    EntityRef,
    Evidence,
    Judged,
    Record,
    Report,
    Request,
)
from govkernel.errors import GovkernelError, InputError
from govkernel.gate.identity import MAX_ID, Job, identify
from govkernel.gate.service import LOCAL_KINDS, MAX_PATHS, run_gate
from tests.gate.builders import NOW

DIGEST = Digest.sha256("cd" * 32)


class ScriptedKernel:
    """Denies what it is told to, remembers what it was asked."""

    pack_names = ("baseline@0.1.0",)

    def __init__(self, *denied: str) -> None:
        self.denied = denied
        self.asked: list[Request] = []

    async def judge(self, request: Request) -> Record:
        self.asked.append(request)
        (ref,) = request.artifacts
        effect = Effect.DENY if ref.where in self.denied else Effect.ALLOW
        decision = Decision(id="d", effect=effect, policy_set=DIGEST, evidence=DIGEST, decided_at=NOW)
        artifact = Artifact(kind=ref.kind, name=ref.uri, digest=DIGEST)
        judged = Judged(artifact=artifact, evidence=Evidence(subject=DIGEST))
        return Record(request=request, subjects=(judged,), decision=decision)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "agent.yaml").write_text("template: hello")
    (tmp_path / "rows.jsonl").write_text("{}\n")
    return tmp_path


def gate(kernel: ScriptedKernel, *paths: str, **options: object) -> Report:
    return asyncio.run(run_gate(paths, kernel, now=NOW, **options))  # type: ignore[arg-type]


@pytest.mark.usefixtures("here")
def test_one_request_per_artifact_with_everything_policy_may_ask_about() -> None:
    kernel = ScriptedKernel()
    job = Job(EntityRef(type="Pipeline", id="local"), {"ci": {"verified": False}})
    outcome = gate(
        kernel,
        "model",
        "agent.yaml",
        "rows.jsonl",
        action=Action.DEPLOY,
        environment="prod",
        risk="high",
        job=job,
    )
    assert [str(item.resource) for item in kernel.asked] == [
        'Model::"file:model"',
        'Prompt::"file:agent.yaml"',
        'Dataset::"file:rows.jsonl"',
    ]
    for request in kernel.asked:
        assert (request.door, request.action) == (Door.CI, Action.DEPLOY)
        assert (request.environment, request.risk) == ("prod", "high")
        assert request.principal == job.principal
        assert request.attributes == {"ci": {"verified": False}}
    assert outcome.allowed
    assert outcome.created_at == NOW
    assert outcome.packs == ("baseline@0.1.0",)
    assert [item.title for item in outcome.entries] == [
        "model model",
        "prompt agent.yaml",
        "dataset rows.jsonl",
    ]
    assert outcome.entries[0].artifacts[0].digest == DIGEST


@pytest.mark.usefixtures("here")
def test_one_denied_artifact_denies_the_run() -> None:
    outcome = gate(ScriptedKernel("agent.yaml"), "model", "agent.yaml")
    assert not outcome.allowed
    assert [item.decision.allowed for item in outcome.entries] == [True, False]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", sorted(LOCAL_KINDS))
def test_a_prefix_says_the_kind(kind: ArtifactKind) -> None:
    kernel = ScriptedKernel()
    gate(kernel, f"{kind}:rows.jsonl")
    (ref,) = kernel.asked[0].artifacts
    assert (ref.kind, ref.uri) == (kind, "file:rows.jsonl")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", ["image", "tool"])
def test_a_folder_is_no_image_and_no_tool(kind: str) -> None:
    kernel = ScriptedKernel()
    with pytest.raises(InputError) as caught:
        gate(kernel, f"{kind}:model")
    assert caught.value.code == "gate.no-such-path"
    assert kernel.asked == []


@pytest.mark.usefixtures("here")
def test_the_same_path_written_differently_is_the_same_resource() -> None:
    kernel = ScriptedKernel()
    gate(kernel, "./model/", "model")
    assert kernel.asked[0].resource == kernel.asked[1].resource


def test_a_path_that_climbs_out_of_a_link_is_not_taken_for_another(here: Path) -> None:
    (here / "elsewhere" / "deep").mkdir(parents=True)
    (here / "elsewhere" / "model").mkdir()
    (here / "link").symlink_to(here / "elsewhere" / "deep")
    kernel = ScriptedKernel()
    with pytest.raises(InputError) as caught:
        gate(kernel, "link/../model")
    assert caught.value.code == "gate.bad-path"
    assert kernel.asked == []


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("paths", "code"),
    [
        ([], "gate.nothing"),
        (["absent"], "gate.no-such-path"),
        (["model", "absent"], "gate.no-such-path"),
        (["model:absent"], "gate.no-such-path"),
        (["nul\0"], "gate.no-such-path"),
        (["model"] * (MAX_PATHS + 1), "gate.too-many"),
        (["x" * 300], "gate.no-such-path"),
    ],
)
def test_what_cannot_be_asked_is_an_error_and_asks_nothing(paths: list[str], code: str) -> None:
    kernel = ScriptedKernel()
    with pytest.raises(InputError) as caught:
        gate(kernel, *paths)
    assert caught.value.code == code
    assert caught.value.remedy
    assert kernel.asked == []


@pytest.mark.parametrize("name", [b"not-utf8-\xff.jsonl", b"bell\x07.jsonl"])
def test_a_path_that_cannot_be_written_down_is_an_error(here: Path, name: bytes) -> None:
    import os

    path = os.fsdecode(name)
    try:
        (here / path).write_text("{}")
    except OSError:
        pytest.skip("this file system refuses such names")
    with pytest.raises(InputError) as caught:
        gate(ScriptedKernel(), path)
    assert caught.value.code == "gate.bad-path"
    str(caught.value).encode("utf-8")


def test_a_path_of_unknown_kind_must_be_said(here: Path) -> None:
    (here / "mystery").write_bytes(b"?")
    with pytest.raises(GovkernelError) as caught:
        gate(ScriptedKernel(), "mystery")
    assert caught.value.code == "provenance.kind-unknown"


@pytest.mark.parametrize(
    ("environment", "principal"),
    [
        ({}, "local"),
        ({"GITHUB_ACTIONS": ""}, "local"),
        (
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_REPOSITORY": "acme/models",
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_RUN_ID": "7",
            },
            "github:acme/models@refs/heads/main",
        ),
        (
            {"GITLAB_CI": "true", "CI_PROJECT_PATH": "acme/group/models", "CI_COMMIT_REF_NAME": "main"},
            "gitlab:acme/group/models@main",
        ),
        ({"JENKINS_URL": "https://ci.example.org", "JOB_NAME": "models/nightly"}, "jenkins:models/nightly"),
        (
            {
                "BUILDKITE": "true",
                "BUILDKITE_ORGANIZATION_SLUG": "acme",
                "BUILDKITE_PIPELINE_SLUG": "models",
                "BUILDKITE_BRANCH": "main",
            },
            "buildkite:acme/models@main",
        ),
        ({"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/models"}, "github:acme/models@~"),
        ({"JENKINS_URL": "x", "JOB_NAME": 'a" b\n{c}'}, "jenkins:a__b__c_"),
    ],
)
def test_a_job_is_named_by_its_system(environment: dict[str, str], principal: str) -> None:
    job = identify(environment)
    assert job.principal == EntityRef(type="Pipeline", id=principal)
    assert job.attributes["ci"]["verified"] is False


@given(st.text(max_size=1000))
def test_whatever_the_environment_holds_the_principal_is_plain_and_short(text: str) -> None:
    principal = identify({"JENKINS_URL": "x", "JOB_NAME": text}).principal
    assert principal.id.isprintable() and principal.id.isascii()
    assert len(principal.id) <= MAX_ID
    assert EntityRef.parse(str(principal)) == principal
