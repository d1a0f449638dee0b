"""Server-sent events (WHATWG HTML, section 9.2) as model servers use them: data lines, bounded, strict UTF-8."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from govkernel.errors import InputError

DONE: Final = b"data: [DONE]\n\n"
BEAT: Final = b":\n\n"
"""A comment, which says nothing but that the connection is alive."""
_DONE: Final = "[DONE]"
_MARK: Final = b"\xef\xbb\xbf"
"""A byte order mark, which may stand before the first line."""


async def events(chunks: AsyncIterator[bytes], max_line: int) -> AsyncIterator[str]:
    """The data of each event, however the bytes were cut.

    Raises:
        InputError: ``guard.upstream-stream``: a line is too long or not UTF-8.
    """
    buffer = bytearray()
    data: list[str] = []
    size = 0
    mark = _MARK
    async for chunk in chunks:
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end]).removesuffix(b"\r").removeprefix(mark)
            del buffer[: end + 1]
            mark = b""
            if not line:
                if data:
                    yield "\n".join(data)
                data, size = [], 0
            elif line.startswith(b"data:"):
                data.append(_text(line[5:].removeprefix(b" ")))
                size += len(line)
            if size > max_line:
                raise _bad("an event is too long")
        if len(buffer) > max_line:
            raise _bad("a line is too long")
    if bytes(buffer).startswith(b"data:"):
        data.append(_text(bytes(buffer[5:])).strip())
    elif buffer:
        raise _bad("it ended in the middle of an event")
    if data == [_DONE]:
        yield _DONE
    elif data:
        raise _bad("it ended in the middle of an event")


def encode(document: Any, name: str = "") -> bytes:
    """One event with a JSON document as its data.

    Args:
        document: the data.
        name: of the event, without a line break; empty for none.
    """
    return (
        (f"event: {name}\n".encode() if name else b"")
        + b"data: "
        + json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        + b"\n\n"
    )


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad("it is not UTF-8") from None


def _bad(why: str) -> InputError:
    return InputError(
        "guard.upstream-stream",
        "The model server's stream cannot be read.",
        why=f"{why[0].upper()}{why[1:]}.",
        remedy="Check the model server; what was received and screened was released.",
    )
