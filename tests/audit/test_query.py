"""The query language: what it accepts, where it points when it does not, and that it reads back what it writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.audit.query import (
    CHOICES,
    DEFAULT_LIMIT,
    FIELDS,
    MAX_LIMIT,
    PATTERNS,
    Query,
    Term,
    parse,
    render,
)
from govkernel.errors import AuditError

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Query()),
        ("  \t", Query()),
        ("decision:deny", Query((Term("decision", ("deny",)),))),
        ("door:ci,admission", Query((Term("door", ("ci", "admission")),))),
        ("-policy:baseline/unsigned", Query((Term("policy", ("baseline/unsigned",), negated=True),))),
        (f"artifact:{DIGEST}", Query((Term("artifact", (DIGEST,)),))),
        ('name:"mlflow://models/a b/3"', Query((Term("name", ("mlflow://models/a b/3",)),))),
        ('principal:"User::\\"alice\\""', Query((Term("principal", ('User::"alice"',)),))),
        ("time-out -slow", Query((Term("text", ("time-out",)), Term("text", ("slow",), negated=True)))),
        ('"a:b, c"', Query((Term("text", ("a:b, c",)),))),
        ("since:1d until:2026-03-01T10:00:00Z limit:7", Query((), "1d", "2026-03-01T10:00:00Z", 7)),
        ("fault:any,plugin.timeout", Query((Term("fault", ("any", "plugin.timeout")),))),
    ],
)
def test_queries_that_are_understood(text: str, expected: Query):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("decision:maybe", "value", 10),
        ("door:ci,", "value", 9),
        ("door:", "value", 6),
        ("colour:red", "field", 1),
        ("decision:deny https://x", "field", 15),
        ("sha256:abc", "field", 1),
        ('name:"open', "syntax", 6),
        ('name:"a\\n"', "syntax", 6),
        ('name:"a"b', "syntax", 9),
        ("artifact:sha256:abc", "value", 10),
        ("since:yesterday", "value", 7),
        ("since:2026-03-01T10:00:00", "value", 7),
        ("since:2026-13-01", "value", 7),
        ("since:99999999w", "value", 7),
        ("since:1d since:2d", "value", 10),
        ("-limit:5", "value", 1),
        ("limit:0", "value", 7),
        (f"limit:{MAX_LIMIT + 1}", "value", 7),
        ("limit:٣", "value", 7),
        ("-", "value", 2),
        ("action:Admit", "value", 8),
        ("x\ud800", "syntax", 2),
        (" ".join(["a"] * 65), "syntax", 130),
        ("name:" + ",".join(["a"] * 65), "value", 1),
    ],
)
def test_queries_that_are_not(text: str, code: str, column: int):
    with pytest.raises(AuditError) as caught:
        parse(text)
    assert caught.value.code == f"audit.query-{code}"
    assert caught.value.what.endswith(f"at column {column}.")
    assert caught.value.why
    assert all(field in caught.value.remedy for field in FIELDS)


def test_a_long_query_is_refused():
    with pytest.raises(AuditError, match="query-too-long"):
        parse("a " * 5000)


@given(
    st.text(max_size=60) | st.from_regex(r'(-?[a-z]{1,9}:?("[^"]*"?|[a-z0-9:,*]*) ?){0,4}', fullmatch=True)
)
@settings(max_examples=600)
def test_parsing_raises_audit_errors_only_and_renders_what_it_read(text: str):
    try:
        query = parse(text)
    except AuditError as error:
        assert error.code.startswith("audit.query-")
    else:
        assert parse(render(query)) == query


values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
terms = st.one_of(
    *(
        st.builds(Term, st.just(field), st.lists(values, min_size=1, max_size=3).map(tuple), st.booleans())
        for field in PATTERNS
    ),
    *(
        st.builds(
            Term,
            st.just(field),
            st.lists(st.sampled_from(options), min_size=1, max_size=3).map(tuple),
            st.booleans(),
        )
        for field, options in CHOICES.items()
    ),
    st.builds(Term, st.just("artifact"), st.just((DIGEST,)), st.booleans()),
)
times = st.sampled_from(["", "15m", "1d", "2w", "2026-03-01", "2026-03-01T10:00:00.5+02:00"])
queries = st.builds(
    Query,
    st.lists(terms, max_size=6).map(tuple),
    times,
    times,
    st.integers(1, MAX_LIMIT) | st.just(DEFAULT_LIMIT),
)


@given(queries)
@settings(max_examples=400)
def test_any_query_can_be_written_and_read_back(query: Query):
    assert parse(render(query)) == query
