"""Keys of plugins are time-boxed and held to their public key; what a plugin advises is told as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import SigningKey, hookimpl
from govkernel.plugins import PluginHost
from govkernel.provenance import LocalKey
from govkernel.provenance.plugin_keys import open_plugin_key
from tests.simulators.faulty_plugin import exit_process, hang, raising, returning, wait_forever

LOCAL, OTHER = LocalKey.generate(), LocalKey.generate()


class Shelf:
    """A provider that opens ``shelf:`` keys, whose parts can be replaced."""

    schemes: Any = frozenset({"shelf"})

    def __init__(self, **parts: Callable[..., Any]) -> None:
        self._parts = parts

    def open(self, uri: str) -> Any:
        return self._parts.get("open", lambda _: ShelfKey(self._parts))(uri)

    @hookimpl
    def govkernel_signing_keys(self) -> list[Any]:
        return [self]


class ShelfKey:
    key_id = "not the hash"

    def __init__(self, parts: dict[str, Callable[..., Any]]) -> None:
        self._parts = parts

    def sign(self, message: bytes) -> Any:
        return self._parts.get("sign", LOCAL.sign)(message)

    def public_key_pem(self) -> Any:
        return self._parts.get("public_key_pem", LOCAL.public_key_pem)()


def opened(uri: str = "shelf:1", **parts: Callable[..., Any]) -> SigningKey | None:
    host = PluginHost()
    host.register("shelf", Shelf(**parts))
    return open_plugin_key(host, uri)


def signed(**parts: Callable[..., Any]) -> bytes:
    key = opened(**parts)
    assert key is not None
    return key.sign(b"message")


def test_it_signs_and_is_called_by_what_it_is() -> None:
    key = opened()
    assert key is not None
    assert key.key_id == LOCAL.key_id
    assert key.public_key_pem() == LOCAL.public_key_pem()
    assert LOCAL.public.verify(key.sign(b"message"), b"message")


def test_it_signs_while_an_event_loop_runs() -> None:
    async def inside() -> bytes:
        return signed()

    assert LOCAL.public.verify(asyncio.run(inside()), b"message")


def test_nobody_opens_another_scheme() -> None:
    assert opened("drawer:1") is None


ADVICE = raising(ConfigError("shelf.empty", "The shelf is empty.", remedy="Fill it."))
FAULTS: dict[str, tuple[dict[str, Callable[..., Any]], str]] = {
    "opening advises": ({"open": ADVICE}, "shelf.empty"),
    "signing advises": ({"sign": ADVICE}, "shelf.empty"),
    "opening raises": ({"open": raising(RuntimeError("x"))}, "plugin.raised"),
    "signing raises": ({"sign": raising(RuntimeError("x"))}, "plugin.raised"),
    "opening exits": ({"open": exit_process}, "plugin.raised"),
    "opening hangs": ({"open": hang}, "plugin.deadline"),
    "signing hangs": ({"sign": hang}, "plugin.deadline"),
    "signing waits": ({"sign": wait_forever}, "plugin.deadline"),
    "the public key hangs": ({"public_key_pem": hang}, "plugin.deadline"),
    "no key": ({"open": returning(None)}, "plugin.nonsense"),
    "a text for a signature": ({"sign": returning("x")}, "plugin.nonsense"),
    "a signature without end": ({"sign": returning(b"x" * 10_000)}, "plugin.nonsense"),
    "a text for a public key": ({"public_key_pem": returning("x")}, "plugin.nonsense"),
    "a public key that is none": ({"public_key_pem": returning(b"x")}, "key.malformed"),
    "no signature": ({"sign": returning(b"")}, "key.wrong-signature"),
    "a signature by another key": ({"sign": OTHER.sign}, "key.wrong-signature"),
    "a signature over something else": ({"sign": lambda _: LOCAL.sign(b"else")}, "key.wrong-signature"),
    "the public key of another": ({"public_key_pem": OTHER.public_key_pem}, "key.wrong-signature"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_goes_wrong_has_a_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("govkernel.provenance.plugin_keys.SIGNING_SECONDS", 0.2)
    parts, code = FAULTS[name]
    with pytest.raises(GovkernelError) as caught:
        signed(**parts)
    assert caught.value.code == code
    assert caught.value.remedy


def test_schemes_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "schemes", 7)
    with pytest.raises(GovkernelError) as caught:
        opened()
    assert caught.value.code == "plugin.nonsense"
