"""What of a stream is passed on beside its words: structured texts, what vendors add, how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.runtime_guard.proxy.exchanged import chunk, streamed
from tests.simulators.policy import Policy, block_mail

MAIL = "jane.roe@example.com"
CARD = "4111111111111111"
STOP = chunk({}, "stop")


def deltas(chunks: list[dict[str, Any]], key: str) -> list[Any]:
    """What the chunks hold under a key of their deltas."""
    found = [choice["delta"].get(key) for item in chunks for choice in item["choices"]]
    return [value for value in found if value is not None]


def texts(value: Any) -> str:
    """The strings under ``text`` in a value, joined."""
    if isinstance(value, dict):
        return "".join(item if key == "text" else texts(item) for key, item in value.items())
    return "".join(map(texts, value)) if isinstance(value, list) else ""


def test_what_a_vendor_adds_to_a_chunk_whose_text_is_held_back_is_passed_on_once() -> None:
    chunks, error = streamed(
        chunk({"content": "jane.r"}, citations=["one"], note=MAIL),
        chunk({"content": "oe@example.com"}, citations=["two"]),
        STOP,
    )
    assert error is None
    assert [item["citations"] for item in chunks if "citations" in item] == [["one"], ["two"]]
    assert [item["note"] for item in chunks if "note" in item] == ["<EMAIL_ADDRESS>"]
    assert "".join(deltas(chunks, "content")) == "<EMAIL_ADDRESS>"


@pytest.mark.parametrize("key", ["content", "reasoning_details"])
def test_a_value_that_is_cut_over_structured_deltas_is_masked(key: str) -> None:
    parts = [[{"type": "text", "text": piece}] for piece in ("I am jane.", "roe@exam", "ple.com, hello", ".")]
    chunks, error = streamed(*(chunk({key: part}) for part in parts), STOP)
    assert error is None
    assert texts(deltas(chunks, key)) == "I am <EMAIL_ADDRESS>, hello."
    assert all(part["type"] == "text" for value in deltas(chunks, key) for part in value)


def test_parts_of_different_kinds_go_on_each_by_itself() -> None:
    first = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "jane.r"}]},
        {"type": "text", "text": "joe@"},
    ]
    second = [{"type": "thinking", "thinking": [{"type": "text", "text": "oe@example.com"}]}]
    third = [{"type": "text", "text": "example.com"}]
    chunks, _ = streamed(*(chunk({"content": part}) for part in (first, second, third)), STOP)
    said = [part for value in deltas(chunks, "content") for part in value]
    assert texts([part for part in said if part["type"] == "thinking"]) == "<EMAIL_ADDRESS>"
    assert texts([part for part in said if part["type"] == "text"]) == "<EMAIL_ADDRESS>"


@pytest.mark.parametrize(
    "delta",
    [
        {"annotations": [{"type": "url_citation", "url_citation": {"url": f"https://x.io/?a={MAIL}"}}]},
        {"content": int(CARD)},
        {"audio": {"transcript": MAIL}},
        {"content": [{"type": "text", "text": "x", MAIL: CARD}]},
        {MAIL: "x"},
        {"vendor": {MAIL: int(CARD)}},
        {"id": MAIL},
    ],
)
def test_no_place_of_a_delta_carries_personal_data(delta: dict[str, Any]) -> None:
    chunks, error = streamed(chunk(delta), STOP)
    passed = json.dumps(chunks)
    assert error is None
    assert MAIL not in passed
    assert CARD not in passed
    assert "<EMAIL_ADDRESS>" in passed or "<CREDIT_CARD>" in passed


@pytest.mark.parametrize(
    "arguments", [{"to": MAIL}, {MAIL: 1}, {"card": int(CARD)}, f'{{"{MAIL}": 1}}', f'{{"card": {CARD}.0}}']
)
def test_arguments_of_streamed_calls_are_screened_whatever_they_are(arguments: Any) -> None:
    call = {"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    chunks, error = streamed(chunk({"tool_calls": [call]}), chunk({}, "tool_calls"))
    passed = json.dumps(deltas(chunks, "tool_calls"))
    assert error is None
    assert MAIL not in passed
    assert CARD not in passed
    assert "<EMAIL_ADDRESS>" in passed or "<CREDIT_CARD>" in passed


@pytest.mark.parametrize(
    "pieces",
    [
        [MAIL],
        [{"index": 0, "function": {"arguments": {"a": 1}}}, {"index": 0, "function": {"arguments": "x"}}],
        [{"index": 0, "function": {"arguments": "x"}}, {"index": 0, "function": {"arguments": {"a": 1}}}],
    ],
)
def test_calls_that_make_no_sense_are_refused(pieces: list[Any]) -> None:
    chunks, error = streamed(*(chunk({"tool_calls": [piece]}) for piece in pieces), STOP)
    assert (chunks, error and error.code) == ([], "guard.upstream-answer")


@pytest.mark.parametrize(
    "last", [{"index": 0, "finish_reason": "stop"}, {"index": 0, "delta": None, "finish_reason": "stop"}]
)
def test_a_last_chunk_needs_no_delta(last: dict[str, Any]) -> None:
    chunks, error = streamed(chunk({"content": "Hello."}), {"id": "c1", "choices": [last]}, done=False)
    assert error is None
    assert "".join(deltas(chunks, "content")) == "Hello."
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("events", [[], [chunk({"content": f"I am {MAIL}"})]])
def test_a_stream_that_just_stops_is_told_after_what_is_decided(events: list[Any]) -> None:
    chunks, error = streamed(*events, done=False)
    assert "".join(deltas(chunks, "content")) == ("I am <EMAIL_ADDRESS>" if events else "")
    assert error is not None
    assert error.code == "guard.upstream-stream"


@pytest.mark.parametrize("index", [-1, 128, int(CARD)])
def test_an_index_of_a_choice_is_small(index: int) -> None:
    chunks, error = streamed({"id": "c1", "choices": [{"index": index, "delta": {"content": "Hi."}}]})
    assert (chunks, error and error.code) == ([], "guard.upstream-answer")


def test_nothing_of_a_delta_is_passed_on_behind_what_policy_blocks() -> None:
    parts = [{"type": "text", "text": f"So {MAIL} and "}, {"type": "note", "text": "never seen, never. "}]
    chunks, _ = streamed(
        chunk({"content": parts}), chunk({"content": parts}), policy=Policy(answer=block_mail)
    )
    assert "never" not in json.dumps(chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("event", ["nope", "[]", '{"a": 1, "a": 2}', '{"choices": 7}', '{"choices": [7]}'])
def test_an_event_that_is_no_chunk_is_the_model_servers_fault(event: str) -> None:
    _, error = streamed(event)
    assert error is not None
    assert error.code == "guard.upstream-answer"


def test_of_usage_in_a_stream_only_numbers_are_passed_on() -> None:
    chunks, _ = streamed(STOP, {"id": "c1", "choices": [], "usage": {"total_tokens": 3, "note": MAIL}})
    assert chunks[-1]["usage"] == {"total_tokens": 3}


def test_reasons_to_stop_are_screened() -> None:
    last = {"id": MAIL, "choices": [{"index": 0, "delta": {}, "finish_reason": MAIL, "stop_reason": MAIL}]}
    chunks, _ = streamed(last)
    assert MAIL not in json.dumps(chunks)


def test_usage_beside_a_choice_comes_with_a_choice() -> None:
    said = [chunk({"content": "Hello "}, usage={"total_tokens": 1}), chunk({"content": "you"}, usage=None)]
    chunks, _ = streamed(*said, chunk({"content": "."}, "stop", usage={"total_tokens": 3}))
    assert [item["usage"] for item in chunks if "usage" in item] == [{"total_tokens": 1}, {"total_tokens": 3}]
    assert all(item["choices"] for item in chunks)
    assert chunks[-1]["usage"] == {"total_tokens": 3}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_usage_beside_a_choice_that_ended_is_not_lost() -> None:
    chunks, _ = streamed(STOP, chunk({}, "stop", usage={"total_tokens": 3}))
    assert chunks[-1]["usage"] == {"total_tokens": 3}


@pytest.mark.parametrize("index", [{}, {"index": 0}, {"index": None}])
@pytest.mark.parametrize("together", [False, True])
def test_calls_that_are_not_numbered_are_told_apart_by_their_ids(
    index: dict[str, Any], together: bool
) -> None:
    calls = [
        {**index, "id": f"c{number}", "function": {"name": f"f{number}", "arguments": f'{{"a": {number}}}'}}
        for number in range(3)
    ]
    pieces = [calls] if together else [[call] for call in calls]
    chunks, error = streamed(*(chunk({"tool_calls": piece}) for piece in pieces), chunk({}, "tool_calls"))
    assert error is None
    [got] = deltas(chunks, "tool_calls")
    assert got == [{**call, "index": number} for number, call in enumerate(calls)]


def test_pieces_of_a_call_go_on_whatever_ids_they_have() -> None:
    first = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}
    pieces = [first, *({"index": 0, "id": f"x{at}", "function": {"arguments": at}} for at in '{"a": 1}')]
    chunks, _ = streamed(*(chunk({"tool_calls": [piece]}) for piece in pieces), chunk({}, "tool_calls"))
    [[call]] = deltas(chunks, "tool_calls")
    assert (call["id"], call["function"]) == ("c1", {"name": "f", "arguments": '{"a": 1}'})
