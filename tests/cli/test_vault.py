"""vault: what operators do with what is remembered."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from govkernel.assemble import plugin_host
from govkernel.config import load_settings
from govkernel.vaulting import open_vault
from runtime_guard.redact import Wanted
from tests.cli.conftest import Run

DATABASE = '\n[guard.vault]\ndatabase = "sqlite:///vault.db"\n'


def remember(*values: str, tenant: str = "acme", conversation: str = "chat", ago: int = 0) -> list[str]:
    """Have the vault give surrogates, some time ago."""

    async def ask() -> list[str]:
        settings, now = load_settings(), int(time.time()) - ago
        async with open_vault(settings, plugin_host(settings)) as opened:
            scope = await opened.vault.scope(tenant, conversation, "", now)
            given = await opened.vault.names(scope, [Wanted("PERSON", value) for value in values], now)
            return [item.entry.surrogate for item in given]

    return asyncio.run(ask())


def with_database(workspace: Path) -> None:
    file = workspace / "govkernel.toml"
    file.write_text(file.read_text() + DATABASE)


def test_what_has_ended_is_purged(run: Run, workspace: Path) -> None:
    with_database(workspace)
    remember("Old One", ago=90_000, conversation="old")
    remember("New One")
    assert run("vault", "purge", "--json").json() == {"removed": 1}
    assert run("vault", "purge").out.strip() == "0 removed"


def test_a_conversation_or_a_tenant_is_erased(run: Run, workspace: Path) -> None:
    with_database(workspace)
    remember("A", "B", conversation="one")
    remember("A", conversation="two")
    remember("A", tenant="other")
    erased = run("vault", "erase", "--tenant", "acme", "--conversation", "one", "--json")
    assert erased.json() == {"removed": 2}
    assert run("vault", "erase", "--tenant", "acme", "--json").json() == {"removed": 1}
    assert run("vault", "erase", "--tenant", "acme", "--json").json() == {"removed": 0}
    assert run("vault", "erase", "--tenant", "other", "--json").json() == {"removed": 1}


def test_keys_are_rotated_under_another_key(run: Run, workspace: Path) -> None:
    with_database(workspace)
    before = remember("A", "B")
    remember("C", tenant="other")
    file = workspace / "govkernel.toml"
    old = '\nprevious_keys = ["file:.govkernel/keys/vault.key"]'
    file.write_text(file.read_text() + f'key = "file:new.key"{old}\n')
    assert run("vault", "rotate", "--json").json() == {"sealed": {"acme": 2, "other": 1}}
    file.write_text(file.read_text().replace(old, ""))
    (workspace / ".govkernel" / "keys" / "vault.key").unlink()
    assert remember("A", "B") == before
    assert "2 sealed anew" in run("vault", "rotate", "--tenant", "acme").out


def test_without_a_database_there_is_nothing_to_work_on(run: Run, workspace: Path) -> None:
    for command in (["purge"], ["rotate"], ["erase", "--tenant", "acme"]):
        failed = run("vault", *command, "--json")
        assert (failed.code, failed.json()["error"]["code"]) == (2, "vault.no-database")
