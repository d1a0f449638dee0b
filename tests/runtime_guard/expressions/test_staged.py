"""Two looks find what one look finds, whatever the signs are."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
from runtime_guard.expressions import staged
from runtime_guard.expressions.automaton import Expression, HyperscanAutomaton, Re2Automaton, searched
from runtime_guard.expressions.staged import Scanner

SCANNERS = [HyperscanAutomaton, lambda items, _: Re2Automaton(items)]
LOOKED_FOR = [
    (Expression(b"ab"), ()),
    (Expression(b"[a-c][0-9]"), (b"[0-9]",)),
    (Expression(b"c"), ()),
    (Expression(b"x1"), (b"x", b"[0-9]")),
    (Expression(b"a("), (b"[0-9]",)),
    (Expression(b"b+c"), (b"(",)),
]
"""With their signs; the automaton refuses one expression and one sign."""


def both(scanner: Scanner, data: bytes) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What one look finds, and what two find."""
    once = staged.staged(LOOKED_FOR, scanner, None)
    with mock.patch.object(staged, "FEW", 0):
        twice = staged.staged(LOOKED_FOR, scanner, None)
    assert once.refused == twice.refused == {4}
    return sorted(once.scan(data)), sorted(twice.scan(data))


@pytest.mark.parametrize("scanner", SCANNERS)
@given(data=st.text("abcx12 ", max_size=20).map(str.encode))
def test_two_looks_find_what_one_finds(scanner: Scanner, data: bytes) -> None:
    one, two = both(scanner, data)
    assert one == two


@pytest.mark.parametrize("scanner", SCANNERS)
def test_without_a_sign_there_is_no_second_look(scanner: Scanner) -> None:
    looked_for = [(Expression(b"ab"), ()), (Expression(b"[a-c]1"), (b"1",))]
    with mock.patch.object(staged, "FEW", 0):
        made = staged.staged(looked_for, scanner, None)
    with mock.patch.object(made, "_second", mock.Mock(scan=mock.Mock(return_value=[]))) as second:
        assert [number for number, _ in made.scan(b"ab c")] == [0]
        second.scan.assert_not_called()
        made.scan(b"ab c1")
        second.scan.assert_called_once()


def test_what_re2_refuses_is_not_searched_for() -> None:
    assert searched(b"(") is None
    assert searched(b"[0-9]{4}").search(b"a 1234", 1).start() == 2
