"""The vault of a workspace: where it is, which key wraps its keys, and what a chat through the real kernel leaves."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")

import httpx

from govkernel.assemble import assembled, plugin_host
from govkernel.config import Settings, load_settings
from govkernel.errors import GovkernelError
from govkernel.guarding import guard_app
from govkernel.hookspecs import hookimpl
from govkernel.plugins import PluginHost
from govkernel.vaulting import FileKeys, open_vault
from govkernel.workspace import create_workspace
from runtime_guard.redact import Wanted
from tests.runtime_guard.proxy.conftest import served
from tests.simulators.upstream import ScriptedUpstream
from tests.simulators.vault_stores import KeyService

NOW = 1_700_000_000
MAIL = "jane.roe@acme-corp.de"


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """The settings of a workspace with a vault in a file, and further lines of ``[guard.vault]``."""
    create_workspace(tmp_path, key_name="release")
    monkeypatch.chdir(tmp_path)

    def configure(*lines: str, database: str = "sqlite:///vault.db") -> Settings:
        file = tmp_path / "govkernel.toml"
        text = file.read_text().partition("[guard.vault]")[0]
        file.write_text("\n".join([text, "[guard.vault]", f'database = "{database}"', *lines]))
        return load_settings(file)

    return configure


def name_of(settings: Settings, host: PluginHost | None = None, value: str = "Jane Roe") -> str:
    """The surrogate that the workspace's vault gives."""

    async def ask() -> str:
        async with open_vault(settings, host or plugin_host(settings)) as opened:
            scope = await opened.vault.scope("acme", "chat", "", NOW)
            (given,) = await opened.vault.names(scope, [Wanted("PERSON", value)], NOW)
            return given.entry.surrogate

    return asyncio.run(ask())


def refused(settings: Settings, host: PluginHost | None = None) -> GovkernelError:
    with pytest.raises(GovkernelError) as caught:
        name_of(settings, host)
    assert caught.value.remedy
    return caught.value


def test_a_vault_in_a_file_is_its_owners_alone_and_so_is_its_key(
    configured: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = configured()
    assert [name_of(settings, value=value) for value in ("Jane", "John", "Jane")] == [
        "<PERSON_1>",
        "<PERSON_2>",
        "<PERSON_1>",
    ]
    for path in (tmp_path / "vault.db", tmp_path / ".govkernel" / "keys" / "vault.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_database_it_ends_with_the_process_and_no_key_is_made(
    configured: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = configured(database="")
    assert [name_of(settings, value=value) for value in ("Jane", "John")] == ["<PERSON_1>", "<PERSON_1>"]
    assert not (tmp_path / ".govkernel" / "keys" / "vault.key").exists()


def test_what_was_sealed_under_one_key_does_not_open_with_another(
    configured: Callable[..., Settings],
) -> None:
    name_of(configured())
    assert refused(configured('key = "file:other.key"')).code == "vault.key-unknown"
    both = ('key = "file:other.key"', 'previous_keys = ["file:.govkernel/keys/vault.key"]')
    assert name_of(configured(*both)) == "<PERSON_1>"


@pytest.mark.parametrize(
    ("content", "mode"), [(b"", 0o600), (b"short", 0o600), (b"\xff" * 32, 0o600), (b"A" * 44, 0o600)]
)
def test_a_file_that_holds_no_key_is_a_typed_error(tmp_path: Path, content: bytes, mode: int) -> None:
    (tmp_path / "vault.key").write_bytes(content)
    (tmp_path / "vault.key").chmod(mode)
    with pytest.raises(GovkernelError) as caught:
        FileKeys(tmp_path).open("file:vault.key")
    assert caught.value.code == "vault.key"


@pytest.mark.parametrize(("mode", "allowed"), [(0o600, True), (0o440, True), (0o604, False), (0o660, False)])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int, allowed: bool) -> None:
    FileKeys(tmp_path).open("file:vault.key")
    (tmp_path / "vault.key").chmod(mode)
    if allowed:
        FileKeys(tmp_path).open("file:vault.key")
        return
    with pytest.raises(GovkernelError) as caught:
        FileKeys(tmp_path).open("file:vault.key")
    assert caught.value.code == "vault.key"


@pytest.mark.parametrize(
    ("database", "code"),
    [
        ("nothing", "vault.url"),
        ("sqlite://", "vault.url"),
        ("mysql://me:swordfish@db/vault", "vault.url"),
        ("sqlite:////no/such/folder/vault.db", "vault.unavailable"),
        ("postgresql://nobody:swordfish@127.0.0.1:1/none", "vault.unavailable"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_typed_error(
    configured: Callable[..., Settings], database: str, code: str
) -> None:
    error = refused(configured(database=database))
    assert error.code == code
    assert "swordfish" not in json.dumps(dict(error.as_dict()))


class Stranger:
    """A plugin that offers a key service."""

    def __init__(self, service: Any, schemes: Any = frozenset({"service"})) -> None:
        self._service = service
        self.schemes = schemes

    def open(self, uri: str) -> Any:
        if isinstance(self._service, Exception):
            raise self._service
        return self._service

    @hookimpl
    def govkernel_key_wrappers(self) -> list[Any]:
        return [self]


def hosting(plugin: object) -> PluginHost:
    host = PluginHost(deadline=0.5)
    host.register("stranger", plugin)
    return host


def test_a_key_service_of_a_plugin_wraps_the_keys(
    configured: Callable[..., Settings], tmp_path: Path
) -> None:
    settings, service = configured('key = "service:guard"'), KeyService()
    assert name_of(settings, hosting(Stranger(service))) == "<PERSON_1>"
    assert name_of(settings, hosting(Stranger(service))) == "<PERSON_1>"
    assert service.calls == 3  # one key wrapped, unwrapped by each process
    assert not (tmp_path / ".govkernel" / "keys" / "vault.key").exists()


@pytest.mark.parametrize(
    ("plugin", "code"),
    [
        (Stranger(KeyService("refuses")), "vault.key-failed"),
        (Stranger(KeyService("stalls")), "vault.key-failed"),
        (Stranger(KeyService("nonsense")), "vault.key-failed"),
        (Stranger(ValueError("secret detail")), "plugin.raised"),
        (Stranger("no key"), "plugin.nonsense"),
        (Stranger(KeyService(), schemes=None), "plugin.nonsense"),
        (Stranger(KeyService(), schemes=frozenset({"other"})), "vault.key-scheme"),
    ],
)
def test_a_plugin_without_a_usable_key_is_a_typed_error(
    configured: Callable[..., Settings], plugin: Stranger, code: str
) -> None:
    assert refused(configured('key = "service:guard"'), hosting(plugin)).code == code


def test_a_chat_through_the_kernel_gets_its_values_back_and_leaves_them_nowhere(
    configured: Callable[..., Settings], tmp_path: Path
) -> None:
    scripted = ScriptedUpstream(content="I wrote to <EMAIL_ADDRESS_1>, not to bob@acme-corp.de.")

    def chat(settings: Settings) -> tuple[int, str]:
        async def talk() -> tuple[int, str]:
            async with assembled(settings) as parts, guard_app(parts) as app:
                with served(app) as url:
                    body = {"model": "m", "messages": [{"role": "user", "content": f"Write to {MAIL}."}]}
                    answer = await asyncio.to_thread(
                        httpx.post, f"{url}/v1/chat/completions", json=body, timeout=60
                    )
                    return answer.status_code, answer.json()["choices"][0]["message"]["content"]

        return asyncio.run(talk())

    with served(scripted) as upstream:
        text = (tmp_path / "govkernel.toml").read_text().replace("http://127.0.0.1:8000", upstream)
        packs = '[[packs]]\nsource = "baseline"\nparameters = { redactRequests = false }\n'
        packs += '[[packs]]\nsource = "surrogates"\n'
        (tmp_path / "govkernel.toml").write_text(packs + text[text.index("[guard]") :])
        said = [chat(configured()) for _ in range(2)]
    assert said == [(200, f"I wrote to {MAIL}, not to <EMAIL_ADDRESS>.")] * 2
    assert [item["messages"][0]["content"] for item in scripted.seen] == ["Write to <EMAIL_ADDRESS_1>."] * 2
    for path in [*tmp_path.glob("vault.db*"), *(tmp_path / ".govkernel").rglob("audit*")]:
        assert b"jane" not in path.read_bytes()
