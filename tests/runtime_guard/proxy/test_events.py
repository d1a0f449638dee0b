"""A streamed message: what is released is what the whole would be, in events that an Anthropic client understands."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.errors import GovkernelError
from runtime_guard.proxy.anthropic.blocks import MAX_CALL
from runtime_guard.proxy.anthropic.form import MESSAGES
from runtime_guard.proxy.judge import Refused
from tests.runtime_guard.proxy import exchanged
from tests.runtime_guard.streamed import CHUNKED, TEXTS, cut
from tests.simulators.messages import begin, end, in_events, message_of
from tests.simulators.policy import Policy, block_mail

MAIL = "jane.roe@example.com"
CARD = "4111111111111111"
SEALED = base64.b64encode(random.Random(1).randbytes(96)).decode()
THOUGHT = {"type": "thinking", "thinking": "Nobody is named.", "signature": SEALED}
CALL = {"type": "tool_use", "id": "toolu_01", "name": "f", "input": {"to": MAIL}}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def streamed(
    *events: Any, policy: Policy | None = None
) -> tuple[list[dict[str, Any]], GovkernelError | None]:
    return exchanged.streamed(*events, done=False, policy=policy, form=MESSAGES)


def released(*events: Any, policy: Policy | None = None) -> dict[str, Any]:
    """The message that a client puts together; the events are checked to be in a valid order."""
    got, error = streamed(*events, policy=policy)
    assert error is None
    return put_together(got)


def put_together(events: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = iter([event for event in events if event["type"] != "ping"])
    message = dict(_next(kinds, "message_start")["message"])
    message["content"] = [*message["content"]]
    for event in kinds:
        if event["type"] != "content_block_start":
            break
        assert event["index"] == len(message["content"])
        message["content"].append(_block(event, kinds))
    assert event["type"] == "message_delta"
    assert _next(kinds, "message_stop") == {"type": "message_stop"}
    assert next(kinds, None) is None
    return {**message, **event["delta"], "usage": event["usage"]}


def _next(events: Iterator[dict[str, Any]], kind: str) -> dict[str, Any]:
    event = next(events)
    assert event["type"] == kind
    return event


def _block(begun: dict[str, Any], events: Iterator[dict[str, Any]]) -> dict[str, Any]:
    block = json.loads(json.dumps(begun["content_block"]))
    written = ""
    for event in events:
        assert event["index"] == begun["index"]
        if event["type"] == "content_block_stop":
            return block | ({"input": json.loads(written)} if written else {})
        for key, value in event["delta"].items():
            if key == "partial_json":
                written += value
            elif key == "citation":
                block.setdefault("citations", []).append(value)
            elif key != "type":
                block[key] += value
    raise AssertionError("A block does not end.")


def whole(block: dict[str, Any]) -> dict[str, Any]:
    """What is released of a block that comes whole."""
    answer = json.loads(json.dumps(message_of([block])))
    return asyncio.run(exchanged.conversation(form=MESSAGES).screen_answer(answer))["content"][0]


@given(CHUNKED)
@settings(max_examples=40, deadline=None)
def test_a_text_is_released_as_if_it_came_whole(chunked: tuple[str, list[str]]) -> None:
    said, pieces = chunked
    got = released(begin(), *in_events(text(said), pieces), *end())
    assert got["content"] == [whole(text(said))]
    assert got["stop_reason"] == "end_turn"


@given(CHUNKED)
@settings(max_examples=40, deadline=None)
def test_thinking_keeps_its_signature_only_as_it_was_said(chunked: tuple[str, list[str]]) -> None:
    said, pieces = chunked
    thought = {**THOUGHT, "thinking": said}
    [block] = released(begin(), *in_events(thought, pieces), *end())["content"]
    assert block == whole(thought)
    assert block["signature"] == (SEALED if _units(block["thinking"]) == _units(said) else "")


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_an_input_is_released_as_if_it_came_whole(data: st.DataObject) -> None:
    texts = TEXTS.map(lambda said: _units(said).decode("utf-16-le", "replace"))
    held = {"to": data.draw(texts), "deep": [{data.draw(texts): data.draw(texts)}]}
    pieces = data.draw(cut(json.dumps(held)))
    [block] = released(begin(), *in_events({**CALL, "input": held}, pieces), *end())["content"]
    assert block == whole({**CALL, "input": held})


def _units(said: str) -> bytes:
    """A text as units of 16 bits, whether characters are whole or in halves."""
    return said.encode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize("last", [[], end(), [end()[0]]])
def test_nothing_that_was_held_is_lost_when_a_block_ends(last: list[Any]) -> None:
    events = [*in_events(text("It is 4111 1111"), ["It is 4111", " 1111"])]
    got, error = streamed(begin(), *events, *last)
    said = "".join(event["delta"].get("text", "") for event in got if event["type"] == "content_block_delta")
    assert said == "It is 4111 1111"
    assert got[-1]["type"] == ("message_stop" if last else "content_block_stop")
    assert (error and error.code) == (None if last else "guard.upstream-stream")


def test_blocks_follow_one_another_with_their_numbers() -> None:
    blocks = [
        THOUGHT,
        text("Hi."),
        {**CALL, "input": {"n": 1}},
        {"type": "redacted_thinking", "data": SEALED},
    ]
    events = [event for number, block in enumerate(blocks) for event in in_events(block, index=number * 3)]
    assert released(begin(), *events, *end("tool_use"))["content"] == blocks


def test_a_block_that_nobody_ends_ends_with_the_next_or_with_the_message() -> None:
    open_ones = [[*in_events(text(said), index=number)][:-1] for number, said in enumerate(("One.", "Two."))]
    assert released(begin(), *open_ones[0], *open_ones[1], *end())["content"] == [text("One."), text("Two.")]


def test_of_a_call_that_is_cut_off_nothing_is_released() -> None:
    got, error = streamed(begin(), *[*in_events(CALL, ['{"to": "', "x"])][:-1])
    assert [event["type"] for event in got] == ["message_start"]
    assert error is not None
    assert error.code == "guard.upstream-stream"


def test_a_block_may_begin_with_a_text() -> None:
    begun = {"type": "content_block_start", "index": 0, "content_block": text("I am jane.r")}
    more = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "oe@example.com"},
    }
    assert released(begin(), begun, more, *end())["content"] == [text("I am <EMAIL_ADDRESS>")]


def test_an_input_is_read_as_json_though_a_character_was_cut_in_halves() -> None:
    pieces = [f'{{"card": {CARD}, "say": "\ud83d', '\ude00"}']
    [block] = released(begin(), *in_events(CALL, pieces), *end())["content"]
    assert block["input"] == {"card": "<CREDIT_CARD>", "say": "😀"}


def test_citations_are_screened_and_passed_on() -> None:
    start, stop = in_events(text(""))
    cited = {"type": "char_location", "cited_text": f"Write to {MAIL}", "document_index": 0}
    delta = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "citations_delta", "citation": cited},
    }
    [block] = released(begin(), start, delta, stop, *end())["content"]
    assert block["citations"] == [{**cited, "cited_text": "Write to <EMAIL_ADDRESS>"}]


def test_what_a_tool_of_the_server_found_is_screened() -> None:
    found = {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_01",
        "content": [{"type": "web_search_result", "title": MAIL, "encrypted_content": SEALED}],
    }
    [block] = released(begin(), *in_events(found, []), *end())["content"]
    assert block["content"] == [
        {"type": "web_search_result", "title": "<EMAIL_ADDRESS>", "encrypted_content": SEALED}
    ]


@pytest.mark.parametrize(
    "events",
    [
        [begin() | {"message": message_of([text(MAIL)]) | {"id": MAIL, "vendor": {MAIL: int(CARD)}}}, *end()],
        [begin(), *in_events({"type": "new", "deep": [{MAIL: CARD}]}, []), *end()],
        [begin(), {"type": "message_delta", "delta": {"stop_reason": MAIL}, "usage": {"note": MAIL}, MAIL: 1}],
        [begin(), {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": MAIL}}],
        [begin(), {"type": "ping", "note": MAIL}, {"type": "new", "note": MAIL}, *end()],
        [begin(), *in_events({**CALL, "name": MAIL, "input": {MAIL: int(CARD)}}), *end()],
        [begin(), *in_events(CALL, [r'{"to": "jane.roe\u0040', 'example.com"}']), *end()],
        [begin(), *in_events(CALL, [f"no JSON, {MAIL}"]), *end()],
        [begin(), {"type": "content_block_start", "index": 0, "content_block": CALL}, *end()],
        [begin(), *in_events({**THOUGHT, "signature": MAIL}), *end()],
    ],
)  # fmt: skip
def test_no_place_of_a_stream_carries_personal_data(events: list[Any]) -> None:
    got, error = streamed(*events)
    assert error is None
    assert MAIL not in json.dumps(got)
    assert CARD not in json.dumps(got)
    assert got[-1] == {"type": "message_stop"}


def delta(**said: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": said}


START = next(in_events(text("")))


@pytest.mark.parametrize(
    "events",
    [
        ["nope"],
        ["[]"],
        [{"note": 1}],
        [{"type": ["message_start"]}],
        [{"type": "message_start", "message": 7}],
        [START],
        [begin(), begin()],
        [begin(), {"type": "content_block_start", "index": 0, "content_block": "x"}],
        [begin(), delta(type="text_delta", text="x")],
        [begin(), START, delta(type="text_delta", text=7)],
        [begin(), START, delta(type="text_delta")],
        [begin(), START, delta(type="input_json_delta", partial_json="{}")],
        [begin(), START, delta(type="thinking_delta", thinking="x")],
        [begin(), START, delta(type="signature_delta", signature="x")],
        [begin(), START, delta(type="new_delta", text="x")],
        [begin(), START, delta(type=["text_delta"], text="x")],
        [begin(), START, {**delta(type="text_delta", text="x"), "index": 1}],
        [begin(), START, {"type": "content_block_stop", "index": 1}],
        [begin(), START, {"type": "content_block_delta", "index": 0, "delta": "x"}],
        [begin(), {"type": "message_delta", "delta": 7}],
        [begin(), end()[0], START],
        [begin(), next(in_events(CALL)), delta(type="text_delta", text="x")],
        [begin(), next(in_events(CALL)), delta(type="input_json_delta", partial_json="x" * (MAX_CALL + 1))],
    ],
)
def test_events_that_make_no_sense_are_the_model_servers_fault(events: list[Any]) -> None:
    _, error = streamed(*events)
    assert error is not None
    assert error.code == "guard.upstream-answer"


@pytest.mark.parametrize("usage", [{}, {"usage": None}, {"usage": 7}, {"usage": {"output_tokens": None}}])
def test_clients_are_told_of_tokens_though_the_server_does_not(usage: dict[str, Any]) -> None:
    begun = {key: value for key, value in message_of([]).items() if key != "usage"} | usage
    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, **usage}
    got, _ = streamed({"type": "message_start", "message": begun}, last)
    assert got[0]["message"]["usage"] == got[1]["usage"] == {"output_tokens": 0}


@pytest.mark.parametrize("kind", ["text", "thinking"])
@pytest.mark.parametrize("missing", [True, False])
def test_a_text_has_a_beginning_that_clients_can_add_to(kind: str, missing: bool) -> None:
    begun = {**START, "content_block": {"type": kind} | ({} if missing else {kind: None})}
    got = released(begin(), begun, delta(type=f"{kind}_delta", **{kind: "Hi."}), *end())
    assert got["content"] == [{"type": kind, kind: "Hi."}]


def test_an_error_of_the_model_server_is_told_without_its_words() -> None:
    said = {"type": "error", "error": {"type": "overloaded_error", "message": MAIL}}
    got, error = streamed(begin(), said)
    assert error is not None
    assert (error.code, MAIL in str(error)) == ("guard.upstream-error", False)
    assert [event["type"] for event in got] == ["message_start"]


@pytest.mark.parametrize(
    "block",
    [
        text(f"So {MAIL} and never."),
        {**THOUGHT, "thinking": f"So {MAIL} and never."},
        CALL,
        {"type": "web_search_tool_result", "content": [{"title": MAIL}]},
    ],
)
def test_a_block_by_policy_ends_the_message_with_a_refusal(block: dict[str, Any]) -> None:
    events = [*in_events(text("One.")), *in_events(block, index=1), *in_events(text("never"), index=2)]
    got = released(begin(), *events, *end(), policy=Policy(answer=block_mail))
    assert got["content"][0] == text("One.")
    assert "never" not in json.dumps(got)
    assert got["stop_reason"] == "refusal"
    assert got["stop_details"]["explanation"].startswith("guard.blocked: ")
    assert got["usage"] == {"output_tokens": 1}


def test_a_message_that_is_blocked_before_it_begins_is_an_error() -> None:
    begun = begin() | {"message": message_of([]) | {"vendor": MAIL}}
    with pytest.raises(Refused):
        streamed(begun, policy=Policy(answer=block_mail))
