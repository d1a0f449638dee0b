"""Putting the parts together: what is missing or broken is an error, and whatever was opened is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govkernel import assemble
from govkernel.assemble import assembled, load_packs, load_trust, open_log, plugin_host
from govkernel.config import PackTable, Settings, load_settings
from govkernel.domain import ArtifactRef, PolicyPack, Verdict
from govkernel.errors import ConfigError, GovkernelError, PluginError, PolicyError
from govkernel.hookspecs import hookimpl
from govkernel.plugins import PluginHost
from govkernel.workspace import create_workspace
from tests.simulators.faulty_plugin import FaultyPack, raising, returning
from tests.simulators.kernel_parts import NOW, promote

ENGINE_OF_ITS_OWN = """
id: odd
version: 1.0.0
engine: odd
owner: tests
"""


class OddEngine:
    """A stranger's policy engine named ``odd`` that does as told."""

    name = "odd"

    def __init__(
        self, load: Callable[[PolicyPack], Any] | None = None, close: Callable[[], Any] | None = None
    ) -> None:
        self._load = load or (lambda pack: FaultyPack(pack, returning(Verdict())))
        self._close = close or (lambda: None)
        self.closed_in: list[asyncio.AbstractEventLoop] = []

    @hookimpl
    def govkernel_policy_engines(self) -> list[Any]:
        return [self]

    async def load(self, pack: PolicyPack) -> Any:
        return self._load(pack)

    async def close(self) -> None:
        self.closed_in.append(asyncio.get_running_loop())
        self._close()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a fresh workspace."""
    create_workspace(tmp_path, key_name="release")
    monkeypatch.chdir(tmp_path)
    return load_settings(tmp_path / "govkernel.toml")


@pytest.fixture
def odd_pack(tmp_path: Path) -> PackTable:
    """A pack for the odd engine."""
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "pack.yaml").write_text(ENGINE_OF_ITS_OWN)
    (folder / "policy.odd").write_text("be odd")
    (folder / "policy.rego").write_text("package odd")
    (folder / "policy.cedar").write_text('@id("odd/x") permit (principal, action, resource);')
    return PackTable(source=str(folder))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have plugins installed, as far as assembling can tell."""

    def install(*plugins: object) -> None:
        def load(host: PluginHost, *_: Any) -> None:
            for number, plugin in enumerate(plugins):
                host.register(f"stranger-{number}", plugin)

        monkeypatch.setattr(PluginHost, "load", load)

    install()
    return install


def opened(settings: Settings, use: Callable[[assemble.Assembly], Any] | None = None, **rest: Any) -> Any:
    async def run() -> Any:
        async with assembled(settings, **rest) as parts:
            result = use(parts) if use else None
            return await result if hasattr(result, "__await__") else result

    return asyncio.run(run())


pytestmark = pytest.mark.usefixtures("install")


def test_a_fresh_workspace_decides_and_records(settings: Settings) -> None:
    ref = ArtifactRef(uri="mlflow://models/nobody/1", kind="model")
    decision = opened(settings, lambda parts: parts.kernel.decide(promote(ref)))
    assert (decision.allowed, decision.faults) == (False, ())
    assert opened(settings, lambda parts: parts.kernel.pack_names)[0].startswith("baseline@")
    log = open_log(settings)
    try:
        assert log.count("", NOW) == 1
    finally:
        asyncio.run(log.close())


def test_our_plugins_come_first_and_are_all_sound(settings: Settings) -> None:
    host = plugin_host(settings, load_trust(settings))
    assert [item.name for item in host.status()] == ["engines", "provenance", "reports", "workloads"]
    assert all(item.builtin for item in host.status())
    for status in host.status():
        for hook in status.hooks:
            assert host.providers(hook)
    assert host.broken() == ()


def test_without_trust_there_is_no_evidence(settings: Settings) -> None:
    host = plugin_host(settings)
    assert host.providers("govkernel_evidence_verifiers") == ()
    assert host.providers("govkernel_attestation_sources") == ()


def test_disabled_plugins_and_settings_of_plugins_reach_the_host(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(PluginHost, "load", lambda _, *given: seen.extend(given))
    table = settings.plugins.model_copy(update={"disabled": ["a"], "settings": {"b": {"c": 1}}})
    plugin_host(settings.model_copy(update={"plugins": table}))
    assert seen == [{"b": {"c": 1}}, ["a"]]


@pytest.mark.parametrize("text", [None, "", "version: 9", "keys: {", "version: 1\nkeys: 7"])
def test_a_trust_policy_that_is_missing_or_wrong_opens_nothing(settings: Settings, text: str | None) -> None:
    path = settings.path(settings.trust.policy)
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(GovkernelError) as caught:
        opened(settings)
    assert caught.value.remedy
    assert (caught.value.code == "trust.missing") is (text is None)
    assert not (settings.state / "audit.db").exists()


def test_a_pack_that_does_not_load_is_an_error_and_not_left_out(settings: Settings, tmp_path: Path) -> None:
    packs = [PackTable(source="baseline"), PackTable(source=str(tmp_path / "nothing here"))]
    with pytest.raises(GovkernelError) as caught:
        opened(settings, packs=packs)
    assert caught.value.remedy


def test_a_pack_for_an_engine_that_is_not_here_names_it(settings: Settings, odd_pack: PackTable) -> None:
    with pytest.raises(PolicyError) as caught:
        opened(settings, packs=[odd_pack])
    assert caught.value.code == "policy.no-engine"
    assert "'odd'" in caught.value.what


def test_packs_load_in_the_engine_they_name_and_in_their_order(
    settings: Settings, odd_pack: PackTable, install: Callable[..., None]
) -> None:
    install(OddEngine())
    host = plugin_host(settings)
    tables = [odd_pack, PackTable(source="baseline")]
    loaded = asyncio.run(load_packs(host, tables, settings.root))
    assert [(item.value.pack.manifest.id, item.plugin, item.builtin) for item in loaded] == [
        ("odd", "stranger-0", False),
        ("baseline", "engines", True),
    ]


def in_mode(pack: PolicyPack) -> PolicyPack:
    manifest = pack.manifest.model_copy(update={"mode": "audit"})
    return pack.model_copy(update={"manifest": manifest})


@pytest.mark.parametrize(
    ("load", "code"),
    [
        (raising(RuntimeError("no licence")), "plugin.raised"),
        (raising(SystemExit(0)), "plugin.raised"),
        (returning(None), "plugin.nonsense"),
        (returning("loaded"), "plugin.nonsense"),
        (lambda pack: FaultyPack(in_mode(pack), returning(Verdict())), "plugin.nonsense"),
    ],
)
def test_an_engine_that_fails_to_load_a_pack_is_named(
    settings: Settings, odd_pack: PackTable, install: Callable[..., None], load: Any, code: str
) -> None:
    engine = OddEngine(load)
    install(engine)
    with pytest.raises(PluginError) as caught:
        opened(settings, packs=[odd_pack])
    assert (caught.value.code, caught.value.plugin) == (code, "stranger-0")
    assert engine.closed_in


def test_engines_are_closed_once_on_the_loop_they_worked_on(
    settings: Settings, odd_pack: PackTable, install: Callable[..., None]
) -> None:
    worked_in: list[asyncio.AbstractEventLoop] = []

    def load(pack: PolicyPack) -> Any:
        worked_in.append(asyncio.get_running_loop())
        return FaultyPack(pack, returning(Verdict()))

    engine = OddEngine(load)
    install(engine)
    opened(settings, packs=[odd_pack])
    assert engine.closed_in == worked_in
    assert len(worked_in) == 1


@pytest.mark.parametrize("close", [raising(RuntimeError("stuck")), raising(SystemExit(0))])
def test_an_engine_that_does_not_close_keeps_no_other_open(
    settings: Settings, install: Callable[..., None], close: Callable[[], Any]
) -> None:
    first, second = OddEngine(close=close), OddEngine()
    install(first, second)
    assert opened(settings, lambda _: "done") == "done"
    assert first.closed_in
    assert second.closed_in


def test_the_log_is_closed_whatever_happens_inside(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    real = assemble.AuditLog.close

    async def close(log: Any) -> None:
        closed.append("log")
        await real(log)

    monkeypatch.setattr(assemble.AuditLog, "close", close)
    with pytest.raises(ZeroDivisionError):
        opened(settings, lambda _: 1 / 0)
    assert closed == ["log"]


def test_servers_resolve_files_only_under_their_roots_and_people_anywhere(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "prompt.txt").write_text("Answer: {question}")
    ref = ArtifactRef(uri="file:prompt.txt", kind="prompt")

    def resolved(settings: Settings, *, local: bool) -> bool:
        async def use(parts: assemble.Assembly) -> Any:
            return await parts.kernel.judge(promote(ref))

        record = opened(settings, use, local=local)
        return any(item.artifact.resolved for item in record.subjects)

    assert resolved(settings, local=True)
    assert not resolved(settings, local=False)
    trust = settings.trust.model_copy(update={"file_roots": [Path()]})
    assert resolved(settings.model_copy(update={"trust": trust}), local=False)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_cedar_entities_that_cannot_be_read_are_a_typed_error(
    settings: Settings, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "entities.json"
    if content is not None:
        path.write_bytes(content)
    table = settings.cedar.model_copy(update={"entities": path})
    host = plugin_host(settings.model_copy(update={"cedar": table}))
    host.providers("govkernel_policy_engines")
    assert [item.plugin for item in host.broken()] == ["engines"]
    with pytest.raises(ConfigError) as caught:
        assemble._read_entities(path)
    assert caught.value.code == "config.entities"


def test_an_optional_part_is_left_out_only_for_want_of_what_is_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for missing, left_out in (("opa_client", True), ("govkernel.domain", False)):
        error = ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        monkeypatch.setattr(assemble, "import_module", raising(error))
        if left_out:
            assert assemble._optional("govkernel.engines.opa") is None
            continue
        with pytest.raises(ModuleNotFoundError):
            assemble._optional("govkernel.engines.opa")
