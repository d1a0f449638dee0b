"""Run as a program: gives surrogates in a vault for ever, and prints each once it was given. Killed by test_crash."""

from __future__ import annotations

import asyncio
import sys

from runtime_guard.redact import Wanted
from runtime_guard.tokens.allocation import Limits
from runtime_guard.tokens.keys import KeyRing
from runtime_guard.tokens.store import Asked
from runtime_guard.tokens.vault import Vault
from runtime_guard.tokens.wrapping import LocalWrapper
from tests.runtime_guard.tokens.databases import store_at

NOW = 1_700_000_000
KEY = LocalWrapper(b"k" * 32)
LIMITS = Limits(deadline=30, conversation_entries=100_000)


async def main(url: str, start: int) -> None:
    with store_at(url) as store:
        asked = Asked(store, LIMITS.deadline)
        vault = Vault(asked, KeyRing(asked, [KEY], LIMITS.deadline), LIMITS)
        scope = await vault.scope("acme", "chat", "", NOW)
        number = start
        while True:
            people = [Wanted("PERSON", f"Person {number + it}", fake=it % 2 == 0) for it in range(7)]
            for wanted, given in zip(people, await vault.names(scope, people, NOW), strict=True):
                print(f"{wanted.value}={given.entry.surrogate}", flush=True)
            number += 7


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
