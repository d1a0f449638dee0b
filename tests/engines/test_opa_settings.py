"""Which ways to OPA are refused before anything is sent."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from govkernel.config import OpaTable
from govkernel.engines.opa import OpaSettings, engine_from
from govkernel.errors import ConfigError


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://opa.example.com:8181"},
        {"url": "ftp://localhost"},
        {"url": "localhost:8181"},
        {"url": "opa"},
        {"url": "http://"},
        {"url": "http://a:99999"},
        {"url": "http://:hush@"},
        {"url": "http://a b"},
        {"url": "http://user:secret@localhost"},
        {"url": "http://localhost/v1"},
        {"manage": False},
        {"deadline": 0},
    ],
)
def test_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OpaSettings.model_validate(options)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("http://localhost", "localhost", 8181, False),
        ("http://[::1]:9000/", "[::1]", 9000, False),
        ("https://opa.example.com:443", "opa.example.com", 443, True),
    ],
)
def test_read(url: str, host: str, port: int, tls: bool) -> None:
    settings = OpaSettings(url=url)
    assert (settings.host, settings.port, settings.tls) == (host, port, tls)


@pytest.mark.parametrize("url", ["ftp://opa", "http://a:99999", "http://me:hush@a b"])
def test_an_address_that_cannot_be_asked_is_told_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        engine_from(OpaTable(url=url))
    assert caught.value.code == "opa.settings"
    assert "`url` must be http://host" in caught.value.why
    assert "hush" not in str(caught.value)


def test_the_token_does_not_show() -> None:
    table = SimpleNamespace(url="http://far.example", binary="opa", token="s3cret", deadline=1.0)
    with pytest.raises(ConfigError) as caught:
        engine_from(table)
    assert caught.value.code == "opa.settings"
    assert "s3cret" not in f"{caught.value.what} {caught.value.why}"
    assert "s3cret" not in repr(OpaSettings(url="http://localhost", token="s3cret"))
