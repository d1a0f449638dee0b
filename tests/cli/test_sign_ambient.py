"""Keyless signing takes the identity of the CI job it runs in, for a private Sigstore, end to end."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.cli.conftest import Run
from tests.simulators.ci_systems import JOBS, RUNNER_SECRET, System, nowhere, running
from tests.simulators.sigstore import Instance
from tests.simulators.sigstore_http import serving, token, trust_config

JOB = "https://ci.example.test/acme/helper/release.yml@refs/heads/main"
SIGN = ("sign", "model", "model", "--key", "keyless", "--trust-config", "config.json", "--out", "it.json")


@pytest.fixture
def private(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Instance, str]]:
    """A private Sigstore, its trust files in the workspace; and no CI system around."""
    nowhere(monkeypatch)
    instance = Instance()
    with serving(instance) as url:
        Path("config.json").write_bytes(trust_config(instance, url))
        Path("trusted_root.json").write_bytes(instance.trusted_root())
        yield instance, url


@pytest.fixture
def system(private: tuple[Instance, str]) -> Iterator[System]:
    with running(System(token(private[1], JOB, private[0]))) as served:
        yield served


def verified(run: Run, issuer: str) -> Any:
    who = ("--trusted-root", "trusted_root.json", "--identity", JOB, "--issuer", issuer)
    return run("verify", "model", "--bundle", "it.json", *who, "--json")


@pytest.mark.parametrize("name", JOBS)
def test_a_job_signs_as_itself(
    name: str,
    run: Run,
    private: tuple[Instance, str],
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    JOBS[name](system, monkeypatch, tmp_path)
    signed = run(*SIGN)
    assert signed.code == 0, signed.err
    answer = verified(run, private[1])
    assert answer.code == 0, answer.out
    assert answer.json()["signers"][0]["identity"] == JOB
    assert system.token not in signed.out + signed.err + Path("it.json").read_text()


@pytest.mark.parametrize(("log_version", "stamped"), [(1, False), (1, True), (2, True)])
def test_a_private_sigstore_of_either_kind(
    log_version: int,
    stamped: bool,
    run: Run,
    private: tuple[Instance, str],
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    instance, url = private
    Path("config.json").write_bytes(trust_config(instance, url, log_version=log_version, stamped=stamped))
    JOBS["GitHub Actions"](system, monkeypatch, tmp_path)
    assert run(*SIGN).code == 0
    material = json.loads(Path("it.json").read_text())["verificationMaterial"]
    assert bool(material.get("timestampVerificationData", {}).get("rfc3161Timestamps")) is stamped
    answer = verified(run, url)
    assert answer.code == 0, answer.out
    assert answer.json()["signed_at"]
    Path("trusted_root.json").write_bytes(Instance().trusted_root())
    assert verified(run, url).code == 1, "another instance does not vouch for it"


def test_a_token_that_was_set_comes_first(
    run: Run, private: tuple[Instance, str], system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system.status = 500
    JOBS["GitHub Actions"](system, monkeypatch, tmp_path)
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", system.token)
    assert run(*SIGN).code == 0
    assert system.asked == []


def refused(run: Run, system: System) -> str:
    answer = run(*SIGN, "--json")
    assert answer.code == 2
    assert not Path("it.json").exists()
    for secret in (RUNNER_SECRET, system.token, "very-secret"):
        assert secret not in answer.out + answer.err
    return str(answer.json()["error"]["code"])


@pytest.mark.parametrize("name", [name for name in JOBS if name != "GitLab"])
def test_a_system_that_says_no(
    name: str, run: Run, system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system.status, system.raw = 403, b"your very-secret is no good"
    JOBS[name](system, monkeypatch, tmp_path)
    assert refused(run, system) == "keyless.no-identity"


@pytest.mark.parametrize("name", ["GitHub Actions", "Buildkite", "Google Compute Engine"])
def test_a_system_that_hangs_costs_its_time(
    name: str, run: Run, system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("govkernel.cli.signing.AMBIENT_SECONDS", 0.3)
    system.hangs = Event()
    JOBS[name](system, monkeypatch, tmp_path)
    assert refused(run, system) == "keyless.no-identity"


def test_a_job_that_may_have_no_token(
    run: Run, system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    JOBS["GitHub Actions"](system, monkeypatch, tmp_path)
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    answer = run(*SIGN, "--json").json()["error"]
    assert answer["code"] == "keyless.no-identity"
    assert "GitHubOidcPermissionCredentialError" in answer["why"]
    assert "id-token: write" in answer["remedy"]


def _claims(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.very-secret"


@pytest.mark.parametrize(
    "given",
    ["", "very-secret", "a.b.c", _claims(aud="somebody else"), _claims(sub="x"), "a.WzFd.c"],
)
def test_a_token_that_is_none_or_for_somebody_else(
    given: str, run: Run, system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system.token = given or "x"
    system.raw = json.dumps({"value": given}).encode()
    JOBS["GitHub Actions"](system, monkeypatch, tmp_path)
    assert refused_any(run) == "keyless.no-identity"


def refused_any(run: Run) -> str:
    answer = run(*SIGN, "--json")
    assert "very-secret" not in answer.out + answer.err
    return str(answer.json()["error"]["code"])


def test_on_no_system_nobody_is_asked(run: Run, private: tuple[Instance, str]) -> None:
    answer = run(*SIGN, "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (2, "keyless.no-identity")
