"""A real Ray on this machine: a scan says what the embedded one says, a deployment answers as the library does."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from govkernel.errors import GovkernelError

pytest.importorskip("presidio_analyzer", reason='pip install "govkernel[guard]"')
pytest.importorskip("ray", reason='pip install "govkernel[ray]"')
import ray
from ray import serve

from govkernel.scaling import Replicas, application, workspace_screen
from runtime_guard.scale.scan import QUIET, Workers, scan_dataset
from runtime_guard.scale.serve import Scaling, Screening, screening
from runtime_guard.scan import scan_path
from tests.runtime_guard.scale.colours import colour_screen

pytestmark = pytest.mark.slow
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = str(Path(__file__).parents[3])


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Two CPUs of this machine, calling nobody."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in QUIET.items():
            patch.setenv(key, value)
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"env_vars": {"PYTHONPATH": ROOT}},
        )
        yield
        ray.shutdown()


def scan(path: Path, part: int = 64) -> Any:
    return scan_dataset(path, colour_screen, workers=Workers(most=2, cpus=0.5), part=part, now=NOW)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Rows in several formats, two of them no rows."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [
        json.dumps({"text": f"row {number} is {'red' if number % 3 else 'blue'}"}) for number in range(40)
    ]
    rows[7], rows[23] = "{broken", '{"twice": 1, "twice": 2}'
    (folder / "rows.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "lines.txt").write_text("red\n\nblue\n" * 9)
    (folder / "one.json").write_text('[{"a": "red"}, "blue"]')
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "empty.jsonl").write_text("")
    return folder


def test_a_scan_says_what_the_embedded_one_says(dataset: Path) -> None:
    assert scan(dataset) == scan_path(dataset, now=NOW, screen=colour_screen())


def test_parquet_is_scanned_too(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = [{"text": "red", "more": [{"inner": "a red car"}], "raw": b"red"} for _ in range(10)]
    rows.append({"text": "blue", "more": [], "raw": b"\xff"})
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet", row_group_size=4)
    said = scan(tmp_path / "rows.parquet")
    assert (said.records, said.findings, said.bad_rows) == (10, {"COLOUR": 30}, ["rows.parquet:11"])
    assert not said.complete


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("rows.txt", b"fine\nbroken\n", "guard.detector-failed"),
        ("rows.parquet", b"no parquet", "scan.unreadable"),
    ],
)
def test_what_cannot_be_scanned_is_an_error_of_the_scan(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GovkernelError) as caught:
        scan(tmp_path)
    assert caught.value.code == code


@pytest.fixture(scope="module")
def deployed(cluster: None) -> Iterator[Any]:
    """The handle of a deployment that listens on loopback, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    made = serve.run(screening(colour_screen, Scaling(most=2, queue=4, cpus=0.2)), name="screening")
    yield made, f"http://127.0.0.1:{port}/"
    serve.shutdown()


def post(url: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, body or None, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_row_over_http_gets_the_document_that_the_library_gives(deployed: Any) -> None:
    row = {"id": 7, "text": "shout at the red car", "role": "user"}
    (said,) = colour_screen().screen_many([row])
    assert post(deployed[1], json.dumps(row).encode(), **{"x-govkernel-tenant": "acme"}) == (200, said)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"id": 1, "text": "broken"}', 503, "guard.detector-failed"),
        (b'{"id": 1}', 400, "row.malformed"),
        (b"{", 400, "json.malformed"),
        (b'{"text": "a"}\n{"text": "b"}', 400, "row.malformed"),
        (b"", 400, "row.malformed"),
    ],
)
def test_what_is_not_screened_is_an_error_and_never_clean(
    deployed: Any, body: bytes, status: int, code: str
) -> None:
    said = post(deployed[1], body)
    assert (said[0], said[1]["error"]["code"]) == (status, code)


def test_many_messages_go_through_the_handle_at_once(deployed: Any) -> None:
    async def all_of_them() -> list[dict[str, Any]]:
        texts = [f"{'red' if number % 2 else 'blue'} {number}" for number in range(40)]
        return await asyncio.gather(*(deployed[0].message.remote(text, "user", "acme") for text in texts))

    said = asyncio.run(all_of_them())
    assert [bool(one["findings"]) for one in said] == [bool(number % 2) for number in range(40)]


def test_replicas_and_what_they_take_are_as_was_said(tmp_path: Path) -> None:
    (tmp_path / "govkernel.toml").write_text("[guard]\ntiers = [1]\n")
    said = Replicas(
        config=tmp_path / "govkernel.toml", least=2, most=8, queue=4, at_once=32, waiting=9, gpus=0.25
    )
    made: Any = application(said)._bound_deployment
    scaling = made._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (2, 8, 4)
    assert (made.max_ongoing_requests, made.max_queued_requests) == (32, 9)
    assert made.ray_actor_options["num_gpus"] == 0.25


def test_a_replica_screens_with_what_the_workspace_says(tmp_path: Path) -> None:
    (tmp_path / "govkernel.toml").write_text("[guard]\ntiers = [1]\n")
    replica = Screening(partial(workspace_screen, tmp_path / "govkernel.toml"))
    said = asyncio.run(replica.message("mail jane.roe@example.com"))
    assert "EMAIL_ADDRESS" in {item["type"] for item in said["findings"]}
