"""Pictures are what their name says, to their last byte; what a pickle machine makes of them calls nothing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.filesafety import judge
from tests.filesafety.payloads import SYSTEM
from tests.filesafety.pictures import (
    BMP,
    ENTRIES,
    FRAME,
    GIF,
    HEAD,
    IMAGE,
    JFIF,
    JPEG,
    MARK,
    PICTURES,
    PNG,
    SCAN,
    SCREEN,
    TIFF,
    WEBP,
    bitmap,
    chunk,
    directory,
    riff,
    segment,
)
from tests.filesafety.test_disguises import zipped
from tests.filesafety.test_pickles import quick
from tests.filesafety.test_weights import field

CALL = b'cos\nsystem\n(S"true"\ntR.'
END = chunk(b"IEND", b"")
DATA = chunk(b"IDAT", zlib.compress(b"\0\0"))
TABLE = (b"N" + CALL).ljust(192, b"0")
POLYGLOTS = {
    "x.gif": b"GIF89a\x01\x00\x01" + CALL,
    "y.gif": b"GIF89a" + b"\1\0\1" + b"N\x85N0" + TABLE + IMAGE + b";",
    "x.png": b"GIF89a\x01\x00\x01" + CALL,
    "x.bmp": b"BM\0\0\0" + bytes(77) + CALL,
    "y.bmp": b"BM\0\0\0" + bytes(77) + b"\x80\x02" + SYSTEM[2:],
    "z.bmp": b"BM\0\0\0" + bytes(77) + b"cos\nsystem\n.",
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_safe_under_its_own_name_only(name: str) -> None:
    assert quick(PICTURES[name], name) == set()
    assert quick(PICTURES[name], name.upper()) == set()
    others = {other for other, content in PICTURES.items() if content != PICTURES[name]}
    assert all(quick(PICTURES[name], other) == {"unknown-format"} for other in others)
    assert quick(b"<svg/>", "x.svg") == {"unknown-format"}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_a_pickle_that_starts_like_a_picture_is_a_pickle(name: str) -> None:
    assert "pickle-global" in quick(POLYGLOTS[name], name)


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_stands_behind_a_picture(name: str) -> None:
    assert quick(PICTURES[name] + b"abcd", name) == {"unreadable-structure"}
    assert quick(PICTURES[name] + bytes(4), name) == {"unreadable-structure"}
    behind = zipped({"archive/data.pkl": SYSTEM})
    assert quick(PICTURES[name] + behind, name) == {"name-mismatch"}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_breaks_off_is_not_safe(name: str) -> None:
    whole = PICTURES[name]
    for length in range(len(whole)):
        assert quick(whole[:length], name), length


LIES: dict[str, tuple[str, bytes]] = {
    "PNG without a header": ("x.png", MARK + DATA + END),
    "PNG with two headers": ("x.png", MARK + HEAD + HEAD + DATA + END),
    "PNG with a longer header": ("x.png", MARK + chunk(b"IHDR", bytes(14)) + DATA + END),
    "PNG without data": ("x.png", MARK + HEAD + END),
    "PNG with data in its end": ("x.png", MARK + HEAD + DATA + chunk(b"IEND", b"x")),
    "PNG with a wrong checksum": ("x.png", PNG[:-1] + b"\0"),
    "PNG with a chunk that must be understood": ("x.png", MARK + HEAD + chunk(b"ABCD", b"") + DATA + END),
    "PNG with a chunk that has no name": ("x.png", MARK + HEAD + chunk(b"a\0cd", b"") + DATA + END),
    "PNG with a length past the end": ("x.png", MARK + HEAD + b"\x7f\xff\xff\xffIDAT" + bytes(20)),
    "JPEG without a frame": ("x.jpg", b"\xff\xd8" + JFIF + SCAN + b"\xff\xd9"),
    "JPEG without a scan": ("x.jpg", b"\xff\xd8" + JFIF + FRAME + b"\xff\xd9"),
    "JPEG with bytes between segments": ("x.jpg", b"\xff\xd8" + JFIF + b"N" + FRAME + SCAN + b"\xff\xd9"),
    "JPEG in a JPEG": ("x.jpg", JPEG[:-2] + JPEG),
    "JPEG with a segment of no length": ("x.jpg", b"\xff\xd8\xff\xe0\0\1" + JPEG[2:]),
    "JPEG whose scan never ends": ("x.jpg", JPEG[:-2] + b"\xff\0" * 100),
    "GIF without an image": ("x.gif", b"GIF89a" + SCREEN + b";"),
    "GIF with a block of its own": ("x.gif", b"GIF89a" + SCREEN + b"N" + IMAGE + b";"),
    "GIF without a trailer": ("x.gif", GIF[:-1]),
    "WebP of another size": ("x.webp", WEBP[:4] + struct.pack("<I", 8) + WEBP[8:]),
    "WebP of another kind": ("x.webp", riff((b"ABCD", b"")) + b""),
    "WebP with a chunk past the end": ("x.webp", WEBP[:16] + struct.pack("<I", 900) + WEBP[20:]),
    "BMP that says another size": ("x.bmp", bitmap(size=0)),
    "BMP with a gap": ("x.bmp", bitmap(bytes(8), start=58)),
    "BMP with fewer pixels": ("x.bmp", bitmap(bytes(3))),
    "BMP with more pixels": ("x.bmp", bitmap(bytes(12))),
    "BMP of two planes": ("x.bmp", BMP[:26] + b"\2" + BMP[27:]),
    "BMP with a header of another size": ("x.bmp", BMP[:14] + b"\x41" + BMP[15:]),
    "BMP that is packed as a JPEG": ("x.bmp", BMP[:30] + b"\4" + BMP[31:]),
    "TIFF without a picture": ("x.tif", b"II*\0" + struct.pack("<I", 8) + directory((256, 3, 1, 1))),
    "TIFF that goes round": ("x.tif", b"II*\0" + struct.pack("<I", 8) + directory(*ENTRIES, then=8)),
    "TIFF with a strip outside": (
        "x.tif",
        b"II*\0" + struct.pack("<I", 8) + directory((273, 4, 1, 8), (279, 4, 1, 999)),
    ),
    "TIFF with strips without sizes": ("x.tif", b"II*\0" + struct.pack("<I", 8) + directory((273, 4, 1, 8))),
    "TIFF with a value outside": (
        "x.tif",
        b"II*\0" + struct.pack("<I", 8) + directory(*ENTRIES, (270, 2, 99, 999)),
    ),
    "TIFF with a type of its own": ("x.tif", b"II*\0" + struct.pack("<I", 8) + directory((256, 99, 1, 1))),
    "TIFF with a pointer of text": ("x.tif", b"II*\0" + struct.pack("<I", 8) + directory((273, 2, 1, 1))),
    "BigTIFF": ("x.tif", b"II+\0" + bytes(40)),
}


@pytest.mark.parametrize("lie", LIES)
def test_pictures_that_lie(lie: str) -> None:
    name, content = LIES[lie]
    assert quick(content, name) <= {"unreadable-structure", "unknown-format"}
    assert quick(content, name)


def test_pictures_of_other_shapes() -> None:
    table = bytes(1024)
    head = b"BM" + struct.pack("<IHHI", 14 + 40 + 1024 + 4, 0, 0, 14 + 40 + 1024)
    grey = head + struct.pack("<IiiHHIIiiII", 40, 1, -1, 1, 8, 0, 0, 0, 0, 0, 0) + table + bytes(4)
    assert quick(grey, "x.bmp") == set()
    old = b"BM" + struct.pack("<IHHI", 14 + 12 + 6 + 4, 0, 0, 32) + struct.pack("<IHHHH", 12, 1, 1, 1, 1)
    assert quick(old + bytes(6) + bytes(4), "x.bmp") == set()
    entries = (*ENTRIES[:5], (273, 4, 1, 8 << 0), (279, 4, 1, 1))
    big = [(tag, kind, count, value if kind == 4 else value << 16) for tag, kind, count, value in entries]
    assert quick(b"MM\0*" + struct.pack(">I", 10) + b"\0\0" + directory(*big, order=">"), "x.tif") == set()
    pages = directory(*ENTRIES, then=10 + len(directory(*ENTRIES)))
    assert quick(TIFF[:10] + pages + directory(*ENTRIES), "x.tif") == set()
    filled = JPEG[:2] + b"\xff\xff" + segment(0xFE, CALL) + JPEG[2:]
    assert quick(filled, "x.jpg") == set()
    assert quick(riff((b"VP8X", bytes(10)), (b"ALPH", b"abc"), (b"VP8 ", b"d")), "x.webp") == set()
    assert quick(b"GIF87a" + SCREEN + IMAGE + IMAGE + b"!\xfe\3abc\0;", "x.gif") == set()


def test_a_scan_of_many_blocks_ends_where_its_marker_is(tmp_path: Path) -> None:
    for length in ((1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20):
        data = JPEG[:-2] + b"\x01" * length
        (tmp_path / "x.jpg").write_bytes(data + b"\xff\xd9")
        assert judge(tmp_path).findings == ()


@pytest.mark.parametrize("name", ["model.onnx_data", "variables/variables.index"])
def test_raw_data_that_a_model_explains_is_no_pickle_either(name: str, tmp_path: Path) -> None:
    for model in ("model.onnx", "saved_model.pb"):
        (tmp_path / model).write_bytes(b"\x3a\0")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"(0" + CALL)
    assert (name, "pickle-global") in {(item.path, item.rule) for item in judge(tmp_path).findings}


def test_weights_whose_first_bytes_are_opcodes_too() -> None:
    start = field(8, field(1, b"\0") + field(2, 1))  # BINBYTES, and four bytes of its length
    skipped = 5 + int.from_bytes(start[1:5], "little")
    notes = b"0" * (skipped - len(start) - 4) + b"N0" + CALL
    content = start + field(6, notes) + field(1, 7) + field(7, field(1, field(4, b"Add")))
    assert content[skipped:].startswith(b"N0cos")
    assert "pickle-global" in quick(content, "model.onnx")
    assert "pickle-global" not in quick(content.replace(b"N0cos", b"N0COS"), "model.onnx")


@pytest.mark.parametrize("kind", [b"PAR1", b"ARROW1"])
def test_tables_have_a_footer(kind: bytes) -> None:
    name = "x.parquet" if kind == b"PAR1" else "x.arrow"
    start = kind.ljust(8, b"\0") if kind == b"ARROW1" else kind
    assert quick(start + b"abcd" + struct.pack("<I", 4) + kind, name) == set()
    for length in (0, 5, 1 << 31):
        assert quick(start + b"abcd" + struct.pack("<I", length) + kind, name) == {"unreadable-structure"}
    assert quick(kind, name) == {"unreadable-structure"}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_any_damage_to_a_picture_gets_a_verdict(name: str, data: Any) -> None:
    content = PICTURES[name]
    position = data.draw(st.integers(0, len(content)))
    behind = content[position + data.draw(st.integers(0, 8)) :]
    assert "examiner-failed" not in quick(
        content[:position] + data.draw(st.binary(max_size=8)) + behind, name
    )
