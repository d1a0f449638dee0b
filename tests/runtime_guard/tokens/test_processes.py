"""Processes that are killed, and processes that race: nothing half, nothing twice."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from runtime_guard.redact import Wanted
from runtime_guard.tokens.keys import KeyRing
from runtime_guard.tokens.store import Asked
from runtime_guard.tokens.vault import Vault
from tests.runtime_guard.tokens.databases import store_at
from tests.runtime_guard.tokens.writer import KEY, LIMITS, NOW

ROOT = Path(__file__).parents[3]


def writer(url: str, start: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.runtime_guard.tokens.writer", url, str(start)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def read_and_kill(process: subprocess.Popen[str], lines: int) -> dict[str, str]:
    """What a writer said it gave, until it was killed after so many lines."""
    with process:
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        read += process.stdout.readlines()
    return dict(line.rstrip("\n").split("=") for line in read if line.endswith("\n"))


def kept(url: str, values: list[str]) -> tuple[dict[str, str], int]:
    """What the vault says now, every seal of it opened, and how many rows there are."""

    async def ask() -> Any:
        with store_at(url) as store:
            asked = Asked(store, LIMITS.deadline)
            vault = Vault(asked, KeyRing(asked, [KEY], LIMITS.deadline), LIMITS)
            scope = await vault.scope("acme", "chat", "", NOW)
            given = await vault.names(scope, [Wanted("PERSON", value) for value in values], NOW)
            rows = await asked.run(lambda session: session.sealed_otherwise("acme", b"", 10**6))
            names = await vault.look_up(scope, [item.entry.surrogate for item in given], NOW)
            assert {entry.value for entry in names} == set(values)
            return {item.entry.value: item.entry.surrogate for item in given}, len(rows)

    return asyncio.run(ask())


def test_what_was_given_is_kept_when_writers_are_killed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vault.db"
    randomness = random.Random(4)
    given: dict[str, str] = {}
    for attempt in range(4):
        given |= read_and_kill(writer(url, attempt * 10_000), randomness.randint(1, 60))
    known, rows = kept(url, list(given))
    assert known == given
    assert len(set(given.values())) == len(given) <= rows
    assert rows % 7 == 0, "a request's values are there together or not at all"
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    engine.dispose()


def test_processes_that_name_the_same_values_at_once_agree(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vault.db"
    answers = [read_and_kill(process, 140) for process in [writer(url, 0) for _ in range(3)]]
    everything: dict[str, str] = {}
    for given in answers:
        assert all(everything.setdefault(value, name) == name for value, name in given.items())
    assert len(everything) >= 140
    assert len(set(everything.values())) == len(everything)
    assert kept(url, list(everything))[0] == everything
