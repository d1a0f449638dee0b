"""Plain texts: written so that a name would stand out, and none does; whatever else is there, the text is not plain."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from govkernel.errors import InputError
from runtime_guard.encoder.plain import BEGINS, LONGEST, Plain, has_capital, keys, written_plainly

ORDINARY = """0 a and as bold cook didn't does dog don't first glad how is isn't it left long minutes others
quick read rice s said say second see take takes that the think while word"""
PLAIN = Plain(
    capitals=frozenset({"^How", "^It", "^The", "API", "PDFs"}), ordinary=frozenset(ORDINARY.split())
)
WORDS = ("a", "is", "it", "quick", "don't", "rice", "API", "I", "I'm", "7")
"""Harmless inside a sentence."""

TYPOGRAPHIC = "’‘“”–—…\u00a0"
ASCII = st.text(alphabet=st.characters(max_codepoint=127), max_size=80)


@pytest.mark.parametrize(
    "text",
    [
        "How long does rice take?",
        "The dog's rice is the cook's.",
        "The API is quick, I think, and I'm glad that it is.",
        "I see. It is as I'd said, isn't it?\nThe others read PDFs.",
        "“How long?” The cook didn’t say – it takes 7 minutes…",
        "- The first\n- The second",
        "How" + " is it" * ((LONGEST - 3) // 6) + "?",
    ],
)
def test_plain(text: str) -> None:
    assert PLAIN.fits(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing begins"),
        (" \n", "nothing begins"),
        ("7 is it", "begins with a number"),
        ("how long does rice take?", "lower case throughout"),
        ("How long? it takes a while.", "a sentence in lower case"),
        ('The cook said "how long?" and left.', "looks like one"),
        ("Сколько варить рис?", "another script"),
        ("How is 东京?", "another script inside"),
        ("The naïve", "a letter with a mark"),
        ("How is a@b.example?", "an address"),
        ("The @ann", "a handle"),
        ("How is example.org/ann read?", "a path"),
        (r"How is c:\ann read?", "a path"),
        ("How is ann_b read?", "code"),
        ("How is x=7 read?", "code"),
        ("The <b> is bold.", "markup"),
        ("How is $home read?", "a variable"),
        ("The #ann", "a tag"),
        ("How old is it?", "a word that is not ordinary"),
        ("The dog is ann's.", "such a word, possessive"),
        ("How is 1984 read?", "such a number"),
        ("How is 31/12/1999 read?", "a date"),
        ("How is Ann?", "an unknown capital"),
        ("Ann is it", "an unknown opener"),
        ("It is The", "an opener inside a sentence"),
        ("The API. API is it.", "a capital inside a sentence that opens one"),
        ("The word is deVries.", "a capital inside a word"),
        ("The word is o'Brien.", "a capital behind an apostrophe"),
        ("How" + " " * LONGEST, "too long"),
    ],
)
def test_not_plain(text: str, why: str) -> None:
    assert not PLAIN.fits(text), why


@given(st.text(alphabet=f"Ab '\".,1!?{TYPOGRAPHIC}", max_size=40) | ASCII | st.text(max_size=40))
@example(TYPOGRAPHIC)
def test_a_plain_text_has_every_character_in_its_place(rest: str) -> None:
    text = f"A {rest}"
    plain = written_plainly(text)
    assume(plain is not None)
    assert plain.isascii()
    assert len(plain) == len(text)
    assert all(new == old or old in TYPOGRAPHIC for old, new in zip(text, plain, strict=True))


@given(ASCII)
@example("'a'b'c'1.2.,3-")
def test_keys_cover_every_letter_and_digit_in_order(text: str) -> None:
    found = list(keys(text))
    assert all(0 <= start < end <= len(text) for _, start, end in found)
    assert all(left[2] <= right[1] for left, right in pairwise(found))
    covered = {place for _, start, end in found for place in range(start, end)}
    assert {place for place, char in enumerate(text) if char.isalnum()} <= covered
    for key, start, end in found:
        assert key.removeprefix(BEGINS) == re.sub("[0-9]", "0", text[start:end])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("The cat. The dog", ["^The", "cat", "^The", "dog"]),
        ("I saw The", ["^I", "saw", "The"]),
        ("Ann's: Bob\nCid, Dan! 'Eve'", ["^Ann's", "^Bob", "^Cid", "Dan", "^Eve"]),
        ("at 12:30 on 1/2/1999, 5th", ["at", "00:00", "on", "0/0/0000", "0", "th"]),
        ("iPhone an iPhone", ["^iPhone", "an", "iPhone"]),
    ],
)
def test_keys(text: str, found: list[str]) -> None:
    assert [key for key, _, _ in keys(text)] == found


@pytest.mark.parametrize(
    ("key", "capital"),
    [("ann", False), ("don't", False), ("00/00", False), ("Ann", True), ("^Ann", True), ("o'Brien", True)],
)
def test_has_capital(key: str, capital: bool) -> None:
    assert has_capital(key) is capital


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=30),
    st.from_regex(r"[A-Z][a-z]{1,8}|[a-z]{1,3}[A-Z][a-z]{1,5}|[a-z]'[A-Z][a-z]{1,5}", fullmatch=True),
    st.data(),
)
def test_an_unknown_capital_anywhere_makes_a_text_another(
    words: list[str], name: str, data: st.DataObject
) -> None:
    assume(name not in PLAIN.capitals)
    place = data.draw(st.integers(0, len(words)))
    assert PLAIN.fits(f"The {' '.join(words)}.")
    assert not PLAIN.fits(f"The {' '.join([*words[:place], name, *words[place:]])}.")


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=30),
    st.sampled_from(
        ["old", "years", "ann", "Ann", "1984", "31/12/1999", "a@b", "é", "字", "\u0301", "\u200b"]
    ),
    st.data(),
)
def test_whatever_may_be_told_is_told_anywhere(words: list[str], telling: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(words)))
    assert not PLAIN.fits(f"The {' '.join([*words[:place], telling, *words[place:]])}.")


@given(st.frozensets(ASCII), st.frozensets(ASCII))
def test_what_is_written_is_read(capitals: frozenset[str], ordinary: frozenset[str]) -> None:
    content = json.dumps({"capitals": sorted(capitals), "ordinary": sorted(ordinary)}).encode()
    assert Plain.from_bytes(content) == Plain(capitals, ordinary)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b'"capitals ordinary"',
        b"{}",
        b'{"capitals": []}',
        b'{"ordinary": []}',
        b'{"capitals": [], "ordinary": null}',
        b'{"capitals": "Ann", "ordinary": []}',
        b'{"capitals": {"Ann": 1}, "ordinary": []}',
        b'{"capitals": [1], "ordinary": []}',
        b'{"capitals": [], "ordinary": [null]}',
        b'{"capitals": [], "ordinary": [["old"]]}',
        b'{"capitals": [], "capitals": [], "ordinary": []}',
    ],
)
def test_something_else_is_an_error(content: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, InputError)):
        Plain.from_bytes(content)
