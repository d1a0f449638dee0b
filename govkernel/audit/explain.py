"""Turns suspects (subtrees whose rows are not the signed ones) into what somebody did: swapped, removed, inserted.

The signed hash of a pair of rows is known, so a guess about the original order can be tested: it either hashes to
what was signed or it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import Final

from govkernel.audit.findings import Collector, span
from govkernel.audit.replay import Suspect
from govkernel.domain.merkle import node_hash

MAX_SWAPS: Final = 64
MAX_SHIFT: Final = 16
_ENOUGH: Final = 2

DecisionOf = Callable[[int], str]


def explain(
    suspects: Sequence[Suspect], named: frozenset[int], decision_of: DecisionOf, found: Collector
) -> None:
    """Add a finding for each suspect.

    Args:
        suspects: in order of rows.
        named: rows that other findings already name; their suspects need no other explanation.
        decision_of: the decision id in a row, for messages.
        found: takes the findings.
    """
    left = [item for item in suspects if not named.intersection(range(item.rows[0], item.rows[1] + 1))]
    left = _shifted(left, found)
    for first, second, these in list(_swaps(left)):
        if all(item in left for item in these):
            left = [item for item in left if item not in these]
            found.add(
                "audit.row-reordered",
                f"This row and row {second} were exchanged: exchanged back, they hash to what was signed.",
                (first, first),
                decision_id=decision_of(first),
            )
    for item in left:
        found.add(
            "audit.row-changed",
            f"{span(item.rows)} do not hash to the node that was signed; their leaf hashes were recomputed to hide it.",
            item.rows,
            decision_id=decision_of(item.rows[0]),
        )


def _swaps(suspects: Sequence[Suspect]) -> Iterator[tuple[int, int, tuple[Suspect, ...]]]:
    """Pairs of rows that were exchanged, with the suspects this explains."""
    pairs = [item for item in suspects if len(item.leaves) == 2][:MAX_SWAPS]
    for item in pairs:
        if node_hash(item.leaves[1], item.leaves[0]) == item.signed:
            yield (*item.rows, (item,))
    for one, two in combinations(pairs, 2):
        for here, there in product((0, 1), repeat=2):
            first, second = list(one.leaves), list(two.leaves)
            first[here], second[there] = second[there], first[here]
            if node_hash(*first) == one.signed and node_hash(*second) == two.signed:
                yield one.rows[0] + here, two.rows[0] + there, (one, two)


def _shifted(suspects: list[Suspect], found: Collector) -> list[Suspect]:
    """Name rows that were removed or inserted with all later rows renumbered; returns the other suspects."""
    leaves = {item.rows[0] + place: leaf for item in suspects for place, leaf in enumerate(item.leaves)}
    for shift in (step * sign for step in range(1, MAX_SHIFT + 1) for sign in (-1, 1)):
        moved = [item for item in suspects if _fits(item, leaves, shift)]
        if len(moved) >= _ENOUGH:
            start = suspects[0].rows[0]
            last = moved[0].rows[0] - 1
            _name_shift(shift, (start, max(start, last)), found)
            return [item for item in suspects if item.rows[0] > last and not _may_fit(item, leaves, shift)]
    return suspects


def _fits(item: Suspect, leaves: dict[int, bytes], shift: int) -> bool:
    """Whether the rows ``shift`` further on hash to what was signed here."""
    if len(item.leaves) != 2:
        return False
    one, two = leaves.get(item.rows[0] + shift), leaves.get(item.rows[1] + shift)
    return one is not None and two is not None and node_hash(one, two) == item.signed


def _may_fit(item: Suspect, leaves: dict[int, bytes], shift: int) -> bool:
    """Whether it fits, or cannot be told because the rows further on are not known."""
    known = item.rows[0] + shift in leaves and item.rows[1] + shift in leaves
    return not known or _fits(item, leaves, shift)


def _name_shift(shift: int, rows: tuple[int, int], found: Collector) -> None:
    count = f"{abs(shift)} row(s)"
    if shift < 0:
        found.add(
            "audit.row-missing",
            f"{count} were removed here and all later rows renumbered to close the gap.",
            rows,
        )
    else:
        found.add("audit.row-inserted", f"{count} were inserted here and all later rows renumbered.", rows)
