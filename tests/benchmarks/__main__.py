"""``make bench``: every benchmark."""

from __future__ import annotations

from tests.benchmarks import decisions

if __name__ == "__main__":
    decisions.main()
