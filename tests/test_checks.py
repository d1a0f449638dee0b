"""Checks of what providers return: the promised thing comes back validated, everything else is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel import checks
from govkernel.domain import Artifact, Digest, Reason, RejectedStatement, Verdict
from govkernel.hookspecs import Bundle, VerifiedStatement
from tests.simulators.faulty_plugin import FORGED_STATEMENT, FORGED_VERDICT

BUNDLE = Bundle(content=b"x", source="x")
WRONG = (TypeError, ValueError)
NONSENSE = st.one_of(
    st.integers(),
    st.text(),
    st.binary(),
    st.booleans(),
    st.floats(),
    st.dictionaries(st.text(), st.integers()),
    st.lists(st.integers(), min_size=1),
    st.just(Bundle),
    st.just({"content": b"x", "source": "x"}),
)


class Named(Bundle):
    """A subclass that adds a field."""

    extra: str = ""


class Endless(Sequence[Bundle]):
    """Says it is empty and never ends."""

    def __len__(self) -> int:
        return 0

    def __getitem__(self, index: Any) -> Any:
        return BUNDLE

    def __iter__(self) -> Iterator[Bundle]:
        while True:
            yield BUNDLE


class EndlessList(list[Bundle]):
    """The same, as a list."""

    __iter__ = Endless.__iter__  # type: ignore[assignment]


@given(NONSENSE)
@pytest.mark.parametrize(
    "check",
    [
        checks.model(Bundle),
        checks.either(Bundle, Artifact),
        checks.sequence(Bundle, 10),
        checks.names,
    ],
)
def test_nonsense_is_refused(check: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(WRONG):
        check(value)


def test_the_promised_model_comes_back() -> None:
    assert checks.model(Bundle)(BUNDLE) == BUNDLE
    digest = Digest.sha256("ab" * 32)
    artifact = Artifact(kind="model", name="m", digest=digest, aliases=(digest,), formats=("gguf",))
    assert checks.model(Artifact)(artifact) == artifact


@pytest.mark.parametrize(
    ("kind", "forged"),
    [
        (VerifiedStatement, FORGED_STATEMENT),
        (Verdict, FORGED_VERDICT),
        (Bundle, Bundle.model_construct(content="text", source=7)),
        (Artifact, Artifact.model_construct(kind="model", name="m", digest="not one")),
        (Verdict, Verdict.model_construct(permits=(Reason.model_construct(policy=None),))),
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_model_made_around_its_validation_is_refused(kind: type[Any], forged: Any) -> None:
    for check in (checks.model(kind), checks.either(kind)):
        with pytest.raises(WRONG):
            check(forged)
    with pytest.raises(WRONG):
        checks.sequence(kind, 10)([forged])


def test_a_subclass_is_cut_down_to_what_was_promised_or_refused() -> None:
    with pytest.raises(WRONG):
        checks.model(Bundle)(Named(content=b"x", source="x", extra="y"))


def test_either_tells_its_kinds_apart_and_takes_none() -> None:
    check = checks.either(Bundle, RejectedStatement)
    rejected = RejectedStatement(code="a.b", why="x")
    assert (check(None), check(BUNDLE), check(rejected)) == (None, BUNDLE, rejected)
    with pytest.raises(TypeError, match="Bundle"):
        check(Artifact(kind="model", name="m"))


@given(st.integers(0, 6), st.integers(0, 6), st.sampled_from([list, tuple]))
def test_a_sequence_has_at_most_its_limit(length: int, limit: int, kind: type[Any]) -> None:
    check = checks.sequence(Bundle, limit)
    if length <= limit:
        assert check(kind([BUNDLE] * length)) == (BUNDLE,) * length
        return
    with pytest.raises(ValueError, match=f"limit {limit}"):
        check(kind([BUNDLE] * length))


@pytest.mark.parametrize(
    "value",
    [None, "", b"", {}, {BUNDLE}, iter([]), range(1), Endless(), EndlessList(), [BUNDLE, None], [[BUNDLE]]],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_bounded_sequence_of_models_is_refused(value: Any) -> None:
    with pytest.raises(WRONG):
        checks.sequence(Bundle, 10)(value)


def test_text_is_text() -> None:
    assert checks.text("x") == "x"
    for value in (None, b"x", 1, ["x"]):
        with pytest.raises(TypeError, match=type(value).__name__):
            checks.text(value)


def test_names_are_a_set_of_text() -> None:
    assert checks.names({"a"}) == checks.names(frozenset("a")) == frozenset("a")
    assert checks.names({"a": 1}.keys()) == frozenset("a")
    with pytest.raises(TypeError):
        checks.names({1})


def test_no_expectation_takes_anything() -> None:
    marker = object()
    assert checks.anything(marker) is marker
