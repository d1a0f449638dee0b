"""A server that has the pack in its own bundle: nothing is uploaded, and the revision is held to."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from govkernel.engines.opa import OpaEngine, OpaSettings
from govkernel.errors import PolicyError
from tests.engines.opa_packs import DECISION, FORBID, PERMIT, pack_of, question

QUIET = ("--log-level=error", "--disable-telemetry", "--skip-version-check")
PACK = pack_of(DECISION + PERMIT + FORBID)


@pytest.fixture(scope="module")
def bundle_server(opa_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "pack").mkdir()
    (folder / "pack" / ".manifest").write_text('{"roots": ["govkernel/lies"]}', encoding="utf-8")
    (folder / "pack" / "a.rego").write_text(PACK.policies[0].text, encoding="utf-8")
    bundle = folder / "bundle.tar.gz"
    subprocess.run(
        [opa_binary, "build", "-b", str(folder / "pack"), "-r", "rev-7", "-o", str(bundle)], check=True
    )
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [opa_binary, "run", "--server", "--addr=127.0.0.1:0", *QUIET, "-b", str(bundle)],
        stdout=log,
        stderr=log,
    )
    try:
        yield asyncio.run(_url(server))
    finally:
        server.kill()
        server.wait()
        log.close()


async def _url(server: subprocess.Popen[bytes]) -> str:
    """Where it listens. OPA does not tell the port it was given, so it is read from the kernel's table."""
    end = time.monotonic() + 20
    while time.monotonic() < end and server.poll() is None:
        for port in _ports(server.pid):
            url = f"http://127.0.0.1:{port}"
            try:
                async with aiohttp.ClientSession() as session, session.get(f"{url}/health") as answer:
                    if answer.status == 200:
                        return url
            except aiohttp.ClientError:
                pass
        await asyncio.sleep(0.02)
    pytest.fail("OPA did not start")


def _ports(pid: int) -> list[int]:
    table = Path("/proc/net/tcp")
    if not table.is_file():
        pytest.skip("finding OPA's port needs /proc")
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            inodes.add(link.readlink().name.removeprefix("socket:[").rstrip("]"))
        except OSError:
            continue
    rows = [line.split() for line in table.read_text(encoding="utf-8").splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]


def ask(url: str, **options: object) -> list[str]:
    async def run() -> list[str]:
        engine = OpaEngine(
            OpaSettings.model_validate({"url": url, "manage": False, "deadline": 5.0, **options})
        )
        try:
            loaded = await engine.load(PACK)
            return [reason.policy for reason in (await loaded.evaluate(question())).permits]
        finally:
            await engine.close()

    return asyncio.run(run())


def test_the_bundle_answers(bundle_server: str) -> None:
    assert ask(bundle_server) == ["lies/open"]


def test_the_expected_revision_answers(bundle_server: str) -> None:
    assert ask(bundle_server, revision="rev-7") == ["lies/open"]


def test_another_revision_is_no_answer(bundle_server: str) -> None:
    with pytest.raises(PolicyError) as caught:
        ask(bundle_server, revision="rev-8")
    assert caught.value.code == "opa.bad-answer"
    assert "rev-7" in caught.value.why


def test_a_remote_server_can_be_managed_too(bundle_server: str) -> None:
    assert ask(bundle_server, manage=True) == ["lies/open"]
