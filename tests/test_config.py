"""Settings: what wins, where a value came from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from govkernel.config import MAX_CONFIG_BYTES, explain, find_config, load_settings, overridden
from govkernel.errors import ConfigError

FILE = '[audit]\norigin = "file.example/log"\nport = 1111\ntoken = "hush-hush"\n'


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "govkernel.toml").write_text(FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused() -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.remedy
    return caught.value


def test_the_environment_wins_over_the_file_and_each_value_tells_its_origin(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVKERNEL_AUDIT__PORT", "2222")
    settings = load_settings()
    origins = {row.name: (row.value, row.origin) for row in explain(settings)}
    assert settings.audit.port == 2222
    assert origins["audit.port"] == ("2222", "GOVKERNEL_AUDIT__PORT")
    assert origins["audit.origin"] == ("file.example/log", str(workspace / "govkernel.toml"))
    assert origins["guard.port"] == ("8080", "default")


def test_a_whole_table_may_come_from_one_variable(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVKERNEL_OPA", '{"binary": "/opt/opa"}')
    settings = load_settings()
    assert settings.opa.binary == "/opt/opa"
    assert {row.name: row.origin for row in explain(settings)}["opa.binary"] == "GOVKERNEL_OPA__BINARY"


def test_secrets_are_not_shown(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVKERNEL_AUDIT__DATABASE", "postgresql://me:swordfish@db/audit")
    shown = "\n".join(row.value for row in explain(load_settings()))
    assert "hush-hush" not in shown
    assert "swordfish" not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GOVKERNEL_OPA", "/usr/bin/opa"),
        ("GOVKERNEL_AUDIT__PORT", "many"),
        ("GOVKERNEL_AUDIT__PORT", "70000"),
        ("GOVKERNEL_AUDIT__COLOUR", "blue"),
        ("GOVKERNEL_PACKS", "baseline"),
    ],
)
def test_a_variable_that_is_not_valid_is_a_typed_error(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert refused().code == "config.invalid"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[audit\n", "config.syntax"),
        ("a = 1\na = 2\n", "config.syntax"),
        ("#" * (MAX_CONFIG_BYTES + 1), "config.syntax"),
        ("x = " + "[" * 5000, "config.syntax"),
        ("[audit]\ncolour = 1\n", "config.invalid"),
        ("[nothing]\n", "config.invalid"),
        ("packs = 3\n", "config.invalid"),
    ],
)
def test_a_file_that_is_not_valid_is_a_typed_error(workspace: Path, text: str, code: str) -> None:
    (workspace / "govkernel.toml").write_text(text, encoding="utf-8")
    assert refused().code == code


def test_bytes_that_are_not_utf8_are_a_typed_error(workspace: Path) -> None:
    (workspace / "govkernel.toml").write_bytes(b'x = "\xff"')
    assert refused().code == "config.syntax"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "nowhere.toml")
    assert caught.value.code == "config.missing"


def test_the_nearest_file_above_is_found_and_paths_are_its_folders(workspace: Path) -> None:
    below = workspace / "a" / "b"
    below.mkdir(parents=True)
    assert find_config(below) == workspace / "govkernel.toml"
    settings = load_settings(start=below)
    assert settings.path(Path("x")) == workspace / "x"
    assert settings.path(Path("/x")) == Path("/x")
    assert settings.database_url == f"sqlite:///{workspace}/.govkernel/audit.db"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "https://[::1]/v1", "http://me:hush@models/v1"])
def test_an_address_on_the_command_line_wins(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("GOVKERNEL_GUARD__UPSTREAM", "http://other")
    settings = overridden(load_settings(), {"guard": {"upstream": url}, "audit": {}})
    assert settings.guard.upstream == url
    assert settings.audit.port == 1111


@pytest.mark.parametrize(
    "url",
    ["models", "localhost:8000", "ftp://models", "http://", "http://a:99999", "http://:hush@", "http://a b"],
)
def test_what_cannot_be_asked_is_no_address(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        overridden(load_settings(), {"guard": {"upstream": url}})
    assert caught.value.code == "config.invalid"
    assert caught.value.why.startswith("guard.upstream: must be a URL")
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("GOVKERNEL_GUARD__UPSTREAM", url)
    assert refused().why.startswith("guard.upstream: must be a URL")
