"""Of several claims of one kind the newest per source counts: what was done again supersedes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

Claim = Mapping[str, Any]

SKEW: Final = timedelta(minutes=5)
"""How far the clock of the machine that made a claim may be ahead of ours."""


def finished_on(said: Claim) -> str:
    """When the claim says that it was finished, RFC 3339."""
    return str(said["finishedOn"])


def newest(
    stated: list[dict[str, Any]],
    key: Callable[[Claim], Hashable],
    now: datetime,
    when: Callable[[Claim], str] = finished_on,
) -> list[dict[str, Any]]:
    """The newest per key; of one moment, all of them.

    What says it will finish in the future counts and supersedes nothing, lest it hide every later failure.

    Args:
        stated: claims of one predicate type.
        key: what a claim supersedes others of.
        now: aware.
        when: the claim's moment, RFC 3339 with offset.
    """
    latest: dict[Hashable, tuple[datetime, list[dict[str, Any]]]] = {}
    early: list[dict[str, Any]] = []
    for said in stated:
        moment = datetime.fromisoformat(when(said))
        if moment > now + SKEW:
            early.append(said)
            continue
        best = latest.get(key(said))
        if best is None or moment > best[0]:
            latest[key(said)] = (moment, [said])
        elif moment == best[0]:
            best[1].append(said)
    return early + [said for _, found in latest.values() for said in found]
