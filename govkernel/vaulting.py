"""The guard's vault, put together: a database or this process's memory, and the key-encryption keys by their URIs."""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from govkernel import checks, databases
from govkernel.config import Settings
from govkernel.errors import ConfigError
from govkernel.files import create_file
from govkernel.hookspecs import KeyWrapper, KeyWrapperProvider, hookimpl
from govkernel.plugins import PluginHost, Provider
from runtime_guard.tokens.allocation import Limits
from runtime_guard.tokens.errors import unavailable
from runtime_guard.tokens.keys import KeyRing
from runtime_guard.tokens.memory import MemoryStore
from runtime_guard.tokens.sql import SqlStore
from runtime_guard.tokens.store import Asked
from runtime_guard.tokens.tables import METADATA
from runtime_guard.tokens.upkeep import Upkeep
from runtime_guard.tokens.vault import Vault
from runtime_guard.tokens.wrapping import SIZE, LocalWrapper

MAX_KEY_FILE: Final = 4096
MAX_KEY_NAME: Final = 200
TOO_OPEN: Final = 0o037
"""Rights on a key file that are refused: any for others, and for the group all but to read."""

TABLES_LOCK: Final = 0x676F767661756C74
"""PostgreSQL advisory lock of whoever makes the tables: the bytes of ``govvault``."""


class FileKeys:
    """Key-encryption keys in files: 32 random bytes in base64, mode 0600; follows ``KeyWrapperProvider``.

    Args:
        root: what relative paths are relative to.
    """

    schemes = frozenset({"file"})

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, uri: str) -> LocalWrapper:
        """The key of a file, which is made when it is not there.

        Raises:
            ConfigError: ``vault.key``.
        """
        path = self._root / uri.partition(":")[2].removeprefix("//")
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                create_file(path, base64.b64encode(os.urandom(SIZE)) + b"\n", 0o600)
            with path.open("rb") as stream:
                if os.fstat(stream.fileno()).st_mode & TOO_OPEN:
                    raise _bad_key(path, "Others than its owner and group can use it.")
                return LocalWrapper(base64.b64decode(stream.read(MAX_KEY_FILE).strip(), validate=True))
        except OSError as error:
            raise _bad_key(path, error.strerror or type(error).__name__) from None
        except ValueError:
            raise _bad_key(path, f"It does not hold {SIZE} bytes in base64.") from None


class KeyWrappersPlugin:
    """The key-encryption keys that ship with govkernel: files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @hookimpl
    def govkernel_key_wrappers(self) -> Sequence[KeyWrapperProvider]:
        """Keys in files."""
        return [FileKeys(self._root)]


class IsolatedWrapper:
    """A plugin's key, asked through the host: apart, time-boxed, checked, counted; follows ``KeyWrapper``."""

    def __init__(self, host: PluginHost, provider: Provider[KeyWrapper]) -> None:
        self._host = host
        self._provider = provider
        self.key_id = host.read(provider, "key_id", _name)

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """The wrapped key.

        Raises:
            PluginError: it raised, hung or returned nonsense.
        """
        return await self._host.call(self._provider, lambda it: it.wrap(key, context), _bytes)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """What was wrapped.

        Raises:
            PluginError: like :meth:`wrap`.
        """
        return await self._host.call(self._provider, lambda it: it.unwrap(wrapped, context), _bytes)


@dataclass(frozen=True)
class OpenVault:
    """A vault, and what operators do with it."""

    vault: Vault
    upkeep: Upkeep


@asynccontextmanager
async def open_vault(settings: Settings, host: PluginHost) -> AsyncIterator[OpenVault]:
    """The vault of a workspace; without a database it ends with this process, and so does its key.

    Raises:
        ConfigError: ``vault.url``, ``vault.driver``, ``vault.key``, ``vault.key-scheme``.
        PluginError: a plugin's key could not be opened.
        VaultError: ``vault.unavailable``.
    """
    table = settings.guard.vault
    limits = Limits(table.ttl, table.conversation_entries, table.tenant_entries, table.deadline)
    if not table.database:
        yield _opened(Asked(MemoryStore(), limits.deadline), [LocalWrapper.new()], limits)
        return
    host.register("vault-keys", KeyWrappersPlugin(settings.root), builtin=True)
    wrappers = [await _wrapper(host, uri) for uri in (table.key, *table.previous_keys)]
    engine = await asyncio.to_thread(_engine, table.database)
    try:
        yield _opened(Asked(SqlStore(partial(_begin, engine)), limits.deadline), wrappers, limits)
    finally:
        engine.dispose()


def _opened(asked: Asked, wrappers: Sequence[KeyWrapper], limits: Limits) -> OpenVault:
    ring = KeyRing(asked, wrappers, limits.deadline)
    return OpenVault(Vault(asked, ring, limits), Upkeep(asked, ring))


async def _wrapper(host: PluginHost, uri: str) -> KeyWrapper:
    scheme, colon, _ = uri.partition(":")
    for provider in host.providers("govkernel_key_wrappers"):
        if colon and scheme in host.read(provider, "schemes", checks.names):
            opened = await host.call(provider, lambda it: it.open(uri), _is_wrapper)
            return (
                opened
                if provider.builtin
                else IsolatedWrapper(host, Provider(provider.plugin, opened, False))
            )
    for fault in host.broken():
        raise fault  # it may have been the one
    raise ConfigError(
        "vault.key-scheme",
        "Nothing opens the key-encryption key of the vault.",
        why=f"No plugin knows keys of the form {scheme[:40]}:…" if colon else "The setting names no scheme.",
        remedy="Set [guard.vault] key to file:PATH, or install the plugin for this key service.",
    )


def _engine(url: str) -> Engine:
    """An open database with the vault's tables in it."""
    engine = _connected(_parsed(url))
    with _begin(engine, True) as connection:
        if connection.dialect.name == "postgresql":  # another replica may be making them
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": TABLES_LOCK})
        METADATA.create_all(connection)
    return engine


def _parsed(url: str) -> URL:
    try:
        return databases.parse_url(url)
    except ValueError as error:
        raise ConfigError(
            "vault.url",
            "The vault's database URL cannot be used.",
            why=str(error),
            remedy="Use sqlite:///path/vault.db or postgresql+psycopg://user@host/database.",
        ) from None


def _connected(url: URL) -> Engine:
    path = databases.sqlite_path(url)
    try:
        if path is None:
            return databases.postgres_engine(url)
        databases.create_private(path)
    except OSError as error:
        raise unavailable(error.strerror or type(error).__name__) from None
    except (ModuleNotFoundError, NoSuchModuleError):
        raise ConfigError(
            "vault.driver",
            "There is no PostgreSQL driver here.",
            remedy='Install it: `pip install "govkernel[postgres]"`.',
        ) from None
    engine = databases.sqlite_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA secure_delete=ON"))
    return engine


@contextmanager
def _begin(engine: Engine, write: bool) -> Iterator[Connection]:
    try:
        with engine.connect() as plain:
            connection = plain.execution_options(**{databases.WRITE: write})
            with connection.begin():
                yield connection
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        raise unavailable((str(cause).splitlines() or [type(cause).__name__])[0][:200]) from None


def _is_wrapper(value: object) -> KeyWrapper:
    if not isinstance(value, KeyWrapper):
        raise TypeError(f"expected a key wrapper, got {type(value).__name__}")
    return value


def _name(value: object) -> str:
    name = checks.text(value)
    if not 0 < len(name) <= MAX_KEY_NAME:
        raise ValueError(f"expected a name of at most {MAX_KEY_NAME} characters")
    return name


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, got {type(value).__name__}")
    return value


def _bad_key(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "vault.key",
        f"The vault's key {str(path)!r} cannot be used.",
        why=why,
        remedy="Check [guard.vault] key; what was sealed under another key opens with that key only.",
    )
