"""The plugin host: whatever a plugin of somebody else does ends as one counted PluginError that names it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel import checks
from govkernel.errors import CODE_PATTERN, GovkernelError, PluginError, PolicyError
from govkernel.hookspecs import hookimpl
from govkernel.plugins import MAX_IN_FLIGHT, PluginHost, Provider
from tests.simulators.faulty_plugin import RELEASE, block_the_loop, hang, raising, returning, wait_forever

SOON = 0.1
"""A deadline that hanging calls are to exceed."""

STRANGER = Provider("stranger", object(), builtin=False)
OURS = Provider("ours", object(), builtin=True)
REPO = Path(__file__).parent.parent


class Mute(Exception):
    """Cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Detectors:
    """Offers what it is told to."""

    def __init__(self, offer: Callable[[], Any] = list) -> None:
        self._offer = offer

    @hookimpl
    def govkernel_detectors(self) -> Any:
        return self._offer()


class Misspelt:
    """Implements a hook that does not exist."""

    @hookimpl
    def govkernel_detectorz(self) -> Any:
        return []


@pytest.fixture(autouse=True, scope="module")
def let_hanging_calls_go() -> Iterator[None]:
    RELEASE.clear()
    yield
    RELEASE.set()
    RELEASE.clear()  # for the next module; who waited has been woken


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Ends the hanging calls of one test."""
    event = threading.Event()
    yield event
    event.set()


def called(
    operation: Callable[[Any], Any],
    *,
    host: PluginHost | None = None,
    provider: Provider[Any] = STRANGER,
    check: Callable[[Any], Any] = checks.anything,
    deadline: float | None = None,
) -> Any:
    return asyncio.run((host or PluginHost(deadline=30)).call(provider, operation, check, deadline=deadline))


def fault(operation: Callable[[Any], Any], **rest: Any) -> PluginError:
    with pytest.raises(PluginError) as caught:
        called(operation, **rest)
    return caught.value


def faults(host: PluginHost, name: str = "stranger") -> dict[str, int]:
    return next(dict(item.faults) for item in host.status() if item.name == name)


# Where calls run


@pytest.mark.parametrize("provider", [STRANGER, OURS])
def test_functions_and_coroutines_answer(provider: Provider[Any]) -> None:
    async def later(_: Any) -> str:
        await asyncio.sleep(0)
        return "later"

    assert called(lambda _: "now", provider=provider) == "now"
    assert called(later, provider=provider) == "later"


def test_a_stranger_runs_in_another_thread_and_we_in_the_callers() -> None:
    here = threading.get_ident()
    assert called(lambda _: threading.get_ident(), provider=OURS) == here
    assert called(lambda _: threading.get_ident()) != here


def test_a_strangers_coroutines_share_one_loop_that_is_not_ours() -> None:
    async def which(_: Any) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def run() -> None:
        host = PluginHost(deadline=30)
        first = await host.call(STRANGER, which, checks.anything)
        second = await host.call(STRANGER, which, checks.anything)
        other = await host.call(Provider("other", None, False), which, checks.anything)
        assert first is second
        assert len({first, other, asyncio.get_running_loop()}) == 3
        assert await host.call(OURS, which, checks.anything) is asyncio.get_running_loop()

    asyncio.run(run())


def test_one_stuck_call_holds_up_no_other(release: threading.Event) -> None:
    async def run() -> None:
        host = PluginHost(deadline=30)
        stuck = asyncio.ensure_future(host.call(STRANGER, lambda _: release.wait(30), checks.anything))
        assert await host.call(STRANGER, lambda _: "same plugin", checks.anything) == "same plugin"
        other = Provider("other", None, builtin=False)
        assert await host.call(other, lambda _: "other plugin", checks.anything) == "other plugin"
        assert not stuck.done()
        release.set()
        assert await stuck is True

    asyncio.run(run())


def test_a_plugin_that_blocked_its_loop_gets_a_new_one() -> None:
    async def answer(_: Any) -> str:
        return "here again"

    host = PluginHost(deadline=30)
    assert fault(block_the_loop, host=host, deadline=SOON).code == "plugin.deadline"
    assert called(answer, host=host) == "here again"


def test_our_loop_does_not_wait_for_a_plugins_loop_to_react(release: threading.Event) -> None:
    class Unresponsive(threading.Event):
        asked = threading.Event()

        def wait(self, timeout: float | None = None) -> bool:
            self.asked.set()
            return release.wait(30)

    async def answer(_: Any) -> str:
        return "later"

    async def run() -> None:
        host = PluginHost(deadline=30)
        await host.call(STRANGER, answer, checks.anything)
        lane = host._lanes["stranger"]
        lane._alive = Unresponsive()
        waiting = asyncio.ensure_future(host.call(STRANGER, answer, checks.anything))
        await asyncio.to_thread(Unresponsive.asked.wait, 30)
        timer = threading.Timer(20, release.set)  # only so that a failure ends
        timer.start()
        assert await host.call(STRANGER, lambda _: "now", checks.anything) == "now"
        assert not release.is_set()
        timer.cancel()
        release.set()
        assert await waiting == "later"

    asyncio.run(run())


# What goes wrong in a call


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        TimeoutError("the registry did not answer"),
        ConnectionError(),
        StopIteration(),
        SystemExit(0),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
        concurrent.futures.CancelledError(),
        concurrent.futures.InvalidStateError(),
        BaseExceptionGroup("several", [SystemExit(0)]),
        PolicyError("policy.other", "Typed."),
        PluginError("plugin.raised", "It was not me.", plugin="somebody else"),
        Mute(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("style", ["def", "async def"])
def test_whatever_a_plugin_raises_is_its_own_counted_fault(error: BaseException, style: str) -> None:
    async def later(_: Any) -> Any:
        raise error

    host = PluginHost(deadline=30)
    found = fault(raising(error) if style == "def" else later, host=host)
    assert (found.code, found.plugin) == ("plugin.raised", "stranger")
    assert CODE_PATTERN.fullmatch(found.code)
    assert found.what
    assert found.remedy
    assert faults(host) == {"plugin.raised": 1}


@pytest.mark.parametrize("act", [hang, wait_forever, block_the_loop])
def test_whatever_hangs_costs_its_deadline(act: Callable[..., Any]) -> None:
    host = PluginHost(deadline=SOON)
    found = fault(act, host=host)
    assert (found.code, found.plugin) == ("plugin.deadline", "stranger")
    assert "0.1 s" in found.what
    assert faults(host) == {"plugin.deadline": 1}


def test_a_call_may_have_a_deadline_of_its_own() -> None:
    assert fault(hang, deadline=SOON).code == "plugin.deadline"
    assert fault(wait_forever, provider=OURS, deadline=SOON).code == "plugin.deadline"


def test_a_coroutine_past_its_deadline_is_cancelled() -> None:
    cancelled = threading.Event()

    async def wait(_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    fault(wait, deadline=SOON)
    assert cancelled.wait(30)


def test_the_callers_own_cancellation_is_no_fault(release: threading.Event) -> None:
    async def run() -> None:
        host = PluginHost(deadline=30)
        began = threading.Event()
        call = asyncio.ensure_future(
            host.call(STRANGER, lambda _: (began.set(), release.wait(30)), checks.anything)
        )
        await asyncio.to_thread(began.wait, 30)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert faults(host) == {}

    asyncio.run(run())


@pytest.mark.parametrize("wrong", [TypeError("x"), ValueError("x"), RecursionError(), KeyError("x")])
def test_nonsense_is_a_fault_of_its_plugin(wrong: Exception) -> None:
    host = PluginHost(deadline=30)
    found = fault(returning(1), host=host, check=raising(wrong))
    assert (found.code, found.plugin) == ("plugin.nonsense", "stranger")
    assert faults(host) == {"plugin.nonsense": 1}


def test_the_checked_value_is_what_the_caller_gets() -> None:
    assert called(returning("1"), check=int) == 1


def test_our_own_typed_errors_stay_what_they_are() -> None:
    with pytest.raises(GovkernelError) as caught:
        called(raising(PolicyError("policy.other", "Typed.")), provider=OURS)
    assert caught.value.code == "policy.other"


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError("no")])
def test_our_own_exceptions_are_typed_too(error: Exception) -> None:
    found = fault(raising(error), provider=OURS)
    assert (found.code, found.plugin, found.why) == ("plugin.raised", "ours", f"{type(error).__name__}: no")


@given(st.text(max_size=2000))
def test_what_a_plugin_says_is_shortened_to_a_line(words: str) -> None:
    found = fault(raising(ValueError(words)))
    assert len(found.why) <= len("ValueError: ") + 200
    assert "\n" not in found.why


# How many calls


def test_calls_and_faults_are_counted_per_plugin_and_code() -> None:
    host = PluginHost(deadline=30)
    for act in (raising(ValueError()), raising(ValueError()), returning(1), returning(2)):
        fault(act, host=host, check=checks.text)
    called(returning("x"), host=host, check=checks.text)
    called(returning("x"), host=host, provider=OURS)
    assert {item.name: item.calls for item in host.status()} == {"stranger": 5, "ours": 1}
    assert faults(host) == {"plugin.raised": 2, "plugin.nonsense": 2}
    assert faults(host, "ours") == {}


def test_a_plugin_that_is_stuck_is_refused_until_its_calls_return(release: threading.Event) -> None:
    ended = threading.Semaphore(0)

    def stick(_: Any) -> None:
        release.wait(30)
        ended.release()

    async def run() -> None:
        host = PluginHost(deadline=30)
        stuck = [
            asyncio.ensure_future(host.call(STRANGER, stick, checks.anything)) for _ in range(MAX_IN_FLIGHT)
        ]
        await asyncio.sleep(0)
        with pytest.raises(PluginError) as caught:
            await host.call(STRANGER, returning(1), checks.anything)
        assert (caught.value.code, caught.value.plugin) == ("plugin.saturated", "stranger")
        assert faults(host) == {"plugin.saturated": 1}
        other = Provider("other", None, builtin=False)
        assert await host.call(other, returning(1), checks.anything) == 1
        release.set()
        await asyncio.gather(*stuck)
        assert await host.call(STRANGER, returning(1), checks.anything) == 1

    asyncio.run(run())


def test_calls_that_were_given_up_still_count_as_under_way(release: threading.Event) -> None:
    host = PluginHost(deadline=SOON)

    async def run() -> None:
        calls = [
            host.call(STRANGER, lambda _: release.wait(30), checks.anything) for _ in range(MAX_IN_FLIGHT)
        ]
        given_up = await asyncio.gather(*calls, return_exceptions=True)
        assert {item.code for item in given_up if isinstance(item, PluginError)} == {"plugin.deadline"}
        with pytest.raises(PluginError) as caught:
            await host.call(STRANGER, returning(1), checks.anything)
        assert caught.value.code == "plugin.saturated"

    asyncio.run(run())


def test_threads_of_a_lane_never_keep_the_process() -> None:
    code = (
        "import asyncio, threading\n"
        "from govkernel.plugins import PluginHost, Provider\n"
        "host = PluginHost(deadline=0.05)\n"
        "def hang(_): threading.Event().wait()\n"
        "async def block(_): threading.Event().wait()\n"
        "for act in (hang, block):\n"
        "    try: asyncio.run(host.call(Provider('x', None, False), act, lambda v: v))\n"
        "    except Exception as error: print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["plugin.deadline"] * 2


# Registration


def test_providers_are_ours_first_then_in_order_of_registration() -> None:
    host = PluginHost()
    for name, builtin in (("b", False), ("z", True), ("a", False), ("y", True)):
        host.register(name, Detectors(lambda name=name: [name, name.upper()]), builtin=builtin)
    offered = [(item.plugin, item.value, item.builtin) for item in host.providers("govkernel_detectors")]
    assert [value for _, value, _ in offered] == ["z", "Z", "y", "Y", "b", "B", "a", "A"]
    assert all(builtin is (name in "yz") for name, _, builtin in offered)
    assert host.providers("govkernel_upstreams") == ()


def test_a_hook_is_asked_once_until_another_plugin_comes() -> None:
    asked: list[int] = []
    host = PluginHost()
    host.register("one", Detectors(lambda: asked.append(1) or []))
    host.providers("govkernel_detectors")
    host.providers("govkernel_detectors")
    assert asked == [1]
    host.register("two", Detectors(lambda: ["new"]))
    assert [item.value for item in host.providers("govkernel_detectors")] == ["new"]


@pytest.mark.parametrize(
    "offer",
    [
        raising(RuntimeError("no licence")),
        raising(SystemExit(0)),
        raising(GeneratorExit()),
        returning(None),
        returning(7),
    ],
)
def test_a_plugin_whose_hook_fails_is_broken_and_offers_nothing(offer: Callable[..., Any]) -> None:
    host = PluginHost()
    host.register("stranger", Detectors(offer))
    assert host.broken() == ()
    assert host.providers("govkernel_detectors") == ()
    assert [(item.code, item.plugin) for item in host.broken()] == [("plugin.not-loaded", "stranger")]
    assert faults(host) == {"plugin.not-loaded": 1}


def test_an_unknown_hook_breaks_the_plugin_that_has_it() -> None:
    host = PluginHost()
    host.register("stranger", Misspelt())
    assert "govkernel_detectorz" in host.broken()[0].why


def test_two_plugins_of_one_name_allow_nothing() -> None:
    host = PluginHost()
    host.register("one", Detectors(lambda: ["first"]))
    host.register("one", Detectors(lambda: ["second"]))
    assert [item.plugin for item in host.broken()] == ["one"]
    assert host.providers("govkernel_detectors") == ()


def test_what_a_plugin_implements_is_shown() -> None:
    host = PluginHost()
    host.register("stranger", Detectors())
    host.register("empty", object())
    assert {item.name: item.hooks for item in host.status()} == {
        "stranger": ("govkernel_detectors",),
        "empty": (),
    }
    assert isinstance(host.plugin("stranger"), Detectors)
    assert host.plugin("nobody") is None


def test_a_plugin_that_adds_commands_offers_no_providers_and_is_sound() -> None:
    class Commands:
        @hookimpl
        def govkernel_cli_commands(self, app: Any) -> None:
            raise AssertionError("nobody asked for commands")

    host = PluginHost()
    host.register("stranger", Commands())
    assert [host.providers(hook) for item in host.status() for hook in item.hooks] == [()]
    assert host.broken() == ()


# Entry points


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install distributions that have one module and one entry point each."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        "govkernel.plugins.entry_points",
        lambda group: [item for item in _entry_points_under(tmp_path) if item.group == group],
    )

    def install(distribution: str, source: str, *, name: str, target: str = "Plugin") -> None:
        (tmp_path / f"{distribution}_module.py").write_text(source)
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[govkernel]\n{name} = {distribution}_module:{target}\n")

    return install


def _entry_points_under(folder: Path) -> list[Any]:
    from importlib.metadata import distributions

    return [entry for found in distributions(path=[str(folder)]) for entry in found.entry_points]


OFFERING = """
from govkernel.hookspecs import hookimpl
class Plugin:
    def __init__(self, config): self.config = config
    @hookimpl
    def govkernel_detectors(self): return [dict(self.config, by=__name__)]
plugin = Plugin({"made": "before"})
"""


def offered(host: PluginHost) -> list[Any]:
    return [item.value for item in host.providers("govkernel_detectors")]


def test_an_installed_class_gets_its_own_settings(install: Callable[..., None]) -> None:
    install("gk_a", OFFERING, name="a")
    install("gk_b", OFFERING, name="b", target="plugin")
    host = PluginHost()
    host.load({"a": {"url": "x"}, "b": {"url": "y"}})
    assert offered(host) == [{"url": "x", "by": "gk_a_module"}, {"made": "before", "by": "gk_b_module"}]
    assert host.broken() == ()
    assert not any(item.builtin for item in host.status())


def test_a_disabled_plugin_is_not_even_imported(install: Callable[..., None]) -> None:
    install("gk_off", "import os\nos.environ['GK_OFF_WAS_IMPORTED'] = '1'\nraise ImportError", name="off")
    host = PluginHost()
    host.load({}, disabled=["off", "not installed"])
    assert (host.status(), host.broken()) == ((), ())
    assert "GK_OFF_WAS_IMPORTED" not in os.environ


@pytest.mark.parametrize(
    "source",
    [
        "import a_module_that_is_not_there",
        "raise RuntimeError('no licence')",
        "import sys; sys.exit(0)",
        "import",
        "",
        "class Plugin:\n def __init__(self): pass",
        "class Plugin:\n def __init__(self, config): raise SystemExit(0)",
        "class Plugin:\n def __init__(self, config): config['needed']",
    ],
)
def test_an_installed_plugin_that_does_not_load_is_named_and_the_others_load(
    install: Callable[..., None], source: str
) -> None:
    install(f"gk_bad_{hashlib.sha256(source.encode()).hexdigest()}", source, name="bad")
    install("gk_good", OFFERING, name="good")
    host = PluginHost()
    host.load({})
    assert [(item.code, item.plugin) for item in host.broken()] == [("plugin.not-loaded", "bad")]
    assert offered(host) == [{"by": "gk_good_module"}]
    assert faults(host, "bad") == {"plugin.not-loaded": 1}


def test_two_installed_plugins_of_one_name_are_broken_and_not_silently_one(
    install: Callable[..., None],
) -> None:
    install("gk_first", OFFERING, name="same")
    install("gk_second", OFFERING, name="same")
    host = PluginHost()
    host.load({})
    assert [item.plugin for item in host.broken()] == ["same"]
    assert host.providers("govkernel_detectors") == ()


def test_an_installed_plugin_cannot_take_the_name_of_ours(install: Callable[..., None]) -> None:
    install("gk_cuckoo", OFFERING, name="engines")
    host = PluginHost()
    host.register("engines", Detectors(lambda: ["ours"]), builtin=True)
    host.load({})
    assert [item.plugin for item in host.broken()] == ["engines"]
    assert offered(host) == []
