"""Pictures of one pixel or so, each format built from its parts."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, data: bytes) -> bytes:
    """One of PNG's."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def segment(marker: int, data: bytes) -> bytes:
    """One of JPEG's."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """WebP of some chunks."""
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def bitmap(pixels: bytes = bytes(4), *, size: int | None = None, start: int = 54) -> bytes:
    """BMP of 24 bits with the usual header of 40 bytes."""
    head = b"BM" + struct.pack("<IHHI", 54 + len(pixels) if size is None else size, 0, 0, start)
    return head + struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, len(pixels), 0, 0, 0, 0) + pixels


def directory(*entries: tuple[int, int, int, int], then: int = 0, order: str = "<") -> bytes:
    """A directory of TIFF: tag, type, count and value or offset of each entry."""
    return (
        struct.pack(f"{order}H", len(entries))
        + b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
        + struct.pack(f"{order}I", then)
    )


HEAD = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
MARK = b"\x89PNG\r\n\x1a\n"
PNG = MARK + HEAD + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")

JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
FRAME = segment(0xC0, b"\x08\0\1\0\1\1\1\x11\0")
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x7f\xff\0\x3f"
JPEG = (
    b"\xff\xd8" + JFIF + segment(0xDB, b"\0" + b"\1" * 64) + FRAME
    + segment(0xC4, b"\0" + b"\0\1" + bytes(14) + b"\0") + SCAN + b"\xff\xd9"
)  # fmt: skip

SCREEN = struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
IMAGE = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
GIF = b"GIF89a" + SCREEN + b"!\xf9\4\0\0\0\0\0" + IMAGE + b";"

WEBP = riff((b"VP8L", b"\x2f\0\0\0\0\x07\x10\xfd\x8f\xfe\x07\x22\xa2\xff\x01"))
BMP = bitmap()
ENTRIES = (
    *((256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)),
    *((273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)),
)
TIFF = b"II*\0" + struct.pack("<I", 10) + b"\0\0" + directory(*ENTRIES)

PICTURES = {
    "x.png": PNG,
    "x.jpg": JPEG,
    "x.jpeg": JPEG,
    "x.gif": GIF,
    "x.webp": WEBP,
    "x.bmp": BMP,
    "x.tif": TIFF,
    "x.tiff": TIFF,
}
"""An honest picture by each suffix."""
