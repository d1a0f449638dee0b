"""A real MLflow server: what its client logs and registers is resolved to the digest of the folder that was logged."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from govkernel_mlflow import MlflowResolver, MlflowSettings

from govkernel.domain import Artifact, ArtifactKind, ArtifactRef
from govkernel.provenance import describe
from tests.simulators.admitting import model_files, write_files

FILES = model_files()
LONG = 120.0
INSTALL = 'pip install "mlflow==3.17.*", or put the mlflow of another environment on PATH'
REGISTER = """
import sys
from mlflow import MlflowClient, log_artifacts, register_model, set_tracking_uri, start_run
set_tracking_uri(sys.argv[1])
client = MlflowClient()
with start_run() as run:
    log_artifacts(sys.argv[2], "model")
with start_run() as other:
    log_artifacts(sys.argv[3], "model")
client.create_registered_model("fraud")
client.create_model_version("fraud", f"{run.info.artifact_uri}/model", run.info.run_id)
client.create_model_version("fraud", f"runs:/{other.info.run_id}/model", other.info.run_id)
client.set_registered_model_alias("fraud", "champion", "1")
"""

pytestmark = pytest.mark.slow


def mlflow() -> Path:
    beside = Path(sys.executable).with_name("mlflow")
    found = str(beside) if beside.exists() else shutil.which("mlflow")
    if found is None:
        pytest.skip(INSTALL)
    return Path(found)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with its own store."""
    command, folder = mlflow(), tmp_path_factory.mktemp("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    arguments = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    arguments += ["--backend-store-uri", f"sqlite:///{folder}/db.sqlite"]
    arguments += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [command, *arguments], stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url, running)
            yield url
        finally:
            os.killpg(running.pid, 15)
            running.wait(LONG)


def _wait_for(url: str, running: subprocess.Popen[bytes]) -> None:
    with httpx.Client(trust_env=False) as client:
        for _ in range(int(LONG) * 4):
            with suppress(httpx.TransportError):
                client.get(f"{url}/health").raise_for_status()
                return
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"the server ended with {running.wait(0.25)}")
    pytest.fail("the server did not come up")


@pytest.fixture(scope="module")
def registered(server: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Artifact, Artifact]:
    """The server with two versions of a model, and the folders that were logged."""
    folder = tmp_path_factory.mktemp("models")
    first = write_files(folder / "first", FILES)
    second = write_files(folder / "second", FILES | {"config.json": b"[]"})
    python = mlflow().with_name("python")
    subprocess.run(
        [python, "-c", REGISTER, server, str(first), str(second)],
        check=True,
        capture_output=True,
        timeout=LONG,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=folder,
    )
    return server, describe(first, ArtifactKind.MODEL), describe(second, ArtifactKind.MODEL)


def resolve(server: str, uri: str) -> Artifact | None:
    table = {"servers": [{"url": server}], "wait": LONG, "timeout": 30.0}
    asked = MlflowResolver(MlflowSettings.model_validate(table))
    return asyncio.run(asked.resolve(ArtifactRef(uri=uri, kind=ArtifactKind.MODEL)))


@pytest.mark.parametrize(
    ("uri", "which"),
    [
        ("mlflow://models/fraud/1", 1),
        ("mlflow://models/fraud/2", 2),
        ("mlflow://models/fraud@champion", 1),
        ("models:/fraud@champion", 1),
    ],
)
def test_a_version_is_the_artifact_that_was_logged(
    registered: tuple[str, Artifact, Artifact], uri: str, which: int
) -> None:
    here = resolve(registered[0], uri)
    there = registered[which]
    assert isinstance(there, Artifact)
    assert here is not None
    assert (here.digest, here.aliases, here.formats) == (there.digest, there.aliases, there.formats)


@pytest.mark.parametrize(
    "uri",
    ["mlflow://models/fraud/9", "mlflow://models/none/1", "mlflow://models/fraud@none", "models:/none@none"],
)
def test_what_is_not_there_stays_unresolved(registered: tuple[str, Artifact, Artifact], uri: str) -> None:
    assert resolve(registered[0], uri) is None
