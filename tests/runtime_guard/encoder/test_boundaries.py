"""Where spans begin and end: as a reader would mark them, whatever the tags of single pieces say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.encoder.boundaries import bounded, from_now, words_of
from runtime_guard.encoder.tags import ENTITIES, LEAST, TAGS, decode, encode, tag_of

SHORT = {entity[0]: entity for entity in ("PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME")}


def chances_of(tags: list[int], sure: float = 0.9) -> np.ndarray:
    """Rows of chances in which each piece's tag has ``sure``, the rest is spread."""
    rows = np.full((len(tags), len(TAGS)), (1 - sure) / (len(TAGS) - 1), np.float32)
    rows[np.arange(len(tags)), tags] = sure
    return rows


def found_in(marked: str) -> list[str]:
    """What is found in pieces written one after another, ``[piece B-P]``; outside brackets there is no piece."""
    text, offsets, tags = "", [], []
    for number, part in enumerate(marked.replace("]", "[").split("[")):
        piece, _, tag = part.rpartition(" ") if number % 2 else (part, "", "")
        if tag:
            offsets.append((len(text), len(text) + len(piece)))
            tags.append(0 if tag == "O" else tag_of(SHORT[tag[2]], first=tag[0] == "B"))
        text += piece
    spans = bounded(text, decode(text, chances_of(tags), offsets))
    return [f"{text[start:end]}|{entity[0]}" for start, end, entity, _ in spans]


@pytest.mark.parametrize(
    ("words", "now"),
    [
        *(
            (words, True)
            for words in ("today", "Yesterday", "earlier today", "yesterday evening", "last week")
        ),
        *((words, True) for words in ("two weeks ago", "an hour ago", "3 days later", "a few\nminutes ago")),
        *((words, True) for words in ("day before yesterday", "this quarter", "half an hour from now")),
        *(
            (words, False)
            for words in ("", "now 5 May", "last Tuesday", "this May", "Friday night", "two weeks")
        ),
        *(
            (words, False)
            for words in ("mid-March", "9 am today", "2024", "next Christmas", "today and 3 June")
        ),
    ],
)
def test_moments_told_from_now_alone(words: str, now: bool) -> None:
    assert from_now(words) is now


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        # one word is one entity, whatever a single piece of it says
        ("[Wi B-P][snie O][wska I-P]", ["Wisniewska|P"]),
        ("[fbe O][7 O][d O][12 B-D]", []),
        # a name is not parted because its surname could begin one
        ("[Mauro B-P] [Martin B-P]", ["Mauro Martin|P"]),
        ("[Mauro B-P]\n[Martin B-P]", ["Mauro|P", "Martin|P"]),
        ("[Mauro B-P]\n[Martin I-P]", ["Mauro\nMartin|P"]),
        ("[Piper B-P]\n\n[Doctor I-P]", ["Piper|P", "Doctor|P"]),
        # marks inside a name, a date, initials
        ("[Jean B-P][- O][Luc B-P]", ["Jean-Luc|P"]),
        ("[O B-P][' O][Hara I-P]", ["O'Hara|P"]),
        ("[J B-P][. O][K B-P][. O] [Lee I-P]", ["J.K. Lee|P"]),
        ("[Mary B-P] [C I-P][. O]", ["Mary C.|P"]),
        ("[1991 B-D][- O][06 B-D][- O][07 I-D]", ["1991-06-07|D"]),
        ("[May B-D] [5 I-D][, O] [1990 B-D]", ["May 5, 1990|D"]),
        # what names no date
        ("[Today B-D] is [May B-D] [5 I-D]", ["May 5|D"]),
        ("[two B-D] [weeks I-D] [ago I-D]", []),
        ("[Today B-P]", ["Today|P"]),
        # neighbours that are two
        ("[Rome B-L][, O] [Italy B-L]", ["Rome|L", "Italy|L"]),
        ("[Ann B-P][/ O][Bob B-P]", ["Ann|P", "Bob|P"]),
        ("[Ann B-P] [Rome B-L]", ["Ann|P", "Rome|L"]),
        # the full stop of the sentence, and those of abbreviations
        ("[Ann B-P][. I-P]", ["Ann|P"]),
        ("[Acme B-O] [Inc I-O][. I-O]", ["Acme Inc.|O"]),
        ("[U B-L][. I-L][S I-L][. I-L]", ["U.S.|L"]),
        # possessives
        ("[Ann B-P][' I-P][s I-P]", ["Ann|P"]),
        ("[Ann B-P] [’ I-P] [s I-P]", ["Ann|P"]),
        ("[McDonald B-O][' I-O][s I-O]", ["McDonald's|O"]),
        # brackets and quotes
        ('[" B-P][Ann I-P][" I-P]', ["Ann|P"]),
        ("[Ann B-P][) I-P]", ["Ann|P"]),
        ("[Acme B-O] [( I-O][UK I-O][) I-O]", ["Acme (UK)|O"]),
        ("[- B-P]", []),
        # in an address there is no name
        ("[ann B-P][. O][lee B-P][@ O][example B-O][. O][org O]", []),
        ("[https O]://x.example/[ann B-P]-lee/", []),
        ("[Ann B-P]<[ann B-P][@ O]example.org>", ["Ann|P"]),
        ("[@ O][Ann B-P]", ["Ann|P"]),
    ],
)
def test_what_is_found(pieces: str, found: list[str]) -> None:
    assert found_in(pieces) == found


def test_the_score_is_the_mean_over_words() -> None:
    first, last = tag_of("PERSON", first=True), tag_of("PERSON", first=False)
    sure, unsure = chances_of([first], 0.9), chances_of([last], 0.6)
    ((start, end, entity, score),) = decode("Ann Lee", np.concatenate([sure, unsure]), [(0, 3), (4, 7)])
    assert (start, end, entity) == (0, 7, "PERSON")
    assert score == pytest.approx((sure[0, [first, last]].sum() + unsure[0, [first, last]].sum()) / 2)


@pytest.mark.parametrize(("begins", "found"), [(LEAST - 0.21, False), (LEAST - 0.19, True)])
def test_a_word_that_is_hardly_of_any_entity_is_of_none(begins: float, found: bool) -> None:
    chances = np.zeros((1, len(TAGS)), np.float32)
    chances[0, tag_of("PERSON", first=True)] = begins
    chances[0, tag_of("PERSON", first=False)] = 0.2
    chances[0, [0, tag_of("LOCATION", first=True)]] = (0.8 - begins) / 2
    assert chances[0, 0] < begins + 0.2
    assert bool(decode("Ann", chances, [(0, 3)])) is found


def test_no_pieces_no_spans() -> None:
    assert decode("", np.zeros((0, len(TAGS)), np.float32), []) == []


def test_a_mark_over_a_letter_does_not_end_the_word() -> None:
    text = "Jose\u0301 left"
    assert list(words_of(text, [(0, 4), (4, 5), (6, 10)])) == [0, 2]
    assert bounded(text, [(0, 4, "PERSON", 1.0)]) == [(0, 5, "PERSON", 1.0)]


TEXTS = st.text(alphabet=st.sampled_from("abJ1é .,-'’()/@:\n\u0301\u200b"), max_size=40)


@given(TEXTS, st.data())
def test_spans_are_ordered_apart_and_end_where_words_end(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), unique=True, max_size=10)))
    spans = [
        (start, end, data.draw(st.sampled_from(ENTITIES)), 0.9)
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    found = bounded(text, spans)
    assert all(0 <= start < end <= len(text) for start, end, _, _ in found)
    assert all(left[1] <= right[0] for left, right in pairwise(found))
    for start, end, _, _ in found:
        assert text[start].isalnum() or text[start] == "("
        assert not text[end - 1].isspace()
        assert not (start and text[start - 1].isalnum() and text[start].isalnum())


@given(st.lists(st.sampled_from(["Ann", "Rome", "12", ",", "-", ".", "and"]), max_size=12), st.data())
def test_spans_of_whole_words_come_back_from_their_tags(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    offsets, at = [], 0
    for word in words:
        offsets.append((at, at + len(word)))
        at += len(word) + 1
    chosen = [
        (start, end, ENTITIES[row % len(ENTITIES)])
        for row, (start, end) in enumerate(offsets)
        if words[row].isalnum() and data.draw(st.booleans())
    ]
    found = bounded(text, decode(text, chances_of(encode(chosen, offsets)), offsets))
    assert [span[:3] for span in found] == chosen
