"""The reader of event streams: the same events however the bytes are cut, and a bound on each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from govkernel.errors import InputError
from runtime_guard.proxy import sse

STREAM = 'event: x\r\n: a comment\r\nid: 7\r\ndata: {"a":\r\ndata:"é"}\r\n\r\ndata: [DONE]\n\n'.encode()


def read(raw: bytes, size: int, max_line: int = 64) -> list[str]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), size):
            yield raw[start : start + size]

    async def take() -> list[str]:
        return [event async for event in sse.events(chunks(), max_line)]

    return asyncio.run(take())


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_of_a_stream_only_the_data_of_its_events_are_read(size: int) -> None:
    assert read(STREAM, size) == ['{"a":\n"é"}', "[DONE]"]


@pytest.mark.parametrize("raw", [b"data: " + b"x" * 70, b"data: xxxxxxx\n" * 7, b"data:\n" * 20])
@pytest.mark.parametrize("size", [1, 1000])
def test_an_event_is_bounded_though_it_has_many_lines_or_empty_ones(raw: bytes, size: int) -> None:
    with pytest.raises(InputError) as refused:
        read(raw + b"\n\n", size)
    assert refused.value.code == "guard.upstream-stream"
    assert "too long" in refused.value.why


def test_many_events_are_not_bounded_together() -> None:
    assert read(b"data: 1\n\n" * 100, 1000) == ["1"] * 100


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_end_of_a_stream_needs_no_empty_line_behind_it(size: int, end: bytes) -> None:
    assert read(b"data: 1\n\ndata: [DONE]" + end, size) == ["1", "[DONE]"]


@pytest.mark.parametrize("end", [b"data: 2", b"data: 2\n", b"data: [DON", b"data: 2\ndata: [DONE]", b"dat"])
def test_an_event_that_is_cut_is_none(end: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read(b"data: 1\n\n" + end, 1000)


@pytest.mark.parametrize("size", [1, 1000])
def test_a_byte_order_mark_hides_no_event(size: int) -> None:
    assert read(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n", size) == ["1"]
