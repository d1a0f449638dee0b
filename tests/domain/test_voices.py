"""Each signer lends one voice."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import Signer, voices


def by(key: str, *names: str) -> list[Signer]:
    return [Signer(name=name, key_id=key) for name in names]


def certified(*pairs: tuple[str, str]) -> list[Signer]:
    """One certificate with several identities, each with the name it has here."""
    return [Signer(name=name, identity=identity, issuer="https://i") for identity, name in pairs]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ([], 0),
        ([by("1", "ann"), by("1", "ann")], 1),
        ([by("1", "ann"), by("2", "ann")], 1),
        ([by("1", "ann"), by("2", "bob")], 2),
        ([by("3", "ann", "bob")], 1),
        ([by("3", "ann"), by("3", "bob")], 1),
        ([by("3", "ann", "bob"), by("1", "ann")], 2),
        ([by("1", "ann"), by("3", "ann", "bob"), by("2", "bob")], 2),
        ([by("1", "ann"), by("3", "ann", "bob"), by("4", "ann", "bob")], 2),
        ([certified(("a@x", "ann"), ("https://y", "bob"))], 1),
        ([certified(("a@x", "ann")), certified(("https://y", "bob"))], 2),
        ([certified(("a@x", "ann"), ("https://y", "bob")), certified(("a@x", "ann"))], 1),
        ([certified(("a@x", "ann"), ("a@x", "bob"))], 1),
        ([[Signer(name="ann"), Signer(name="bob")]], 2),
        ([[*by("1", "ann"), *by("2", "bob")]], 2),
    ],
)
def test_how_many_are_heard(said: list[list[Signer]], heard: int) -> None:
    assert len(voices(said)) == heard
    for order in itertools.permutations(said):
        assert voices(order) == voices(said)


STATEMENTS = st.lists(
    st.builds(
        lambda key, names: by(key, *sorted(names)),
        st.sampled_from("12345"),
        st.sets(st.sampled_from("abcd"), min_size=1),
    ),
    max_size=6,
)


@given(STATEMENTS)
def test_as_many_as_can_be_paired(said: list[list[Signer]]) -> None:
    names: dict[str, set[str]] = {}
    for signers in said:
        for signer in signers:
            names.setdefault(signer.key_id, set()).add(signer.name)
    pairings = itertools.product(*([*sorted(item), None] for item in names.values()))
    best = max(
        len({name for name in pairing if name})
        for pairing in pairings
        if len([name for name in pairing if name]) == len({name for name in pairing if name})
    )
    assert len(voices(said)) == best


@given(STATEMENTS, STATEMENTS)
def test_nobody_is_silenced_by_what_others_say(said: list[list[Signer]], more: list[list[Signer]]) -> None:
    assert len(voices(said + more)) >= max(len(voices(said)), len(voices(more)))
