"""``make bench``: every benchmark, or those named, e.g. ``python -m tests.benchmarks decisions proxy``."""

from __future__ import annotations

import sys

from tests.benchmarks import audit, decisions, guard, provenance, proxy

ALL = {"decisions": decisions, "audit": audit, "provenance": provenance, "proxy": proxy, "guard": guard}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name].main()
