"""Detectors of strangers screen too, apart and checked; what one cannot say is an error, never clean text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from govkernel.assemble import assembled
from govkernel.config import load_settings
from govkernel.domain import Decision, Effect, Finding
from govkernel.errors import GovkernelError, PluginError
from govkernel.hookspecs import hookimpl
from govkernel.plugins import PluginHost
from govkernel.workspace import create_workspace
from tests.simulators.faulty_plugin import RELEASE, hang

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
from govkernel.guarding import guard_app, screen_of
from runtime_guard.stream import StreamScreen
from tests.runtime_guard.proxy.conftest import served
from tests.simulators.policy import decision
from tests.simulators.upstream import ScriptedUpstream


class Stranger:
    """A detector, and the plugin that offers it as often as it is told to."""

    name = "colours"
    labels = frozenset({"COLOUR"})

    def __init__(self, detect: Callable[..., Any], times: int = 1) -> None:
        self.detect = detect
        self._times = times

    @hookimpl
    def govkernel_detectors(self) -> list[Any]:
        return [self] * self._times


def screen(plugin: object, deadline: float = 5.0) -> Any:
    host = PluginHost(deadline=deadline)
    host.register("stranger", plugin)
    return screen_of(host)


def found(plugin: object, text: str, deadline: float = 5.0) -> set[tuple[str, str]]:
    made = screen(plugin, deadline)
    return {(item.label, text[item.start : item.end]) for item in asyncio.run(made.findings(text))}


def red(text: str, role: str) -> list[Finding]:
    at = text.find("red")
    return [Finding(label="COLOUR", start=at, end=at + 3, score=1.0, detector="colours")] if at >= 0 else []


async def red_later(text: str, role: str) -> list[Finding]:
    return red(text, role)


@pytest.mark.parametrize("detect", [red, red_later])
def test_what_a_stranger_finds_counts_like_ours(detect: Callable[..., Any]) -> None:
    text = "a red car costs 10.0.0.1"
    assert found(Stranger(detect), text) == {("COLOUR", "red"), ("IP_ADDRESS", "10.0.0.1")}


def raising(text: str, role: str) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "detect",
    [
        raising,
        lambda text, role: None,
        lambda text, role: [{"label": "COLOUR"}],
        lambda text, role: [Finding(label="C", start=0, end=10_000, score=1.0, detector="colours")],
        lambda text, role: red("red", role) * 100_000,
    ],
)
def test_what_a_stranger_cannot_say_is_an_error(detect: Callable[..., Any]) -> None:
    with pytest.raises(GovkernelError) as caught:
        found(Stranger(detect), "a text")
    assert caught.value.code == "guard.detector-failed"


def test_a_stranger_that_hangs_is_an_error() -> None:
    RELEASE.clear()
    try:
        with pytest.raises(GovkernelError) as caught:
            found(Stranger(lambda text, role: hang()), "a text", deadline=0.1)
    finally:
        RELEASE.set()
    assert caught.value.code == "guard.detector-failed"


@pytest.mark.parametrize(
    ("attribute", "value"), [("name", 3), ("labels", None), ("labels", "COLOUR"), ("labels", {1})]
)
def test_a_stranger_without_a_proper_name_or_labels_is_not_used(attribute: str, value: object) -> None:
    plugin = Stranger(red)
    setattr(plugin, attribute, value)
    with pytest.raises(PluginError) as caught:
        screen(plugin)
    assert caught.value.code == "plugin.nonsense"


def test_two_detectors_of_one_name_are_a_typed_error() -> None:
    with pytest.raises(PluginError) as caught:
        screen(Stranger(red, times=2))
    assert caught.value.remedy


def test_a_stranger_may_use_a_name_of_ours() -> None:
    plugin = Stranger(red)
    plugin.name = "presidio"
    assert ("COLOUR", "red") in found(plugin, "red")


def streamed(plugin: object, pieces: list[str]) -> list[str]:
    """What is released after each piece when everything found is redacted."""
    made = StreamScreen(screen(plugin), redact, "assistant")

    async def run() -> list[str]:
        return [*[await made.feed(piece) for piece in pieces], await made.finish()]

    return asyncio.run(run())


async def redact(labels: frozenset[str], findings: int) -> Decision:
    return decision(Effect.ALLOW, "redact")


def until_the_car(text: str, role: str) -> int:
    return len(text) if "car" in text else 0


@pytest.mark.parametrize(
    ("attributes", "released"),
    [
        ({}, ["", "", "A <COLOUR> car. ", "", "Bye"]),
        ({"lookahead": "sentence"}, ["", "", "A <COLOUR> car. ", "", "Bye"]),
        ({"lookahead": "word"}, ["A <COLOUR> ", "", "car. ", "", "Bye"]),
        ({"pending": until_the_car}, ["", "", "A <COLOUR> car. ", "", "Bye"]),
        ({"lookahead": "word", "roles": {"user"}}, ["A red ", "", "car. ", "", "Bye"]),
    ],
)
def test_a_stranger_says_how_long_streams_wait_for_it(
    attributes: dict[str, Any], released: list[str]
) -> None:
    plugin = Stranger(red)
    vars(plugin).update(attributes)
    assert streamed(plugin, ["A red ", "c", "ar. ", "Bye"]) == released


@pytest.mark.parametrize("answer", [-1, 10_000, None, "3", 1.5])
def test_a_stranger_that_waits_for_nonsense_is_an_error(answer: object) -> None:
    plugin = Stranger(red)
    plugin.pending = lambda text, role: answer  # type: ignore[attr-defined]
    with pytest.raises(GovkernelError) as caught:
        streamed(plugin, ["a red car "])
    assert caught.value.code == "guard.detector-failed"


@pytest.mark.parametrize(("attribute", "value"), [("lookahead", 3), ("roles", "user")])
def test_a_stranger_that_does_not_say_it_properly_is_not_used(attribute: str, value: object) -> None:
    plugin = Stranger(red)
    setattr(plugin, attribute, value)
    with pytest.raises(PluginError):
        screen(plugin)


@pytest.mark.parametrize(
    ("setting", "size", "code"),
    [
        ("max_request = 2048", 4096, "guard.request-too-large"),
        ("upstream_timeout = 0.2", 1, "guard.upstream-timeout"),
    ],
)
def test_what_the_proxy_waits_for_and_takes_is_the_workspaces_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, size: int, code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    create_workspace(tmp_path, key_name="release")
    file = tmp_path / "govkernel.toml"

    async def talk() -> str:
        async with assembled(load_settings(file)) as parts, guard_app(parts) as app:
            with served(app) as url:
                body = {"model": "m", "messages": [{"role": "user", "content": "a " * size}]}
                answer = await asyncio.to_thread(
                    httpx.post, f"{url}/v1/chat/completions", json=body, timeout=60
                )
                return str(answer.json()["error"]["code"])

    with served(ScriptedUpstream(stall=True)) as upstream:
        file.write_text(f'[[packs]]\nsource = "baseline"\n[guard]\nupstream = "{upstream}/v1"\n{setting}\n')
        assert asyncio.run(talk()) == code
