"""Models judge an answer sentence by sentence, behind what was released, for the tenant whose answer it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.errors import GovkernelError
from runtime_guard.readers.ask import Depth, Joined, Readers
from runtime_guard.screen import Screen
from runtime_guard.segments.chain import CONTEXT, Reach
from runtime_guard.stream import StreamScreen
from tests.runtime_guard.readers.test_ask import Broken, Model
from tests.runtime_guard.streamed import PATTERNS, Policy, cut, streamed


@pytest.mark.parametrize(("strict", "released"), [(False, "One. It is loud!? "), (True, "One. ")])
def test_nothing_follows_a_sentence_that_a_model_flags(strict: bool, released: str) -> None:
    policy = Policy(blocks=frozenset({"loud"}))
    said = "One. It is loud!? Never a word of this. "
    out = streamed(Screen([*PATTERNS, Model()]), [*said, ""], policy, reach=Reach(strict=strict))
    assert out.text == released


def test_a_model_sees_a_sentence_behind_what_was_released() -> None:
    model = Model()
    text = "One more sentence is here. " * 40
    streamed(Screen([model], tiers={1}), [*text, ""])
    assert len(model.glanced) == len(set(model.glanced))
    for shown in model.glanced:
        assert text.startswith(shown) or shown in text
        assert len(shown) <= CONTEXT + 27
    assert all(shown.endswith("here. ") for shown in model.glanced)


@pytest.mark.parametrize(("strict", "released"), [(True, "A <WORD>? Yes. "), (False, "A WORD? Yes. ")])
def test_models_mask_where_sentences_are_held_back(strict: bool, released: str) -> None:
    out = streamed(Screen([Model()], tiers={1}), [*"A WORD? Yes. ", ""], reach=Reach(strict=strict))
    assert out.text == released


@settings(deadline=None, max_examples=40)
@given(st.data(), st.booleans())
def test_what_models_say_does_not_depend_on_pieces(data: st.DataObject, strict: bool) -> None:
    parts = st.sampled_from(["A WORD? ", "loud!? ", "jane@example.com ", "and ", "x" * 90, "\n"])
    text = "".join(data.draw(st.lists(parts, max_size=12)))
    screen = Screen([*PATTERNS, Model()])
    policies = [Policy(spares=frozenset({"loud"})) for _ in range(2)]
    whole, pieces = (
        streamed(screen, given, policy, reach=Reach(strict=strict))
        for given, policy in zip(([text], [*data.draw(cut(text)), ""]), policies, strict=True)
    )
    assert whole.text == pieces.text
    assert whole.asked == pieces.asked


def test_a_model_that_fails_releases_nothing_more() -> None:
    stream = StreamScreen(Screen([*PATTERNS, Broken(at_once=True)]), Policy(), "assistant")
    assert asyncio.run(stream.feed("Some words ")) == "Some words "
    with pytest.raises(GovkernelError, match="could not answer"):
        asyncio.run(stream.feed("to the end. And "))


def test_each_tenant_waits_in_its_own_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def ask(self: Readers, text: str, role: str, tenant: str, depth: Depth) -> Joined:
        asked.append(tenant)
        return Joined({}, (), ())

    monkeypatch.setattr(Readers, "ask", ask)
    screen: Any = Screen([*PATTERNS, Model()])
    asyncio.run(StreamScreen(screen, Policy(), "assistant", tenant="acme").finish("One. Two."))
    assert asked == ["acme", "acme"]
