"""The engine with a real OPA as its child."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import PolicyPack
from govkernel.engines.opa import OpaEngine, OpaSettings
from govkernel.engines.opa.child import OpaChild
from govkernel.errors import PolicyError
from tests.engines.opa_packs import DECISION, FORBID, PERMIT, pack_of, question


@asynccontextmanager
async def child_engine(binary: str, **options: Any) -> AsyncIterator[OpaEngine]:
    engine = OpaEngine(OpaSettings(binary=binary, deadline=5.0, **options))
    try:
        yield engine
    finally:
        await engine.close()


def with_engine(binary: str, use: Callable[[OpaEngine], Awaitable[Any]], **options: Any) -> Any:
    async def run() -> Any:
        async with child_engine(binary, **options) as engine:
            return await use(engine)

    return asyncio.run(run())


def child_of(engine: OpaEngine) -> Any:
    return engine._link._child


def test_permits_forbids_and_obligations(opa_binary: str) -> None:
    pack = pack_of(
        DECISION + PERMIT,
        FORBID + 'forbid contains {"id": "lies/low", "reason": "r", "remedy": "m", "controls": ["C/1"],'
        ' "obligations": [{"type": "redact", "arguments": ["A"]}]} if'
        " input.context.score < input.context.parameters.minimum\n",
        parameters={"minimum": 0.5},
    )

    async def use(engine: OpaEngine) -> None:
        loaded = await engine.load(pack)
        assert loaded.policy_ids == ("lies/low", "lies/open", "lies/shut")
        clean = await loaded.evaluate(question(score=0.5))
        assert [reason.policy for reason in clean.permits] == ["lies/open"]
        assert clean.forbids == ()
        low = await loaded.evaluate(question(score=0.4, shut=True))
        assert [reason.policy for reason in low.forbids] == ["lies/low", "lies/shut"]
        assert low.forbids[0].controls == ("C/1",)
        assert [(duty.type, duty.arguments, duty.policy) for duty in low.obligations] == [
            ("redact", ("A",), "lies/low")
        ]

    with_engine(opa_binary, use)


def test_two_versions_of_a_pack_do_not_mix(opa_binary: str) -> None:
    async def use(engine: OpaEngine) -> None:
        old = await engine.load(pack_of(DECISION + PERMIT + FORBID))
        new = await engine.load(pack_of(DECISION + FORBID + "permit := set()\n"))
        assert (await old.evaluate(question())).permits
        assert not (await new.evaluate(question())).permits

    with_engine(opa_binary, use)


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ([DECISION + PERMIT + FORBID, "\nforbid contains if\n"], "b.rego:4"),
        ([DECISION + PERMIT + FORBID + "x if nope(1)\n"], "a.rego:6: undefined function nope"),
        ([DECISION + PERMIT], "var forbid is unsafe"),
        ([PERMIT + FORBID], "no rule is called `decision`"),
        (
            [DECISION + PERMIT + FORBID + 'x := http.send({"method": "get", "url": "http://a"})\n'],
            "http.send",
        ),
        ([DECISION + PERMIT + FORBID + "x := time.now_ns()\n"], "time.now_ns"),
        ([DECISION + PERMIT + FORBID + "x := opa.runtime()\n"], "opa.runtime"),
        ([DECISION + PERMIT + FORBID + "x := data.users.admin\n"], "data.users.admin"),
        ([DECISION + PERMIT + FORBID + "x := data\n"], "is recursive"),
        ([DECISION + PERMIT + FORBID + "x := count(data.govkernel)\n"], "data.govkernel: policies see"),
        ([DECISION + PERMIT + FORBID + "import data.users\nx := users.admin\n"], "data.users"),
        (["deny[x] { x := 1 }\n"], "`if` keyword is required"),
    ],
)
def test_what_does_not_load(opa_binary: str, sources: list[str], told: str) -> None:
    async def use(engine: OpaEngine) -> PolicyError:
        with pytest.raises(PolicyError) as caught:
            await engine.load(pack_of(*sources))
        return caught.value

    error = with_engine(opa_binary, use)
    assert error.code == "opa.compile"
    assert told in error.why


@pytest.mark.parametrize(
    "forbid",
    [
        'forbid contains {"id": "lies/x"} if to_number(input.context.text) > 1\n',
        'forbid contains {"id": "lies/x"} if net.cidr_contains(input.context.text, "10.0.0.1")\n',
    ],
)
def test_a_builtin_that_fails_is_an_error_not_a_silent_rule(opa_binary: str, forbid: str) -> None:
    async def use(engine: OpaEngine) -> PolicyError:
        loaded = await engine.load(pack_of(DECISION + PERMIT + forbid))
        with pytest.raises(PolicyError) as caught:
            await loaded.evaluate(question(text="s3cret"))
        return caught.value

    error = with_engine(opa_binary, use)
    assert error.code == "opa.bad-answer"
    assert "eval_builtin_error" in error.why
    assert "s3cret" not in error.why


def test_an_undefined_decision_is_an_error(opa_binary: str) -> None:
    partial = 'decision := {"permit": [], "forbid": []} if input.context.known\n'

    async def use(engine: OpaEngine) -> None:
        loaded = await engine.load(pack_of(partial))
        assert not (await loaded.evaluate(question(known=True))).permits
        with pytest.raises(PolicyError, match=r"opa\.bad-answer"):
            await loaded.evaluate(question())

    with_engine(opa_binary, use)


def test_conflicting_rules_are_an_error(opa_binary: str) -> None:
    both = 'decision := {"permit": [], "forbid": []} if input\ndecision := {"permit": [1], "forbid": []} if input\n'

    async def use(engine: OpaEngine) -> None:
        loaded = await engine.load(pack_of(both))
        with pytest.raises(PolicyError, match=r"opa\.bad-answer"):
            await loaded.evaluate(question())

    with_engine(opa_binary, use)


def test_a_killed_child_is_replaced_with_its_policies(opa_binary: str) -> None:
    async def use(engine: OpaEngine) -> None:
        loaded = await engine.load(pack_of(DECISION + PERMIT + FORBID))
        first = child_of(engine)._running._process
        child_of(engine)._backoff._pause = 0.0
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        assert (await loaded.evaluate(question())).permits
        assert child_of(engine).starts == 2

    with_engine(opa_binary, use)


def test_a_child_that_keeps_dying_is_left_alone_for_a_while(tmp_path: Path) -> None:
    stub = tmp_path / "opa"
    stub.write_text("#!/bin/sh\necho 'no luck' >&2\nexit 3\n", encoding="utf-8")
    stub.chmod(0o755)
    child = OpaChild(str(stub), clock=lambda: 0.0)
    try:
        child.socket()
        child._running._process.wait()
        with pytest.raises(PolicyError) as caught:
            child.socket()
        assert caught.value.code == "opa.unavailable"
        assert "no luck" in caught.value.why
        assert child.starts == 1
    finally:
        child.close()


def test_no_binary() -> None:
    async def use(engine: OpaEngine) -> PolicyError:
        with pytest.raises(PolicyError) as caught:
            await engine.load(pack_of(DECISION))
        return caught.value

    assert with_engine("/nowhere/opa", use).code == "opa.not-installed"


def test_the_socket_is_private_and_everything_goes_at_close(opa_binary: str) -> None:
    async def use(engine: OpaEngine) -> tuple[Path, Any]:
        await engine.load(pack_of(DECISION + PERMIT + FORBID))
        running = child_of(engine)._running
        assert stat.S_IMODE(running.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(running.socket.parent.stat().st_mode) == 0o700
        return running.socket.parent, running._process

    folder, process = with_engine(opa_binary, use)
    assert process.poll() is not None
    assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_child_dies_with_a_parent_that_is_killed(opa_binary: str) -> None:
    program = """
        import sys, time
        from govkernel.engines.opa.child import OpaChild
        child = OpaChild(sys.argv[1])
        socket, _ = child.socket()
        while not socket.exists():
            assert child._running.alive()
        print(child._running._process.pid, socket.parent, flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), opa_binary], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    shutil.rmtree(folder)
    for _ in range(1_000_000):
        if not _running(int(pid)):
            return
    pytest.fail("the OPA child outlived its parent")


def _running(pid: int) -> bool:
    """Whether the process runs; a zombie nobody waits for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def test_many_questions_at_once(opa_binary: str) -> None:
    async def use(engine: OpaEngine) -> None:
        loaded = await engine.load(pack_of(DECISION + PERMIT + FORBID))
        shut = [index % 3 == 0 for index in range(100)]
        verdicts = await asyncio.gather(*(loaded.evaluate(question(shut=value)) for value in shut))
        assert [bool(verdict.forbids) for verdict in verdicts] == shut

    with_engine(opa_binary, use)


def test_the_engine_can_be_used_from_one_event_loop_after_another(opa_binary: str) -> None:
    engine = OpaEngine(OpaSettings(binary=opa_binary, deadline=5.0))
    pack: PolicyPack = pack_of(DECISION + PERMIT + FORBID)

    async def load() -> Any:
        loaded = await engine.load(pack)
        await engine.close()
        return loaded

    async def ask(loaded: Any) -> Any:
        try:
            return await loaded.evaluate(question())
        finally:
            await engine.close()

    loaded = asyncio.run(load())
    child_of(engine)._backoff._pause = 0.0
    assert asyncio.run(ask(loaded)).permits
