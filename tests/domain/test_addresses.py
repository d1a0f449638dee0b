"""Which addresses could be asked over HTTP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain.addresses import web_address


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "https://[::1]/v1", "http://me:hush@models/v1", "https://models.example"],
)
def test_addresses(url: str) -> None:
    parts = web_address(url)
    assert parts is not None
    assert parts.geturl() == url


@pytest.mark.parametrize(
    "url",
    ["", "models", "localhost:80", "ftp://models", "http://", "http://a:99999", "http://a:0", "http://:hush@",
     "http://a:hush", "http://[", "http://a b", "http://a\n"],
)  # fmt: skip
def test_what_is_none(url: str) -> None:
    assert web_address(url) is None


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    parts = web_address(text)
    assert parts is None or parts.hostname
