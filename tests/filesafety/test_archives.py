"""Archives: what two readers could read differently is refused, members are judged, bombs are not unpacked."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.filesafety import Limits, Verdict
from govkernel.filesafety.budget import Budget
from govkernel.filesafety.dispatch import examine
from govkernel.filesafety.interface import Place, verdict_of
from govkernel.filesafety.source import BytesSource
from tests.filesafety.payloads import SYSTEM

GOOD = pickle.dumps({"a": 1}, 2)


def quick(content: bytes, name: str = "x.zip", limits: Limits | None = None) -> set[str]:
    place = Place(name, name, Budget(limits or Limits()), examine, {})
    return {finding.rule for finding in examine(BytesSource(content), place)}


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(*members: tuple[str, bytes], mode: str = "w", **entry: Any) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in entry.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_judged_by_name_and_content(method: int) -> None:
    assert quick(zipped(("a/data.json", b"{}"), ("b.txt", b"hello"), method=method)) == set()
    assert quick(zipped(("a.txt", b"x"), ("deep/x.pkl", SYSTEM), method=method)) == {"pickle-global"}
    assert quick(zipped(("innocent", SYSTEM), method=method)) == {"pickle-global"}
    assert quick(zipped(("run.py", b""), method=method)) == {"code"}
    assert quick(zipped(("in.zip", zipped(("x.pkl", SYSTEM))), method=method)) == {"pickle-global"}


@pytest.mark.parametrize("record", ["archive/data.pkl", "data.pkl", "x/DATA.PKL"])
@pytest.mark.parametrize("name", ["model.pt", "model.bin", "model.ckpt", "model", "x.zip"])
def test_a_torch_archive_is_found_under_any_name(name: str, record: str) -> None:
    root = record.rpartition("/")[0]
    assert "pickle-global" in quick(
        zipped((record, SYSTEM), (f"{root}/version" if root else "version", b"3")), name
    )


def corrupt(content: bytes, old: bytes, new: bytes, *, count: int = -1) -> bytes:
    assert old in content
    return content.replace(old, new, count)


TORCH = zipped(("m/data.pkl", SYSTEM), ("m/version", b"3\n"))
CLEAN = zipped(("m/data.pkl", GOOD), ("m/version", b"3\n"))
DIRECTORY = CLEAN.index(b"PK\x01\x02")
END = CLEAN.index(b"PK\x05\x06")


def patched(offset: int, value: bytes, content: bytes = CLEAN) -> bytes:
    return content[:offset] + value + content[offset + len(value) :]


LIES: dict[str, tuple[bytes, str]] = {
    "local name differs from the directory's (CVE-2025-1944)": (
        corrupt(CLEAN, b"m/data.pkl", b"m/data.txt", count=1), "zip-ambiguous"
    ),
    "encrypted flag in the local header only (CVE-2025-1945)": (patched(6, b"\x01\x00"), "zip-ambiguous"),
    "encrypted flag in the directory only": (patched(DIRECTORY + 8, b"\x01\x00"), "zip-encrypted"),
    "encrypted flag in both": (patched(DIRECTORY + 8, b"\x01\x00", patched(6, b"\x01\x00")), "zip-encrypted"),
    "wrong checksum (CVE-2025-10156)": (patched(DIRECTORY + 16, b"abcd", patched(14, b"abcd")), "zip-ambiguous"),
    "checksum in the directory only": (patched(DIRECTORY + 16, b"abcd"), "zip-ambiguous"),
    "another method in the local header": (patched(8, b"\x08\x00"), "zip-ambiguous"),
    "bytes before": (b"#!/bin/sh\n" + CLEAN, ""),
    "bytes behind": (CLEAN + b"x", "zip-ambiguous"),
    "a second zip behind": (CLEAN + TORCH, "zip-ambiguous"),
    "a comment that is an end": (patched(END + 20, struct.pack("<H", 22)) + CLEAN[END:], "zip-ambiguous"),
    "fewer entries than there are": (patched(END + 8, b"\x01\x00\x01\x00"), "zip-ambiguous"),
    "more entries than there are": (patched(END + 8, b"\x03\x00\x03\x00"), "zip-ambiguous"),
    "a directory elsewhere": (patched(END + 16, b"\x00\x00\x00\x00"), "zip-ambiguous"),
    "several disks": (patched(END + 4, b"\x01\x00"), "zip-ambiguous"),
    "a size that lies": (patched(DIRECTORY + 24, b"\x01\x00\x00\x00"), "zip-ambiguous"),
    "no end": (CLEAN[:END], "archive-malformed"),
    "a Zip64 locator that would begin before the file": (
        bytes.fromhex("504b03041479504b050600003bc5504b0607900000005e0100000000"), ""
    ),
    "a climbing name": (zipped(("../x.txt", b"")), "archive-path"),
    "an absolute name": (zipped(("/etc/x.txt", b"")), "archive-path"),
    "a drive": (zipped(("C:/x.txt", b"")), "archive-path"),
    "a backslash": (corrupt(zipped(("a/x.txt", b"")), b"a/x.txt", b"a\\x.txt"), "archive-path"),
    "a zero in a name": (corrupt(zipped(("a/x.txt", b"")), b"a/x.txt", b"a/x\0txt"), "archive-path"),
    "names that differ in case": (zipped(("m/data.pkl", GOOD), ("m/DATA.pkl", GOOD)), "zip-ambiguous"),
    "two archives in one": (zipped(("a/data.pkl", GOOD), ("b/data.pkl", GOOD)), "zip-ambiguous"),
    "a member outside the archive": (zipped(("a/data.pkl", GOOD), ("run.txt", b"")), "zip-ambiguous"),
    "pickle behind the first one": (zipped(("a/data.pkl", GOOD + SYSTEM)), "pickle-trailing"),
    "a program": (zipped(("a/data.pkl", GOOD), ("a/code/__torch__.py", b"")), "torch-script"),
    "constants": (zipped(("a/data.pkl", GOOD), ("a/constants.pkl", GOOD)), "torch-script"),
    "an extra pickle": (zipped(("a/data.pkl", GOOD), ("a/extra/x", SYSTEM)), "pickle-global"),
    "a fat version file": (zipped(("a/data.pkl", GOOD), ("a/version", SYSTEM + bytes(5000))), "pickle-global"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_zips_that_lie_are_refused(lie: str) -> None:
    content, rule = LIES[lie]
    found = quick(content, "model.pt")
    assert found - {"examiner-failed"}
    assert not rule or rule in found


def test_a_duplicate_name_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zipped(("m/data.pkl", GOOD), ("m/data.pkl", SYSTEM))
    assert quick(content, "model.pt") == {"zip-ambiguous"}


def test_bytes_between_members_are_refused() -> None:
    gap = b"hidden"
    first = CLEAN.index(b"PK\x03\x04", 4)
    content = CLEAN[:first] + gap + CLEAN[first:]
    second = content.rindex(b"PK\x01\x02")
    offset, at = struct.unpack_from("<I", content, second + 42)[0], content.index(b"PK\x05\x06")
    content = patched(second + 42, struct.pack("<I", offset + len(gap)), content)
    content = patched(at + 16, struct.pack("<I", DIRECTORY + len(gap)), content)
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    assert quick(content, "model.pt") == {"zip-ambiguous"}


def test_the_clean_one_is_clean() -> None:
    assert quick(CLEAN, "model.pt") == set()


def test_other_compression_methods_are_unknown() -> None:
    assert quick(zipped(("x.txt", b"x" * 100), method=zipfile.ZIP_BZIP2)) == {"unknown-container"}


def test_bombs() -> None:
    zeros = bytes(80 << 20)
    assert quick(zipped(("x.txt", zeros), method=zipfile.ZIP_DEFLATED)) == {"archive-bomb"}
    assert quick(gzip.compress(zeros), "x.pkl.gz") == {"archive-bomb"}
    assert quick(gzip.compress(b"x" * 9000), "x.txt.gz", Limits(unpacked=5000)) == {"too-large"}
    nested = b"{}"
    for _ in range(6):
        nested = zipped(("x.zip", nested))
    assert quick(nested) == {"too-deep"}
    many = zipped(*((f"{number}.txt", b"") for number in range(50)))
    assert quick(many, limits=Limits(members=20)) == {"too-many-members"}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_members_are_judged(form: int) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, content in (("d/a.json", b"{}"), ("d/" + "long/" * 25 + "x.txt", b"hello")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert quick(stream.getvalue(), "x.tar") == set()
    assert quick(gzip.compress(stream.getvalue()), "x.tar.gz") == set()
    assert quick(gzip.compress(stream.getvalue()), "x.tgz") == set()
    assert quick(tarred(("a", SYSTEM)), "x.nemo") == {"pickle-global"}


TARS: dict[str, tuple[bytes, str]] = {
    "a climbing name": (tarred(("../x.txt", b"")), "archive-path"),
    "an absolute name": (tarred(("/x.txt", b"")), "archive-path"),
    "a symbolic link": (tarred(("x", b""), type=tarfile.SYMTYPE, linkname="/etc/passwd"), "archive-link"),
    "a hard link": (tarred(("x", b""), type=tarfile.LNKTYPE, linkname="y"), "archive-link"),
    "a device": (tarred(("x", b""), type=tarfile.CHRTYPE), "archive-link"),
    "a sparse file": (tarred(("x", b""), type=b"S"), "unreadable-structure"),
    "a name twice": (tarred(("x.txt", b""), ("X.txt", b"")), "archive-malformed"),
    "bytes behind the end": (tarred(("x.txt", b"")) + SYSTEM, "archive-malformed"),
    "a member cut off": (tarred(("x.txt", b"x" * 2000))[:1024], "archive-malformed"),
    "a header that is none": (tarred(("x.txt", b"y"))[:1024] + b"z" * 512, "archive-malformed"),
}


@pytest.mark.parametrize("lie", TARS)
def test_tars_that_lie_are_refused(lie: str) -> None:
    content, rule = TARS[lie]
    assert rule in quick(content, "x.tar")


def test_the_old_tar_format_of_torch_is_refused() -> None:
    assert "torch-tar" in quick(tarred(("storages", GOOD), ("pickle", SYSTEM)), "model.pt")
    assert "pickle-global" in quick(tarred(("storages", GOOD), ("pickle", SYSTEM)), "model.pt")


def negative(content: bytes) -> bytes:
    head = bytearray(content[:512])
    head[124:136] = b"\xff" * 12
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content[512:]


def test_a_negative_size_does_not_hang() -> None:
    assert quick(negative(tarred(("x.txt", b"y"))), "x.tar") == {"archive-malformed"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([CLEAN, TORCH, tarred(("x.txt", b"y"), mode="w")]), st.data())
def test_any_damage_gets_a_verdict(content: bytes, data: Any) -> None:
    position = data.draw(st.integers(0, len(content) - 1))
    damaged = (
        content[:position]
        + data.draw(st.binary(max_size=8))
        + content[position + data.draw(st.integers(0, 8)) :]
    )
    for name in ("x.pt", "x.zip", "x.tar", "x.keras"):
        place = Place(name, name, Budget(), examine, {})
        found = list(examine(BytesSource(damaged), place))
        assert "examiner-failed" not in {item.rule for item in found}
        if content == TORCH and name == "x.pt" and b"cposix\nsystem" in damaged:
            assert verdict_of(found) is not Verdict.SAFE
