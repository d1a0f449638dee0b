"""JSON that is masked stays JSON, whole and in pieces."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.proxy.anthropic.form import MESSAGES
from runtime_guard.proxy.forms import WireForm
from runtime_guard.proxy.openai.form import CHAT
from runtime_guard.quoting import Quotes
from tests.runtime_guard.proxy.exchanged import conversation

CARD = 4111111111111111
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Which cards?"}]}
WANTED: dict[str, dict[str, Any]] = {
    "chat": {"response_format": {"type": "json_object"}},
    "messages": {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
}


def whole(form: WireForm, content: str) -> str:
    """What an answer of this content becomes."""
    block = {"type": "text", "text": content}
    answer: dict[str, Any] = {"content": [block], "choices": [{"message": {"content": content}}]}

    async def talk() -> dict[str, Any]:
        talked = conversation(form=form)
        await talked.screen_request({**ASKED, **WANTED[form.name]})
        return await talked.screen_answer(answer)

    got = asyncio.run(talk())
    said = got["choices"][0]["message"]["content"] if form is CHAT else got["content"][0]["text"]
    assert isinstance(said, str)
    return said


def pieces(form: WireForm, content: str, size: int) -> str:
    """The same when it streams."""

    async def talk() -> str:
        talked = conversation(form=form)
        await talked.screen_request({**ASKED, **WANTED[form.name]})
        stream = talked.stream(form.words.said)
        said = [await stream.feed(content[at : at + size]) for at in range(0, len(content), size)]
        return "".join([*said, await stream.finish()])

    return asyncio.run(talk())


@pytest.mark.parametrize("form", [CHAT, MESSAGES], ids=lambda form: form.name)
@pytest.mark.parametrize(
    "answer",
    [
        {"card": CARD},
        [CARD, -1, CARD, "x"],
        {"note": f'say \\ "{CARD}", and: {CARD}, please', "card": CARD},
        {"mail": "jane.roe@example.com", "é\\": [{"deep": CARD}], "n": 1.5e3},
    ],
)
def test_an_answer_in_json_stays_json(form: WireForm, answer: Any) -> None:
    content = json.dumps(answer)
    said = whole(form, content)
    assert str(CARD) not in said
    masked = (
        json.dumps(answer)
        .replace(str(CARD), "<CREDIT_CARD>")
        .replace("jane.roe@example.com", "<EMAIL_ADDRESS>")
    )
    assert said.replace('"<CREDIT_CARD>"', "<CREDIT_CARD>") == masked.replace(
        '"<CREDIT_CARD>"', "<CREDIT_CARD>"
    )
    json.loads(said)
    assert {pieces(form, content, size) for size in (1, 2, 7, 1000)} == {said}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, st.integers(1, 5))
def test_numbers_outside_of_strings_are_known_however_the_text_is_cut(
    left: Any, right: Any, size: int
) -> None:
    text = json.dumps([left, CARD, right])
    quotes = Quotes()
    end = len(json.dumps([left])) - 1 + len(", ")
    for at in range(0, end, size):
        quotes.follow(text[at : min(at + size, end)])
    assert quotes.around("<X>", str(CARD)) == '"<X>"'
    assert quotes.around("<X>", "12a") == "<X>"
    assert quotes.around("42", str(CARD)) == "42"


@given(st.text(max_size=12), st.integers(1, 5))
def test_numbers_in_strings_are_no_numbers(said: str, size: int) -> None:
    text = json.dumps(said)[:-1]
    quotes = Quotes()
    for at in range(0, len(text), size):
        quotes.follow(text[at : at + size])
    assert quotes.around("<X>", str(CARD)) == "<X>"
