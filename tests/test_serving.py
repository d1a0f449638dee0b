"""What every door's socket must be."""

from __future__ import annotations

import socket

import pytest

from govkernel import serving
from govkernel.errors import ConfigError


def served(port: int) -> serving.Served:
    return serving.Served("audit", None, "127.0.0.1", port)


def test_asyncio_will_send_answers_without_waiting_for_an_acknowledgement() -> None:
    with serving._listen(served(0)) as sock:
        assert sock.proto == socket.IPPROTO_TCP  # else asyncio leaves TCP_NODELAY off: 40 ms per answer


def test_an_address_in_use_is_a_typed_error() -> None:
    with serving._listen(served(0)) as sock, pytest.raises(ConfigError) as caught:
        serving._listen(served(sock.getsockname()[1]))
    assert caught.value.code == "serve.address"
    assert "audit" in caught.value.what
