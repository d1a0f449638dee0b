"""Load plugins, and call them so that none of them can hurt a decision: isolated, time-boxed, checked, counted.

Built-in providers run on the caller's event loop. Those of other distributions run apart: plain functions
in a daemon thread each, coroutines on an event loop the plugin has to itself, so that one that blocks
forever costs a deadline and never the process. Whatever goes wrong is a :class:`PluginError` that names
the plugin.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar, cast

import pluggy

from govkernel.errors import GovkernelError, PluginError
from govkernel.hookspecs import PROJECT, Hooks

T = TypeVar("T")
R = TypeVar("R")

_LOADING_FAILED: Final = (Exception, SystemExit, GeneratorExit)
"""What a plugin may end in while it is loaded; an exit with status 0 would look like an allow of the gate's."""

DEFAULT_DEADLINE: Final = 2.0
"""Seconds a provider may take for one call."""

MAX_IN_FLIGHT: Final = 32
"""Calls of one plugin that may be under way, stuck ones included, before further ones are refused."""

_COMMANDS: Final = Hooks.govkernel_cli_commands.__name__
"""The one hook that takes something instead of offering providers."""

_REMEDY: Final = (
    "Fix the plugin, or disable it ([plugins] disabled in govkernel.toml); see `govkernel plugins`."
)


@dataclass(frozen=True)
class Provider(Generic[T]):
    """An object a plugin's hook returned.

    Attributes:
        plugin: name of the plugin.
        value: the object; follows one of the protocols in :mod:`govkernel.hookspecs`.
        builtin: shipped with govkernel, called directly.
    """

    plugin: str
    value: T
    builtin: bool


@dataclass
class PluginStatus:
    """What ``govkernel plugins`` shows of one plugin.

    Attributes:
        name: entry-point name.
        builtin: shipped with govkernel.
        hooks: hooks it implements.
        calls: calls made to its providers.
        faults: faults by error code.
        broken: why it could not be loaded; every decision is a deny until it loads or is disabled.
    """

    name: str
    builtin: bool
    hooks: tuple[str, ...] = ()
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    broken: PluginError | None = None


class PluginHost:
    """The plugins of one process."""

    def __init__(self, *, deadline: float = DEFAULT_DEADLINE) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._deadline = deadline
        self._status: dict[str, PluginStatus] = {}
        self._lanes: dict[str, _Lane] = {}
        self._providers: dict[str, tuple[Provider[Any], ...]] = {}

    def register(self, name: str, plugin: object, *, builtin: bool = False) -> None:
        """Add a plugin object.

        A plugin that cannot be registered is kept as *broken*: see :meth:`broken`.
        """
        status = self._status[name] = PluginStatus(name, builtin)
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except _LOADING_FAILED as error:
            status.broken = self._fault(name, "plugin.not-loaded", "could not be registered", error)
            return
        callers = self._manager.get_hookcallers(plugin) or []
        status.hooks = tuple(sorted(caller.name for caller in callers))
        self._providers.clear()

    def load(self, config: Mapping[str, Mapping[str, Any]], disabled: Iterable[str] = ()) -> None:
        """Register the plugins installed under the entry-point group ``govkernel``.

        One that does not load, or that has the name of another, is kept as *broken*: see :meth:`broken`.

        Args:
            config: per plugin, its table of govkernel.toml.
            disabled: names not to load.
        """
        skip = set(disabled)
        for entry in sorted(entry_points(group=PROJECT), key=lambda item: item.name):
            if entry.name in skip:
                continue
            status = self._status.setdefault(entry.name, PluginStatus(entry.name, builtin=False))
            try:
                plugin = _instantiate(entry, config.get(entry.name, {}))
            except _LOADING_FAILED as error:
                status.broken = self._fault(entry.name, "plugin.not-loaded", "could not be loaded", error)
                continue
            self.register(entry.name, plugin)

    def providers(self, hook: str) -> tuple[Provider[Any], ...]:
        """What all plugins offer for one hook, built-in ones first, each in order of registration."""
        if hook not in self._providers:
            found = [item for name in self._status for item in self._offers(name, hook)]
            self._providers[hook] = tuple(sorted(found, key=lambda item: not item.builtin))
        return self._providers[hook]

    def broken(self) -> tuple[PluginError, ...]:
        """Plugins that did not load. What they would have contributed is unknown, so nothing may be allowed."""
        return tuple(status.broken for status in self._status.values() if status.broken)

    def status(self) -> tuple[PluginStatus, ...]:
        """All plugins, by name."""
        return tuple(self._status[name] for name in sorted(self._status))

    def plugin(self, name: str) -> object | None:
        """The registered plugin object, for hooks that are not about providers."""
        return self._manager.get_plugin(name)

    def read(self, provider: Provider[Any], attribute: str, check: Callable[[Any], R]) -> R:
        """An attribute that a provider has by its protocol, checked.

        Raises:
            PluginError: ``plugin.nonsense``.
        """
        try:
            return check(getattr(provider.value, attribute))
        except Exception as error:
            what = f"has no proper {attribute!r}"
            raise self._fault(provider.plugin, "plugin.nonsense", what, error) from error

    async def call(
        self,
        provider: Provider[T],
        operation: Callable[[T], Any],
        check: Callable[[Any], R],
        *,
        deadline: float | None = None,
    ) -> R:
        """Call a provider and check what it returned.

        Args:
            provider: whom to call.
            operation: the call; may return an awaitable.
            check: returns the checked value; raises ValueError or TypeError on nonsense.
                Built-in providers are held to their types by the type checker instead.
            deadline: seconds; default is the host's for plugins of others, none for our own, which the
                caller's deadline bounds.

        Raises:
            PluginError: ``plugin.raised``, ``plugin.deadline``, ``plugin.nonsense`` or ``plugin.saturated``.
            GovkernelError: a built-in provider's own typed error, as it is.
        """
        name = provider.plugin
        self._status.setdefault(name, PluginStatus(name, provider.builtin)).calls += 1
        lane = None if provider.builtin else self._lane(name)
        limit = self._deadline if deadline is None and not provider.builtin else deadline
        try:
            async with asyncio.timeout(limit) as clock:
                result = await _run(lane, lambda: operation(provider.value))
        except Exception as error:
            if provider.builtin and isinstance(error, GovkernelError):
                raise
            if isinstance(error, TimeoutError) and clock.expired():
                what = f"did not answer within {limit or 0:g} s"
                raise self._fault(name, "plugin.deadline", what, error) from None
            what = f"failed: {error.what}" if isinstance(error, GovkernelError) else "raised an exception"
            raise self._fault(name, "plugin.raised", what, error) from error
        if provider.builtin:
            return cast(R, result)
        try:
            return check(result)
        except Exception as error:
            raise self._fault(
                name, "plugin.nonsense", "returned something else than promised", error
            ) from error

    def _lane(self, name: str) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(name)
        if lane.in_flight >= MAX_IN_FLIGHT:
            why = f"{lane.in_flight} calls have not returned"
            raise self._fault(name, "plugin.saturated", "is stuck", TimeoutError(why))
        return lane

    def _offers(self, name: str, hook: str) -> list[Provider[Any]]:
        status = self._status[name]
        if status.broken or hook not in status.hooks or hook == _COMMANDS:
            return []
        try:
            offered = list(getattr(self._manager.get_plugin(name), hook)())
        except _LOADING_FAILED as error:
            status.broken = self._fault(name, "plugin.not-loaded", f"failed in {hook}", error)
            return []
        return [Provider(name, value, status.builtin) for value in offered]

    def _fault(self, name: str, code: str, what: str, error: BaseException) -> PluginError:
        if name in self._status:
            self._status[name].faults[code] += 1
        why = f"{type(error).__name__}: {_shorten(_said(error))}"
        return PluginError(code, f"Plugin {name!r} {what}.", plugin=name, why=why, remedy=_REMEDY)


class _Lane:
    """Where the calls of one plugin run: daemon threads, and a loop of its own for coroutines."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._counting = threading.Lock()
        self._choosing = threading.Lock()  # held while a loop is tested; the caller's never waits for it
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alive = threading.Event()
        self.in_flight = 0

    async def run(self, operation: Callable[[], Any]) -> Any:
        """Run ``operation`` in a daemon thread; when the caller stops waiting, the thread is left behind."""
        outcome: ThreadFuture[_Outcome] = ThreadFuture()
        with self._counting:
            self.in_flight += 1
        threading.Thread(target=self._work, args=(operation, outcome), daemon=True, name=self._plugin).start()
        result, error = await asyncio.wrap_future(outcome)
        if error is not None:
            raise error
        return result

    def _work(self, operation: Callable[[], Any], outcome: ThreadFuture[_Outcome]) -> None:
        try:
            result = operation()
            if inspect.isawaitable(result):
                result = self._await(result, outcome)
            _settle(outcome, (result, None))
        except BaseException as error:  # a plugin may raise SystemExit; it must not get further than this
            _settle(outcome, (None, error if isinstance(error, Exception) else RuntimeError(repr(error))))
        finally:
            with self._counting:
                self.in_flight -= 1

    def _await(self, awaitable: Awaitable[Any], outcome: ThreadFuture[_Outcome]) -> Any:
        async def wait() -> Any:
            try:
                return await awaitable
            except (SystemExit, KeyboardInterrupt) as error:  # would end the loop, and the process with it
                raise RuntimeError(repr(error)) from error

        running = asyncio.run_coroutine_threadsafe(wait(), self._responsive_loop())
        outcome.add_done_callback(lambda done: running.cancel() if done.cancelled() else None)
        return running.result()

    def _responsive_loop(self) -> asyncio.AbstractEventLoop:
        """The plugin's loop; a new one when the last does not react (a coroutine blocked it)."""
        with self._choosing:
            if self._loop is not None:
                self._alive.clear()
                self._loop.call_soon_threadsafe(self._alive.set)
                if self._alive.wait(timeout=0.25):
                    return self._loop
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True, name=f"{self._plugin}-loop").start()
            return self._loop


_Outcome = tuple[Any, Exception | None]
"""What a call returned, or raised. As a value: a future that *raises* a CancelledError would cancel its waiter."""


def _settle(outcome: ThreadFuture[_Outcome], value: _Outcome) -> None:
    if outcome.set_running_or_notify_cancel():
        outcome.set_result(value)


async def _run(lane: _Lane | None, operation: Callable[[], Any]) -> Any:
    if lane is not None:
        return await lane.run(operation)
    result = operation()
    return await result if inspect.isawaitable(result) else result


def _instantiate(entry: EntryPoint, config: Mapping[str, Any]) -> object:
    loaded: object = entry.load()
    if not inspect.isclass(loaded):
        return loaded
    return cast(Callable[[dict[str, Any]], object], loaded)(dict(config))


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "its message cannot be read"


def _shorten(text: str, limit: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
