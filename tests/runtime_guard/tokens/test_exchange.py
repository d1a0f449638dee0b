"""One exchange: what the request's texts become, and what its answer gets back, through the screen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Decision, Effect, Finding, Obligation
from runtime_guard.redact import Mask, Treatment, Wanted, masks
from runtime_guard.screen import Screen
from runtime_guard.stream import StreamScreen
from runtime_guard.tokens.entry import Entry
from runtime_guard.tokens.exchange import Pseudonyms, Talk, WithoutSurrogates
from runtime_guard.tokens.normal import normal
from runtime_guard.tokens.repeats import with_repeats
from runtime_guard.tokens.restore import Restorer
from runtime_guard.tokens.stream import RestoredStream
from runtime_guard.tokens.streaming import Restoring
from runtime_guard.tokens.surroundings import says_little
from runtime_guard.tokens.vault import Vault
from tests.runtime_guard.tokens.test_fakes import CASES
from tests.simulators.policy import decision

NOW = 1_700_000_000


class Marked:
    """Finds what is marked so: ``«PERSON:Jane Roe»`` is a person, whatever else it is."""

    name = "marked"
    labels = frozenset({"PERSON", "EMAIL_ADDRESS", "LOCATION"})

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        return [
            Finding(label=match[1], start=match.start(2), end=match.end(2), detector=self.name)
            for match in re.finditer("«([A-Z_]+):([^»]+)»", text)
        ]


def masked(
    *texts: str, how: str = "tokenize", vault: Vault | None = None, **talk: Any
) -> tuple[list[str], Pseudonyms]:
    """The texts with what is marked in them replaced, without the marks."""
    obligations = (Obligation(type=how),)
    plain = [re.sub("«[A-Z_]+:([^»]+)»", r"\1", text) for text in texts]

    async def work() -> tuple[list[str], Pseudonyms]:
        names = Pseudonyms(vault or Vault.in_memory(), Talk("acme", **talk), Marked.labels, NOW)
        return await names.mask(plain, [masks(_found(text), obligations) for text in texts]), names

    return asyncio.run(work())


def _found(text: str) -> list[Finding]:
    """Findings at their places in the text without marks."""
    found, removed = [], 0
    for match in re.finditer("«([A-Z_]+):([^»]+)»", text):
        start = match.start() - removed
        found.append(Finding(label=match[1], start=start, end=start + len(match[2]), detector="marked"))
        removed += len(match[0]) - len(match[2])
    return found


def back(names: Pseudonyms, text: str) -> str:
    stream = names.restoring()
    return stream.feed(text, frozenset()) + stream.finish(frozenset())


@pytest.mark.parametrize(
    ("texts", "become"),
    [
        (["I am «PERSON:Jane Roe»."], ["I am <PERSON_1>."]),
        (["«PERSON:Jane Roe», «PERSON:JANE ROE»"], ["<PERSON_1>, <PERSON_1>"]),
        (["«PERSON:Jane» of «LOCATION:Rome»"], ["<PERSON_1> of <LOCATION_1>"]),
        # seen by the detectors once, replaced wherever it stands
        (["«PERSON:Jane Roe»", "Dear Jane Roe, Jane Roe!"], ["<PERSON_1>", "Dear <PERSON_1>, <PERSON_1>!"]),
        (
            ["a@b.de is it", "mail «EMAIL_ADDRESS:a@b.de»"],
            ["<EMAIL_ADDRESS_1> is it", "mail <EMAIL_ADDRESS_1>"],
        ),
        (["«PERSON:Will» will. Will will."], ["<PERSON_1> will. Will will."]),
        (["«PERSON:Jane Roe»; jane roe, Jane Roebuck"], ["<PERSON_1>; jane roe, Jane Roebuck"]),
        # a name that was found word by word
        (["«PERSON:Jane» «PERSON:Roe», «PERSON:Jane Roe»"], ["<PERSON_1>, <PERSON_1>"]),
        (["«PERSON:Jane» «LOCATION:Rome»"], ["<PERSON_1> <LOCATION_1>"]),
        (["«PERSON:Jane»\n«PERSON:John»"], ["<PERSON_1>\n<PERSON_2>"]),
        # surrogates that stand there already
        (["ask «PERSON:<PERSON_1>» or «PERSON:Al»"], ["ask <PERSON_1> or <PERSON_2>"]),
        (["ask «PERSON:Mr <PERSON_1>'s»"], ["ask Mr <PERSON_1>'s"]),
        (["ask «PERSON:<PERSON_1> Smith»"], ["ask <PERSON_2>"]),
        (["«PERSON:<JANE_1>»"], ["<PERSON_1>"]),
        (["nothing"], ["nothing"]),
    ],
)
def test_what_texts_become(texts: list[str], become: list[str]) -> None:
    given, names = masked(*texts)
    assert given == become
    plain = [re.sub("«[A-Z_]+:([^»]+)»", r"\1", text).replace("JANE ROE", "Jane Roe") for text in texts]
    assert [back(names, text) for text in given] == plain


DISTINCT = st.lists(st.sampled_from(CASES), max_size=12, unique_by=lambda case: normal("PERSON", case[1]))


@settings(max_examples=150, deadline=None)
@given(
    DISTINCT,
    st.sampled_from(["tokenize", "pseudonymize"]),
    st.sampled_from([str, str.upper, str.lower]),
    st.integers(1, 40),
)
def test_what_was_masked_comes_back_whatever_it_was_and_however_it_is_written_and_cut(
    cases: list[tuple[str, str]], how: str, written: Callable[[str], str], size: int
) -> None:
    text = "; ".join(f"«{label}:{value}»" for label, value in cases)
    (given_out,), names = masked(text, how=how)
    for _, value in cases:
        assert value not in given_out
    said = written(given_out)
    stream = names.restoring()
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    got = "".join(stream.feed(piece, frozenset()) for piece in pieces) + stream.finish(frozenset())
    assert got == "; ".join(value for _, value in cases)


def test_values_under_a_redaction_have_no_surrogate() -> None:
    given, names = masked("«PERSON:Jane Roe» Jane Roe", how="redact")
    assert given == ["<PERSON> Jane Roe"]
    assert not names.restorer


def test_masking_a_text_again_changes_nothing() -> None:
    vault = Vault.in_memory()
    for how in ("tokenize", "pseudonymize"):
        (once,), _ = masked("I am «PERSON:Jane Roe».", how=how, vault=vault, name=how)
        surrogate = once.removeprefix("I am ").removesuffix(".")
        for found in (f"«PERSON:{surrogate}»", " ".join(f"«PERSON:{word}»" for word in surrogate.split())):
            (again,), _ = masked(f"I am {found}.", how=how, vault=vault, name=how)
            assert again == once


@pytest.mark.parametrize(
    ("talk", "comes_back"),
    [
        ({"name": "chat"}, True),
        ({"name": "chat", "apart": False}, False),
        ({"name": "other"}, False),
        ({"beginning": "chat"}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("how", ["tokenize", "pseudonymize"])
def test_a_surrogate_that_stands_in_a_request_comes_back_only_where_its_conversation_is_named(
    talk: dict[str, Any], comes_back: bool, how: str
) -> None:
    vault = Vault.in_memory()
    first = {"beginning": "chat"} if "name" not in talk else {"name": "chat"}
    (text,), _ = masked("«PERSON:Jane Roe»", how=how, vault=vault, **first)
    _, names = masked(f"who is «PERSON:{text}»?", how=how, vault=vault, **talk)
    assert (back(names, text) == "Jane Roe") is comes_back


def test_what_the_model_said_gets_names_that_lead_nowhere() -> None:
    _, names = masked("«PERSON:Jane Roe»")
    assert asyncio.run(_both(names, [Wanted("PERSON", "Bob Poe"), Wanted("PERSON", "Jane Roe")])) == [
        "<PERSON_2>",
        "<PERSON_1>",
    ]
    assert back(names, "<PERSON_1> <PERSON_2>") == "Jane Roe <PERSON_2>"


async def _both(names: Pseudonyms, wanted: list[Any]) -> list[str]:
    return list(await names.names(wanted))


@pytest.mark.parametrize(
    ("text", "start", "end", "spans", "little"),
    [
        ("<A_1>", 0, 5, [(0, 5)], True),
        ("<A_1>'s", 0, 7, [(0, 5)], True),
        ("Mrs <A_1>", 0, 9, [(4, 9)], True),
        ("Jane <A_1>", 0, 10, [(5, 10)], False),
        ("<A_1>, <A_2>", 0, 12, [(0, 5), (7, 12)], True),
        ("<A_1> and <A_2>", 0, 15, [(0, 5), (10, 15)], True),
        ("<A_1> with <A_2>", 0, 16, [(0, 5), (11, 16)], False),
        ("<A_1>", 1, 4, [(0, 5)], True),
        ("Jane <A_1>", 0, 4, [(5, 10)], False),
    ],
)
def test_what_beside_a_surrogate_says_something(
    text: str, start: int, end: int, spans: list[tuple[int, int]], little: bool
) -> None:
    assert says_little(text, start, end, spans) is little


def test_repeats_are_disjoint_and_in_order() -> None:
    text = "Jane Roe, Jane Roe and Jane Roe Poe, a1@b.c a1@b.c"
    found = [Mask(10, 18, "PERSON", Treatment.NAME), Mask(37, 43, "EMAIL_ADDRESS", Treatment.FAKE)]
    (result,) = with_repeats([text], [found])
    assert [(item.start, item.end, item.label) for item in result] == [
        (0, 8, "PERSON"),
        (10, 18, "PERSON"),
        (23, 31, "PERSON"),
        (37, 43, "EMAIL_ADDRESS"),
        (44, 50, "EMAIL_ADDRESS"),
    ]


class Eager:
    """Finds a person in every word that has a capital letter."""

    name = "eager"
    labels = frozenset({"PERSON"})

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        return [
            Finding(label="PERSON", start=match.start(), end=match.end(), detector=self.name)
            for match in re.finditer(r"\S*[A-Z]\S*", text)
        ]


ENTRIES = [
    Entry("PERSON", "Jane Roe", "<PERSON_1>", True),
    Entry("PERSON", "Bob", "Belanda", True),
    Entry("EMAIL_ADDRESS", "a@b.de", "user.s6g9dmwd@example.com", True),
]


async def _redact(labels: frozenset[str], findings: int) -> Decision:
    return decision(Effect.ALLOW, "redact", "detokenize")


async def released(pieces: Sequence[str]) -> str:
    restorer = Restorer(ENTRIES)
    screen = StreamScreen(
        Screen([Eager()], tiers={1}), _redact, "assistant", counting=WithoutSurrogates(restorer)
    )
    stream = RestoredStream(screen, Restoring(restorer))
    return "".join([await stream.feed(piece) for piece in pieces]) + await stream.finish()


PARTS = st.sampled_from(
    [
        *("<PERSON_1>", "<person_1>", "Belanda", "user.s6g9dmwd@example.com", "Max", "<PERSON_2>", " ", ", "),
        *("word ", "x" * 90, "and so on and on ", "PERSON_1", "é", "\n"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=40).map("".join), st.data())
def test_screening_and_restoring_give_the_same_for_every_chunking(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=20)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    whole = asyncio.run(released([text]))
    assert asyncio.run(released(pieces)) == whole
    assert asyncio.run(released(list(text))) == whole


def test_what_is_restored_is_not_screened_and_what_the_model_says_is() -> None:
    text = "Dear <PERSON_1> and Belanda's Max, PERSON_1's Mail: user.s6g9dmwd@example.com"
    assert asyncio.run(released([text])) == (
        "<PERSON> Jane Roe and Bob's <PERSON> Jane Roe's <PERSON> a@b.de"
    )


def test_findings_about_a_whole_message_stay() -> None:
    found = [Finding(label="jailbreak", detector="x")]
    assert WithoutSurrogates(Restorer(ENTRIES))("<PERSON_1>", found) == found
