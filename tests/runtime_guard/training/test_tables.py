"""Tables of shares: one row per source, one column per bound."""

from __future__ import annotations

from runtime_guard.training.tables import markdown_shares, markdown_shares_beside


def test_shares_at_several_bounds_stand_side_by_side() -> None:
    shares = {
        "0.1%": {"gsm8k": (40, 0.0), "nano": (3, 1 / 3)},
        "5%": {"gsm8k": (40, 0.025), "nano": (3, 1.0)},
    }
    assert markdown_shares_beside(shares).splitlines() == [
        "| harmless source | texts | 0.1% | 5% |",
        "|---|---|---|---|",
        "| gsm8k | 40 | 0.0% | 2.5% |",
        "| nano | 3 | 33.3% | 100.0% |",
    ]


def test_shares_at_one_bound_are_a_table_with_one_column() -> None:
    one = {"gsm8k": (40, 0.025)}
    assert markdown_shares(one, "5%") == markdown_shares_beside({"5%": one})
