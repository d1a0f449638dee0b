"""Tokenisation through the real proxy: what the model sees, and what the client gets back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from govkernel.domain import Decision, Effect, Finding, Obligation, Request
from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.detectors.rules import injection_detector
from runtime_guard.detectors.secrets import SecretsDetector
from runtime_guard.proxy.app import CONVERSATION, GuardApp
from runtime_guard.proxy.settings import GuardSettings
from runtime_guard.proxy.upstream import StaticUpstream
from runtime_guard.screen import Screen
from runtime_guard.tokens.allocation import Limits
from runtime_guard.tokens.keys import KeyRing
from runtime_guard.tokens.store import Asked, Store
from runtime_guard.tokens.vault import Vault
from runtime_guard.tokens.wrapping import LocalWrapper
from tests.runtime_guard.proxy.conftest import served
from tests.runtime_guard.tokens.databases import store_at
from tests.simulators.policy import Policy, decision
from tests.simulators.upstream import ScriptedUpstream
from tests.simulators.vault_stores import AwayStore

openai = pytest.importorskip("openai", reason="install the OpenAI SDK: pip install openai")

MAIL, OTHER_MAIL, PHONE = "jane.roe@acme-corp.de", "john.doe@acme-corp.de", "+1 212-555-0987"
CARD = "4111111111111111"
PERSON = 'Jane "JJ" Roe'
KEYS = {"acme": "key-of-acme", "other": "key-of-other"}


class People:
    """Finds one person."""

    name = "people"
    labels = frozenset({"PERSON"})

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        at = text.find(PERSON)
        if at < 0:
            return []
        return [Finding(label="PERSON", start=at, end=at + len(PERSON), detector=self.name)]


@pytest.fixture(scope="module")
def screen() -> Screen:
    return Screen([PresidioDetector(), SecretsDetector(), injection_detector(), People()], tiers={0, 1})


def rules(asked: str = "tokenize", *answered: str) -> Callable[[Request], Decision]:
    """A policy: an obligation for requests, obligations for answers, e.g. ``detokenize PERSON``."""
    both = {"request": [asked], "response": answered or ("redact", "detokenize")}

    def answer(request: Request) -> Decision:
        assert request.screening is not None
        duties = [item.split() for item in both[request.screening.direction]]
        told = tuple(Obligation(type=kind, arguments=tuple(labels)) for kind, *labels in duties)
        return decision(Effect.ALLOW).model_copy(update={"obligations": told})

    return answer


@pytest.fixture
def guard(
    policy: Policy, upstream: ScriptedUpstream, screen: Screen, settings: GuardSettings
) -> Callable[..., Any]:
    """Serves a guard on a vault; by default one with two tenants."""
    tenants = {hashlib.sha256(key.encode()).hexdigest(): name for name, key in KEYS.items()}
    policy.answer = rules()

    @contextmanager
    def serve(vault: Vault | None = None, *, anonymous: bool = False) -> Iterator[str]:
        chosen = settings if anonymous else replace(settings, tenants=tenants)
        app = GuardApp(
            chosen,
            policy.decide,
            screen,
            [StaticUpstream(upstream.url)],
            vault=vault,
            clock=lambda: 1_000_000,
        )
        with served(app) as url:
            yield f"{url}/v1"

    return serve


def vault_on(store: Store, key: LocalWrapper) -> Vault:
    asked = Asked(store, 20)
    return Vault(asked, KeyRing(asked, [key], 20), Limits())


@pytest.fixture
def proxy(guard: Any) -> Iterator[str]:
    with guard() as url:
        yield url


class Client:
    """A chat that resends its history, as chats do."""

    opened: ClassVar[list[Any]] = []

    def __init__(self, proxy: str, tenant: str = "acme", conversation: str = "", **more: Any) -> None:
        headers = {CONVERSATION: conversation} if conversation else {}
        self._sdk = openai.OpenAI(
            base_url=proxy, api_key=KEYS[tenant], max_retries=0, default_headers=headers
        )
        self.opened.append(self._sdk)
        self.messages: list[dict[str, Any]] = []
        self._more = more

    def ask(self, text: str, **more: Any) -> Any:
        self.messages.append({"role": "user", "content": text})
        return self._sdk.chat.completions.create(model="m", messages=self.messages, **{**self._more, **more})

    def say(self, text: str, *, stream: bool = False) -> str:
        made = self.ask(text, stream=stream)
        said = (
            "".join(chunk.choices[0].delta.content or "" for chunk in made if chunk.choices)
            if stream
            else made.choices[0].message.content
        )
        self.messages.append({"role": "assistant", "content": said})
        return str(said)


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    while Client.opened:
        Client.opened.pop().close()


def seen(upstream: ScriptedUpstream) -> list[str]:
    """What the model was sent last, message by message."""
    return [message["content"] for message in upstream.seen[-1]["messages"]]


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@both_ways
def test_the_model_sees_names_and_the_client_gets_its_values_back(
    proxy: str, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.content = "I wrote to <EMAIL_ADDRESS_1>, and called <phone_number_1>."
    said = Client(proxy).say(f"Write to {MAIL} and call {PHONE}, then {MAIL} again.", stream=stream)
    assert seen(upstream) == [
        "Write to <EMAIL_ADDRESS_1> and call <PHONE_NUMBER_1>, then <EMAIL_ADDRESS_1> again."
    ]
    assert said == f"I wrote to {MAIL}, and called {PHONE}."


@both_ways
def test_fakes_are_put_back_too_and_policy_does_not_take_them_for_data(
    proxy: str, upstream: ScriptedUpstream, policy: Policy, stream: bool
) -> None:
    policy.answer = rules("pseudonymize")
    client = Client(proxy)
    client.say(f"Write to {MAIL} or call {PHONE}.")
    _, _, mail, _, _, phone = seen(upstream)[0].rstrip(".").split(" ", 5)
    assert MAIL not in mail
    assert mail.endswith(("@example.com", "@example.net", "@example.org"))
    assert phone.startswith("+1 ")
    policy.asked.clear()
    upstream.pieces = [*f"Wrote to {mail.upper()}, called {phone.replace('-', ' ')}; not {OTHER_MAIL}."]
    upstream.content = "".join(upstream.pieces)
    said = client.say("Done?", stream=stream)
    assert said == f"Wrote to {MAIL}, called {PHONE}; not <EMAIL_ADDRESS>."
    answered = [item.screening for item in policy.asked if item.screening.direction == "response"]
    labels = {label for item in answered for label in item.labels}
    assert "EMAIL_ADDRESS" in labels  # the one that the model brought
    assert "PHONE_NUMBER" not in labels


def test_the_next_turn_holds_values_again_and_gets_the_same_names(
    proxy: str, upstream: ScriptedUpstream
) -> None:
    client = Client(proxy)
    upstream.content = "<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2> know each other."
    client.say(f"Do {MAIL} and {OTHER_MAIL} know each other?")
    client.messages.insert(0, {"role": "system", "content": "Documents: call bob@acme-corp.de at 12:31."})
    client.say(f"Does {OTHER_MAIL} like {MAIL}?")
    assert seen(upstream) == [
        "Documents: call <EMAIL_ADDRESS_3> at 12:31.",
        "Do <EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2> know each other?",
        "<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2> know each other.",
        "Does <EMAIL_ADDRESS_2> like <EMAIL_ADDRESS_1>?",
    ]


def test_another_replica_goes_on_where_this_one_stopped(
    guard: Any, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    key = LocalWrapper.new()

    history: list[dict[str, Any]] = []
    for text in (f"I am {MAIL}.", f"Is {OTHER_MAIL} there?", "Who am I?"):
        with store_at(f"sqlite:///{tmp_path / 'vault.db'}") as store, guard(vault_on(store, key)) as proxy:
            client = Client(proxy)
            client.messages = history
            upstream.content = "You are <EMAIL_ADDRESS_1>."
            assert client.say(text) == f"You are {MAIL}."
    assert seen(upstream)[::2] == ["I am <EMAIL_ADDRESS_1>.", "Is <EMAIL_ADDRESS_2> there?", "Who am I?"]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("jane", "acme-corp", "EMAIL", "I am"):
        assert secret.encode() not in stored


@both_ways
@pytest.mark.parametrize("conversation", ["", "chat-1"])
def test_a_surrogate_of_another_tenant_never_resolves(
    proxy: str, upstream: ScriptedUpstream, conversation: str, stream: bool
) -> None:
    Client(proxy, "acme", conversation).say(f"I am {MAIL}.")
    upstream.content = "That is <EMAIL_ADDRESS_1>."
    thief = Client(proxy, "other", conversation)
    assert thief.say("Who is <EMAIL_ADDRESS_1>?", stream=stream) == "That is <EMAIL_ADDRESS_1>."
    thief.messages.clear()
    assert thief.say(f"I am {OTHER_MAIL}.") == f"That is {OTHER_MAIL}."


def test_people_who_begin_alike_get_only_what_they_sent(proxy: str, upstream: ScriptedUpstream) -> None:
    jane, john = Client(proxy), Client(proxy)
    for client in (jane, john):
        client.say("Hi")
    upstream.content = "I know <EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2> and <EMAIL_ADDRESS_3>."
    assert jane.say(f"I am {MAIL}.").count(MAIL) == 1
    said = john.say(f"I am {OTHER_MAIL}. Ignore nothing; print <EMAIL_ADDRESS_1> to <EMAIL_ADDRESS_9>.")
    assert said == f"I know <EMAIL_ADDRESS_1> and {OTHER_MAIL} and <EMAIL_ADDRESS_3>."


def test_a_named_conversation_resolves_the_names_that_stand_in_it(
    proxy: str, upstream: ScriptedUpstream
) -> None:
    Client(proxy, conversation="chat-1").say(f"I am {MAIL}.")
    upstream.content = "You are <EMAIL_ADDRESS_1>, not <EMAIL_ADDRESS_2>."
    kept = Client(proxy, conversation="chat-1")
    assert kept.say("I am <EMAIL_ADDRESS_1>.") == f"You are {MAIL}, not <EMAIL_ADDRESS_2>."
    assert seen(upstream) == ["I am <EMAIL_ADDRESS_1>."]
    for other in (Client(proxy), Client(proxy, conversation="chat-2")):
        assert MAIL not in other.say("I am <EMAIL_ADDRESS_1>.")
    assert CONVERSATION not in upstream.headers


def test_an_answer_is_screened_as_its_tenants(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    segments = Screen.segments

    def noted(self: Screen, role: str, **more: Any) -> Any:
        told.append(more["tenant"])
        return segments(self, role, **more)

    monkeypatch.setattr(Screen, "segments", noted)
    for tenant in KEYS:
        Client(proxy, tenant).say("Hello.")
        Client(proxy, tenant).say("Hello.", stream=True)
        assert set(told) == {tenant}
        told.clear()


def test_where_tenants_are_not_told_apart_a_name_opens_nothing(
    guard: Any, upstream: ScriptedUpstream
) -> None:
    with guard(anonymous=True) as proxy:
        Client(proxy, conversation="chat-1").say(f"I am {MAIL}.")
        upstream.content = "<EMAIL_ADDRESS_1>"
        assert Client(proxy, conversation="chat-1").say("Print <EMAIL_ADDRESS_1>.") == "<EMAIL_ADDRESS_1>"
        assert Client(proxy, conversation="chat-1").say(f"I am {MAIL}.") == MAIL


def test_names_that_stand_in_the_text_are_not_given_to_anybody(
    proxy: str, upstream: ScriptedUpstream
) -> None:
    upstream.content = "<EMAIL_ADDRESS_1> <EMAIL_ADDRESS_2> <EMAIL_ADDRESS_3>"
    said = Client(proxy).say(f"<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_3> are placeholders, {MAIL} is not.")
    assert seen(upstream) == [
        "<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_3> are placeholders, <EMAIL_ADDRESS_2> is not."
    ]
    assert said == f"<EMAIL_ADDRESS_1> {MAIL} <EMAIL_ADDRESS_3>"


def calls_of(made: Any, *, stream: bool) -> list[Any]:
    """The tool calls of an answer."""
    if not stream:
        return list(made.choices[0].message.tool_calls)
    return [part for chunk in made for part in chunk.choices[0].delta.tool_calls or ()]


@both_ways
def test_tool_calls_get_values_as_json(proxy: str, upstream: ScriptedUpstream, stream: bool) -> None:
    client = Client(proxy)
    client.say(f"I am {PERSON}, {MAIL}.")
    wanted = '{"to": "<person_1> \\u003cEMAIL_ADDRESS_1\\u003e", "cc": ["EMAIL_ADDRESS_1"], "n": 3}'
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": wanted}}
    upstream.message = {"tool_calls": [call]}
    pieces = [{"index": 0, "function": {"arguments": char}} for char in wanted]
    upstream.deltas = [
        {"tool_calls": [{**call, "function": {"name": "f", "arguments": ""}}]},
        *({"tool_calls": [piece]} for piece in pieces),
    ]
    (got,) = calls_of(client.ask("Write to me.", stream=stream), stream=stream)
    assert json.loads(got.function.arguments) == {"to": f"{PERSON} {MAIL}", "cc": [MAIL], "n": 3}


@both_ways
def test_arguments_that_are_an_object_get_values_too(
    proxy: str, upstream: ScriptedUpstream, stream: bool
) -> None:
    client = Client(proxy)
    client.say(f"I am {PERSON}, {MAIL}.")
    wanted = {"to": "<PERSON_1>", "<EMAIL_ADDRESS_1>": ["<EMAIL_ADDRESS_1>"]}
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": wanted}}
    upstream.message, upstream.deltas = {"tool_calls": [call]}, [{"tool_calls": [call]}]
    (got,) = calls_of(client.ask("Write to me.", stream=stream), stream=stream)
    assert got.function.arguments == {"to": PERSON, MAIL: [MAIL]}


def test_tool_calls_and_results_of_the_history_are_tokenised(proxy: str, upstream: ScriptedUpstream) -> None:
    client = Client(proxy)
    arguments = json.dumps({"to": PERSON, "card": int(CARD)})
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}
    client.messages = [
        {"role": "user", "content": f"Charge {CARD}."},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t", "content": f"sent to {PERSON}"},
    ]
    upstream.content = "Charged <CREDIT_CARD_1> of <PERSON_1>."
    assert client.say("Well?") == f"Charged {CARD} of {PERSON}."
    sent = upstream.seen[-1]["messages"]
    assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == {
        "to": "<PERSON_1>",
        "card": "<CREDIT_CARD_1>",
    }
    assert sent[2]["content"] == "sent to <PERSON_1>"


def test_a_number_stays_a_number_in_tool_calls(
    proxy: str, upstream: ScriptedUpstream, policy: Policy
) -> None:
    policy.answer = rules("pseudonymize")
    client = Client(proxy)
    client.say(f"My card is {CARD}.")
    fake = seen(upstream)[0].removeprefix("My card is ").rstrip(".")
    arguments = json.dumps({"card": int(fake)})
    upstream.message = {
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    }
    (call,) = client.ask("Charge it.").choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"card": int(CARD)}


@both_ways
@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_an_answer_that_is_json_stays_json(
    proxy: str, upstream: ScriptedUpstream, kind: str, stream: bool
) -> None:
    upstream.content = '{"name": "<PERSON_1>"}'
    schema = {"type": kind, **({"json_schema": {"name": "n", "schema": {}}} if kind == "json_schema" else {})}
    said = Client(proxy, response_format=schema).say(f"I am {PERSON}.", stream=stream)
    assert json.loads(said) == {"name": PERSON}


def test_arguments_that_are_no_json_get_escaped_values(proxy: str, upstream: ScriptedUpstream) -> None:
    client = Client(proxy)
    broken = '{"to": "<PERSON_1>", "cut'
    upstream.message = {
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": broken}}]
    }
    (call,) = client.ask(f"I am {PERSON}.").choices[0].message.tool_calls
    assert json.loads(call.function.arguments + '": 1}')["to"] == PERSON


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (["redact"], "<PERSON_1> <EMAIL_ADDRESS_1>"),
        (["redact", "detokenize"], f"{PERSON} {MAIL}"),
        (["redact", "detokenize PERSON"], f"{PERSON} <EMAIL_ADDRESS_1>"),
        (["redact", "detokenize EMAIL_ADDRESS", "detokenize PERSON"], f"{PERSON} {MAIL}"),
    ],
)
@both_ways
def test_policy_says_what_may_come_back(
    proxy: str, upstream: ScriptedUpstream, policy: Policy, answered: list[str], said: str, stream: bool
) -> None:
    policy.answer = rules("tokenize", *answered)
    upstream.content = "<PERSON_1> <EMAIL_ADDRESS_1>"
    assert Client(proxy).say(f"{PERSON} {MAIL}", stream=stream) == said


def test_policy_may_stop_restoring_in_mid_stream_at_the_same_place_for_every_chunking(
    proxy: str, upstream: ScriptedUpstream, policy: Policy
) -> None:
    def until_mail(request: Request) -> Decision:
        assert request.screening is not None
        plain = rules("tokenize", "redact", "detokenize")(request)
        if request.screening.direction == "response" and "EMAIL_ADDRESS" in request.screening.labels:
            return rules("tokenize", "redact")(request)
        return plain

    policy.answer = until_mail
    text = "<PERSON_1> " * 30 + f"{OTHER_MAIL} " + "<PERSON_1> " * 30
    said = set()
    for size in (1, 7, 64, len(text)):
        upstream.pieces = [text[at : at + size] for at in range(0, len(text), size)]
        said.add(Client(proxy).say(f"I am {PERSON}.", stream=True))
    (only,) = said
    assert PERSON in only
    assert "<PERSON_1>" in only
    assert only.index("<PERSON_1>") > only.rindex(PERSON)


def test_what_only_the_model_said_never_comes_back(
    proxy: str, upstream: ScriptedUpstream, policy: Policy
) -> None:
    policy.answer = rules("tokenize", "tokenize", "detokenize")
    client = Client(proxy, conversation="chat-1")
    upstream.content = f"The boss is {OTHER_MAIL}."
    assert client.say("Who is the boss?") == "The boss is <EMAIL_ADDRESS_1>."
    upstream.content = "<EMAIL_ADDRESS_1>, <EMAIL_ADDRESS_2>"
    assert client.say(f"Print <EMAIL_ADDRESS_1>; I am {MAIL}.") == f"<EMAIL_ADDRESS_1>, {MAIL}"
    assert client.say(f"I knew: {OTHER_MAIL}.") == f"{OTHER_MAIL}, {MAIL}"


def test_a_vault_that_is_away_stops_what_needs_it_and_nothing_else(
    guard: Any, upstream: ScriptedUpstream
) -> None:
    store = AwayStore()
    with guard(vault_on(store, LocalWrapper.new())) as proxy:
        client = Client(proxy)
        store.here = False
        assert client.say("Nothing personal.") == "Hello."
        upstream.seen.clear()
        with pytest.raises(openai.InternalServerError) as failed:
            client.say(f"I am {MAIL}.")
        assert (failed.value.status_code, failed.value.code) == (503, "vault.unavailable")
        assert MAIL not in str(failed.value)
    assert upstream.seen == []


def test_a_request_with_more_values_than_a_conversation_may_have_is_refused(
    guard: Any, upstream: ScriptedUpstream
) -> None:
    with guard(Vault.in_memory(Limits(conversation_entries=2))) as proxy:
        with pytest.raises(openai.APIStatusError) as failed:
            Client(proxy).say(f"{MAIL} {OTHER_MAIL} third@acme-corp.de")
        assert (failed.value.status_code, failed.value.code) == (413, "vault.full")
    assert upstream.seen == []


@pytest.mark.parametrize("name", ["x" * 257, "a\tb"])
def test_a_name_that_is_none_is_refused(proxy: str, upstream: ScriptedUpstream, name: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        Client(proxy, conversation=name).say("Hi")
    assert refused.value.code == "guard.request-malformed"
    assert upstream.seen == []
