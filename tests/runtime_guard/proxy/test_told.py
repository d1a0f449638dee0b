"""What clients learn of how the model server is: when to ask again, what it calls a fault, which models there are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from govkernel.errors import GovkernelError
from runtime_guard.failures import overloaded, too_many
from runtime_guard.proxy.anthropic.form import MESSAGES
from runtime_guard.proxy.app import GuardApp
from runtime_guard.proxy.forms import WireForm
from runtime_guard.proxy.models import names_models, path_of_models
from runtime_guard.proxy.openai.form import CHAT
from runtime_guard.proxy.replies import Answer
from runtime_guard.proxy.settings import GuardSettings
from runtime_guard.proxy.told import names_of_fault, told
from runtime_guard.proxy.upstream import StaticUpstream
from runtime_guard.screen import Screen
from tests.runtime_guard.proxy.conftest import served
from tests.simulators.policy import Policy, block_mail
from tests.simulators.upstream import ScriptedUpstream

MAIL = "jane.roe@example.com"
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def refused(upstream: ScriptedUpstream, status: int, error: dict[str, Any]) -> None:
    upstream.status, upstream.raw = status, json.dumps({"error": error}).encode()


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_learns_when_to_ask_again_and_why(
    proxy: str, upstream: ScriptedUpstream, stream: bool
) -> None:
    refused(
        upstream, 429, {"message": f"Too much of {MAIL}.", "type": "tokens", "code": "rate_limit_exceeded"}
    )
    upstream.told = {"retry-after": "17", "x-should-retry": "true", "x-request-id": "req_12ab"}
    answer = httpx.post(f"{proxy}/chat/completions", json={**ASKED, "stream": stream})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "17")
    assert (answer.headers["x-should-retry"], answer.headers["x-request-id"]) == ("true", "req_12ab")
    assert "HTTP status 429: tokens, rate_limit_exceeded." in answer.json()["error"]["message"]
    assert "jane.roe" not in answer.text


@pytest.mark.parametrize("path", ["chat/completions", "messages"])
def test_what_the_server_refused_is_counted_so(proxy: str, upstream: ScriptedUpstream, path: str) -> None:
    refused(upstream, 500, {"type": "server_error"})
    httpx.post(f"{proxy}/{path}", json=ASKED)
    shown = httpx.get(proxy.removesuffix("/v1") + "/metrics").text
    assert 'outcome="guard.upstream-refused"} 1' in shown
    assert 'outcome="ok"' not in shown


def test_a_stream_that_policy_ends_is_counted_so(
    proxy: str, upstream: ScriptedUpstream, policy: Policy
) -> None:
    upstream.content, policy.answer = f"Write to {MAIL} today.", block_mail
    answer = httpx.post(f"{proxy}/chat/completions", json={**ASKED, "stream": True})
    assert "content_filter" in answer.text
    shown = httpx.get(proxy.removesuffix("/v1") + "/metrics").text
    assert 'govkernel_guard_requests_total{route="chat",outcome="guard.blocked"} 1' in shown


@pytest.mark.parametrize("stream", [False, True])
def test_answers_have_the_servers_request_id_and_limits(
    proxy: str, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.told = {"x-request-id": "req_1", "x-ratelimit-reset-tokens": "6m0s", "set-cookie": "a=b"}
    answer = httpx.post(f"{proxy}/chat/completions", json={**ASKED, "stream": stream})
    assert answer.headers["x-request-id"] == "req_1"
    assert answer.headers["x-ratelimit-reset-tokens"] == "6m0s"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Retry-After", "0.5"),
        ("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("retry-after-ms", "1500"),
        ("x-should-retry", "false"),
        ("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-28T22:54:30Z"),
        ("x-ratelimit-remaining-tokens", "149984"),
    ],
)
def test_headers_that_clients_act_on_are_passed_on(name: str, value: str) -> None:
    assert told({name: value}) == {name.lower(): value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retry-after", "ask Jane Roe"),
        ("x-request-id", MAIL),
        ("x-request-id", "4111111111111111"),
        ("x-ratelimit-tokens", "Jane"),
        ("x-ratelimit-" + "a" * 60, "1"),
        ("openai-organization", "acme"),
        ("set-cookie", "1"),
    ],
)
def test_no_other_headers_are(name: str, value: str) -> None:
    assert told({name: value}) == {}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"error": {"type": "overloaded_error", "message": MAIL}}, "overloaded_error"),
        ({"error": {"type": "requests", "code": "requests"}}, "requests"),
        ({"error": {"type": MAIL, "code": 429, "status": ["x"]}}, ""),
        ({"error": "no"}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_a_fault_is_named_in_words(body: Any, names: str) -> None:
    assert names_of_fault(body) == names


def test_models_come_page_by_page(proxy: str, upstream: ScriptedUpstream) -> None:
    httpx.get(f"{proxy}/models", params={"after_id": "m2", "limit": 2, "q": MAIL})
    assert upstream.path == "/v1/models?after_id=m2&limit=2"


def test_one_model_can_be_asked_about(proxy: str, upstream: ScriptedUpstream) -> None:
    upstream.models = {"id": "acme/m-1", "object": "model"}
    assert httpx.get(f"{proxy}/models/acme/m-1").json()["id"] == "acme/m-1"
    assert upstream.path == "/v1/models/acme/m-1"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/",
        "/v1/models/../files/x",
        "/v1/models/a//b",
        "/v1/models/a b",
        "/v1/modelsx",
        "/v1/models/1",
    ],
)
def test_other_paths_name_no_model(path: str) -> None:
    assert not names_models(path)


def test_a_query_of_another_shape_is_left_out() -> None:
    assert path_of_models("/v1/models", b"limit=all&before_id=a%20b&after_id=x") == "/models?after_id=x"


def test_words_of_a_server_that_lists_no_models_are_withheld(proxy: str, upstream: ScriptedUpstream) -> None:
    upstream.status = 401
    upstream.models = {"error": {"message": "Incorrect API key: sk-op**KEY", "code": "invalid_api_key"}}
    answer = httpx.get(f"{proxy}/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "guard.upstream-refused")
    assert "invalid_api_key" in answer.json()["error"]["message"]
    assert "sk-op" not in answer.text


@pytest.mark.parametrize("error", [overloaded("encoder", "late"), too_many("mine", 4, 8)])
def test_a_guard_that_cannot_answer_now_says_so_in_its_status(
    proxy: str, screen: Screen, monkeypatch: pytest.MonkeyPatch, error: GovkernelError
) -> None:
    async def busy(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(screen, "message", busy)
    answer = httpx.post(f"{proxy}/chat/completions", json=ASKED)
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "server_error")
    assert answer.json()["error"]["code"] == error.code


def test_a_failure_that_should_not_be_is_logged_by_its_place_alone(
    proxy: str, screen: Screen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(text: str, *_: object, **__: object) -> None:
        raise ZeroDivisionError(text)

    monkeypatch.setattr(screen, "message", broken)
    asked = {"model": "m", "messages": [{"role": "user", "content": MAIL}]}
    answer = httpx.post(f"{proxy}/chat/completions", json=asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "guard.unexpected")
    assert "ZeroDivisionError, at " in caplog.text
    assert "test_told.py:" in caplog.text
    assert "jane.roe" not in caplog.text + answer.text


class Clock:
    """A clock that stands until it is moved on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("form", [CHAT, MESSAGES])
def test_a_client_hears_that_the_server_goes_on_though_nothing_is_released(form: WireForm) -> None:
    sent: list[bytes] = []
    clock = Clock()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def server() -> AsyncIterator[bytes]:
        for pause in (0.5, 0.4, 0.2, 0.9, 3.0):
            clock.now += pause
            yield b"x"

    async def relay() -> int:
        answer = Answer(send, form, clock=clock)
        await answer.begin_stream("")
        return len([chunk async for chunk in answer.beating(server(), every=1.0)])

    assert asyncio.run(relay()) == 5
    assert sent == [b"", b":\n\n", b":\n\n"]


def test_clients_take_what_keeps_a_connection_alive_for_nothing(
    policy: Policy, upstream: ScriptedUpstream, screen: Screen
) -> None:
    openai = pytest.importorskip("openai", reason="install the OpenAI SDK: pip install openai")
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    upstream.deltas, upstream.chunk_size = [{"tool_calls": [call]}], 9
    app = GuardApp(GuardSettings(beat_seconds=0), policy.decide, screen, [StaticUpstream(upstream.url)])
    with served(app) as url:
        raw = httpx.post(f"{url}/v1/chat/completions", json={**ASKED, "stream": True})
        with openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
            chunks = list(client.chat.completions.create(**ASKED, stream=True))
    assert ":\n\n" in raw.text
    [called] = [it for chunk in chunks for it in chunk.choices[0].delta.tool_calls or ()]
    assert called.function.arguments == '{"a": 1}'
