"""What is put back, in whatever way a model writes a surrogate, and the same for every chunking."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime_guard.tokens.entry import Entry
from runtime_guard.tokens.fakes.choices import Choices
from runtime_guard.tokens.fakes.make import fake
from runtime_guard.tokens.forms import in_json
from runtime_guard.tokens.restore import Restorer
from runtime_guard.tokens.streaming import Restoring
from tests.runtime_guard.tokens.test_fakes import CASES

JANE = 'Jane "JJ" Roe'
ENTRIES = [
    Entry("PERSON", JANE, "<PERSON_1>", True),
    Entry("PERSON", "Bob", "<PERSON_12>", True),
    Entry("US_SSN", "078-05-1120", "<US_SSN_1>", True),
    Entry("PERSON", "Mary Ann van Berg", "Kelisar Lintovich", True),
    Entry("PERSON", "Ann", "Belanda", True),
    Entry("EMAIL_ADDRESS", "jane@acme.de", "user.s6g9dmwd@example.com", True),
    Entry("PHONE_NUMBER", "+1 (212) 555-0999", "+1 312-555-0134", True),
    Entry("PHONE_NUMBER", "(212) 555-0888", "(312) 555-0177", True),
    Entry("CREDIT_CARD", "4111 1111 1111 1111", "4000 0073 4943 6714", True),
    Entry("IBAN_CODE", "GB82 WEST 1234 5698 7654 32", "GB88 XXXX 0000 7349 4367 11", True),
    Entry("IP_ADDRESS", "10.1.2.3", "192.0.2.17", True),
    Entry("MAC_ADDRESS", "ac:de:48:00:11:22", "00:00:5e:00:53:fb", True),
    Entry("URL", "https://acme.de/x", "https://s6g9dmwd.example.com/7zgf2r", True),
]
RESTORER = Restorer(ENTRIES)
EVERY: frozenset[str] = frozenset()


def restored(text: str, pieces: list[str] | None = None, restorer: Restorer = RESTORER) -> str:
    stream = Restoring(restorer)
    return "".join(stream.feed(piece, EVERY) for piece in pieces or [text]) + stream.finish(EVERY)


TOLERATED = [
    # names: case, brackets, escapes, gaps
    ("<PERSON_1>", JANE),
    ("<person_1>", JANE),
    ("<Person_1>'s", f"{JANE}'s"),
    ("<PERSON_1>s", f"{JANE}s"),
    ("PERSON_1", JANE),
    ("person_1", JANE),
    ("(PERSON_1)", f"({JANE})"),
    ('"PERSON_1"', f'"{JANE}"'),
    ("**PERSON_1**", f"**{JANE}**"),
    ("`<PERSON_1>`", f"`{JANE}`"),
    ("[PERSON_1]", JANE),
    ("{PERSON_1}", JANE),
    ("{{person_1}}", JANE),
    ("<PERSON 1>", JANE),
    ("<person-1>", JANE),
    ("<PERSON1>", JANE),
    ("PERSON 1", JANE),
    ("\\<PERSON\\_1\\>", JANE),
    ("&lt;PERSON_1&gt;", "Jane &quot;JJ&quot; Roe"),
    ("&#60;person_1&#62;", "Jane &quot;JJ&quot; Roe"),
    ("%3CPERSON_1%3E", "Jane%20%22JJ%22%20Roe"),
    ("\\u003cPERSON_1\\u003e", 'Jane \\"JJ\\" Roe'),
    ("<PERSON_12>", "Bob"),
    ("<US_SSN_1> <us ssn 1> US-SSN-1", "078-05-1120 078-05-1120 078-05-1120"),
    ("PERSON_1, PERSON_12.", f"{JANE}, Bob."),
    ("<PERSON_1><PERSON_12>", f"{JANE}Bob"),
    ("一PERSON_1一", f"一{JANE}一"),
    # links
    ("[<PERSON_12>](https://crm/<PERSON_12>)", "[Bob](https://crm/Bob)"),
    ("[PERSON_12](mailto:user.s6g9dmwd@example.com)", "[Bob](mailto:jane@acme.de)"),
    ("?q=Hi%20PERSON_12&m=user.s6g9dmwd%40example.com", "?q=Hi%20Bob&m=jane%40acme.de"),
    # fakes
    ("Kelisar Lintovich", "Mary Ann van Berg"),
    ("KELISAR LINTOVICH", "Mary Ann van Berg"),
    ("Kelisar\nLintovich", "Mary Ann van Berg"),
    ("kelisar_lintovich", "Mary Ann van Berg"),
    ("kelisar%20lintovich", "Mary%20Ann%20van%20Berg"),
    ("kelisar+lintovich", "Mary+Ann+van+Berg"),
    ("Ms. Lintovich, Kelisar", "Ms. Berg, Mary"),
    ("Lintovich's Belanda", "Berg's Ann"),
    ("USER.S6G9DMWD@example.com.", "jane@acme.de."),
    ("user.s6g9dmwd\\@example.com", "jane@acme.de"),
    ("user.s6g9dmwd&#64;example.com", "jane@acme.de"),
    ("+1 (312) 555 0134", "+1 (212) 555-0999"),
    ("1-312-555-0134", "+1 (212) 555-0999"),
    ("+13125550134", "+12125550999"),
    ("312.555.0177", "(212) 555-0888"),
    ("(312) 555-0177", "(212) 555-0888"),
    ("4000007349436714", "4111111111111111"),
    ("4000-0073-4943-6714", "4111 1111 1111 1111"),
    ("gb88xxxx00007349436711", "GB82WEST12345698765432"),
    ("192.0.2.17:80", "10.1.2.3:80"),
    ("00-00-5E-00-53-FB", "ac:de:48:00:11:22"),
    ("HTTPS://s6g9dmwd.example.com/7zgf2r", "https://acme.de/x"),
    ("https:\\/\\/s6g9dmwd.example.com\\/7zgf2r", "https://acme.de/x"),
]


@pytest.mark.parametrize(("written", "back"), TOLERATED)
@pytest.mark.parametrize("around", ["{}", "so {} it is", "{}\n", " {}"])
def test_a_value_comes_back_from_each_tolerated_form(written: str, back: str, around: str) -> None:
    text, wanted = (around.replace("{}", item) for item in (written, back))
    assert restored(text) == wanted
    assert restored(text, list(text)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "<PERSON_2> <PERSON_9> <PERSON_0> <PERSON_01>",
        "<PERSON_123>",
        "<PERSON_>",
        "<PERSON",
        "PERSON",
        "person 1 and Person 1 are nobody",
        "xPERSON_1",
        "PERSON_1x",
        "PERSON_1_id",
        "my_person_1",
        "<LOCATION_1>",
        "x.user.s6g9dmwd@example.com",
        "user.s6g9dmwd@example.com.evil.org",
        "user.s6g9dmwd@example.net",
        "1192.0.2.17",
        "192.0.2.170",
        "192.0.21.7",
        "1.192.0.2.17",
        "192.0.2.17.4",
        "94000007349436714",
        "40000073494367140",
        "+1 312-555-01345",
        "Lintovicha",
        "Kelisarine",
    ],
)
def test_what_is_not_a_surrogate_of_this_exchange_stays(text: str) -> None:
    assert restored(text) == text
    assert restored(text, list(text)) == text


def test_words_that_two_fakes_share_are_not_put_back_alone() -> None:
    restorer = Restorer(
        [
            Entry("PERSON", "Jane Roe", "Kelisar Lintovich", True),
            Entry("PERSON", "Bob Poe", "Kelisar Fennander", True),
        ]
    )
    assert restored("Kelisar met Fennander; Kelisar Lintovich", restorer=restorer) == (
        "Kelisar met Poe; Jane Roe"
    )


@pytest.mark.parametrize(("label", "value"), CASES)
@given(seed=st.binary(min_size=16, max_size=16))
@settings(max_examples=25)
def test_every_fake_comes_back(label: str, value: str, seed: bytes) -> None:
    made = fake(label, value, Choices(seed))
    assert made is not None
    restorer = Restorer([Entry(label, value, made, True)])
    for written in (made, made.lower(), made.upper()):
        text = f"It is {written}, or “{written}”. {written}"
        assert restored(text, restorer=restorer) == f"It is {value}, or “{value}”. {value}"
        assert restored(text, list(text), restorer) == restored(text, restorer=restorer)


PARTS = st.sampled_from(
    [written for written, _ in TOLERATED]
    + [
        "<",
        "&lt;",
        "[",
        "\\",
        "%3",
        "PERSON",
        "_",
        "1",
        "2",
        "+",
        "(",
        ".",
        "@",
        " ",
        "\n",
        "user.",
        "p",
        "é",
        "😀",
    ]
)


@st.composite
def chunked(draw: st.DrawFn) -> tuple[str, list[str]]:
    text = "".join(draw(st.lists(PARTS, max_size=12)))
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    return text, [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@settings(max_examples=600)
@given(chunked())
@example(("[PERSON_1](", ["[PERSON_1]", "("]))
@example(("<PERSON_1>2", list("<PERSON_1>2")))
def test_every_chunking_gives_what_the_whole_text_does(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    assert restored(text, pieces or [""]) == restored(text)


@given(st.text(alphabet="aehilnostuv ,.\n!?😀", max_size=200))
def test_nothing_is_held_where_nothing_can_become_a_surrogate(text: str) -> None:
    stream = Restoring(Restorer(ENTRIES[:2]))
    for char in text:
        assert stream.feed(char, EVERY) == char
        assert stream.held == 0


@given(chunked())
def test_no_more_is_held_than_the_longest_form(case: tuple[str, list[str]]) -> None:
    stream = Restoring(RESTORER)
    for char in case[0]:
        stream.feed(char, EVERY)
        assert stream.held <= 160


def test_nothing_to_restore_holds_nothing() -> None:
    stream = Restoring(Restorer([]))
    assert stream.feed("<PERSON_1", EVERY) == "<PERSON_1"
    assert not Restorer([])


@pytest.mark.parametrize(
    ("labels", "back"),
    [
        (frozenset(), f"{JANE} 078-05-1120"),
        (frozenset({"PERSON"}), f"{JANE} <US_SSN_1>"),
        (frozenset({"LOCATION"}), "<PERSON_1> <US_SSN_1>"),
        (None, "<PERSON_1> <US_SSN_1>"),
    ],
)
def test_only_the_labels_that_policy_names_come_back(labels: frozenset[str] | None, back: str) -> None:
    stream = Restoring(RESTORER)
    assert stream.feed("<PERSON_1> <US_SSN_1>", labels) + stream.finish(labels) == back


@given(st.text(max_size=30))
def test_in_json_whatever_the_value_is_the_document_stays_what_it_was(value: str) -> None:
    stream = Restoring(Restorer([Entry("PERSON", value, "<PERSON_1>", True)]), in_json)
    text = stream.feed('{"a": "<PERSON_1>", "b": "x\\u003cperson_1\\u003ey"}', EVERY) + stream.finish(EVERY)
    assert json.loads(text) == {"a": value, "b": f"x{value}y"}
