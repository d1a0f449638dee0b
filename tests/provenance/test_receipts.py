"""Receipts: believed only for the very file that was hashed; any doubt re-hashes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.errors import ConfigError
from govkernel.provenance import receipts as room
from govkernel.provenance.digest import read
from govkernel.provenance.files import FileStamp, HashedFile
from govkernel.provenance.filesystems import keeps_change_time
from govkernel.provenance.receipts import YOUNG, Receipts

HOUR = 3600 * 10**9


@pytest.fixture
def model(tmp_path: Path) -> Path:
    root = tmp_path / "model"
    (root / "deep").mkdir(parents=True)
    (root / "weights.safetensors").write_bytes(b"weights" * 1000)
    (root / "deep" / "config.json").write_bytes(b"{}")
    return root


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were really read, in order."""
    names: list[str] = []
    count_hashing(monkeypatch, names)
    return names


def count_hashing(patch: pytest.MonkeyPatch, names: list[str]) -> None:
    real = room.hash_open

    def counting(descriptor: int, name: str, stamp: FileStamp) -> HashedFile:
        names.append(name)
        return real(descriptor, name, stamp)

    patch.setattr(room, "hash_open", counting)


def later() -> int:
    """A clock by which every file here is old."""
    return time.time_ns() + HOUR


def keeping(folder: Path, clock: Callable[[], int] = later) -> Receipts:
    return Receipts(folder, clock=clock, reliable=lambda _: True)


def test_what_was_hashed_is_not_hashed_again(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    first = keeping(tmp_path / "receipts").read(model)
    assert sorted(hashed) == ["deep/config.json", "weights.safetensors"]
    hashed.clear()
    again = keeping(tmp_path / "receipts").read(model)
    assert hashed == []
    assert again == first == read(model)


def test_a_single_file(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    path = model / "weights.safetensors"
    assert keeping(tmp_path / "r").read(path) == keeping(tmp_path / "r").read(path) == read(path)
    assert len(hashed) == 1


def test_a_change_with_its_times_restored_is_seen(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    path = model / "weights.safetensors"
    keeping(tmp_path / "r").read(model)
    hashed.clear()
    before = path.stat()
    path.write_bytes(b"WEIGHTS" * 1000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns, now.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert keeping(tmp_path / "r").read(model) == read(model)
    assert hashed == ["weights.safetensors"]


def test_a_file_that_came_or_went_is_seen(model: Path, tmp_path: Path) -> None:
    keeping(tmp_path / "r").read(model)
    (model / "extra.py").write_text("import os")
    assert keeping(tmp_path / "r").read(model) == read(model)
    (model / "weights.safetensors").unlink()
    assert keeping(tmp_path / "r").read(model) == read(model)


def test_files_that_changed_places_are_hashed(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    keeping(tmp_path / "r").read(model)
    hashed.clear()
    (model / "weights.safetensors").rename(model / "x")
    (model / "deep" / "config.json").rename(model / "weights.safetensors")
    (model / "x").rename(model / "deep" / "config.json")
    assert keeping(tmp_path / "r").read(model) == read(model)
    assert len(hashed) == 2


def test_a_link_in_the_place_of_a_file_is_refused(model: Path, tmp_path: Path) -> None:
    keeping(tmp_path / "r").read(model)
    path = model / "weights.safetensors"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="symlink"):
        keeping(tmp_path / "r").read(model)


def test_a_young_file_is_hashed_again(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    newest = max(path.stat().st_ctime_ns for path in model.rglob("*") if path.is_file())
    for _ in range(2):
        keeping(tmp_path / "r", lambda: newest + YOUNG).read(model)
    assert len(hashed) == 3  # the older of the two was old enough
    hashed.clear()
    keeping(tmp_path / "s", lambda: newest).read(model)
    keeping(tmp_path / "s", lambda: newest).read(model)
    assert len(hashed) == 4


def test_a_time_to_come_is_never_old(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    os.utime(model / "deep" / "config.json", ns=(later() + HOUR, later() + HOUR))
    for _ in range(2):
        keeping(tmp_path / "r").read(model)
    assert hashed.count("deep/config.json") == 2
    assert hashed.count("weights.safetensors") == 1


def test_no_receipts_where_changes_go_unnoticed(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    unreliable = Receipts(tmp_path / "r", clock=later, reliable=lambda _: False)
    assert unreliable.read(model) == unreliable.read(model) == read(model)
    assert not (tmp_path / "r").exists()


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0), change=st.integers(1, 255), kind=st.sampled_from(["flip", "cut", "insert"]))
def test_any_tampering_with_a_receipt_rehashes(
    place: int, change: int, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("tampered")
    (base / "model").mkdir()
    (base / "model" / "a").write_bytes(b"a")
    first = keeping(base / "r").read(base / "model")
    receipt = next((base / "r").glob("*.receipt"))
    content = bytearray(receipt.read_bytes())
    place %= len(content)
    if kind == "flip":
        content[place] ^= change
    elif kind == "cut":
        del content[place:]
    else:
        content.insert(place, change)
    receipt.write_bytes(content)
    names: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        count_hashing(patch, names)
        assert keeping(base / "r").read(base / "model") == first
    assert names == ["a"]


@pytest.mark.parametrize("field", FileStamp._fields)
def test_each_part_of_the_stamp_counts(
    field: str, model: Path, tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FileStamp.of.__func__

    def other(kind: type[FileStamp], status: os.stat_result) -> FileStamp:
        stamp = real(kind, status)
        return stamp._replace(**{field: getattr(stamp, field) - 1}) if stamp.size > 2 else stamp

    keeping(tmp_path / "r").read(model)
    hashed.clear()
    size = field == "size"
    monkeypatch.setattr(FileStamp, "of", classmethod(other))
    if size:
        with pytest.raises(Exception, match="changed-while-read"):
            keeping(tmp_path / "r").read(model)
    else:
        keeping(tmp_path / "r").read(model)
    assert hashed == ["weights.safetensors"]


def test_a_receipt_of_another_place_or_key_is_nothing(model: Path, tmp_path: Path, hashed: list[str]) -> None:
    copy = tmp_path / "copy"
    model.rename(copy)
    keeping(tmp_path / "r").read(copy)
    receipt = next((tmp_path / "r").glob("*.receipt"))
    copy.rename(model)
    keeping(tmp_path / "r").read(model)
    mine = [path for path in (tmp_path / "r").glob("*.receipt") if path != receipt]
    mine[0].write_bytes(receipt.read_bytes())
    hashed.clear()
    keeping(tmp_path / "r").read(model)
    assert len(hashed) == 2
    hashed.clear()
    (tmp_path / "r" / "receipts.key").write_bytes(bytes(32))
    keeping(tmp_path / "r").read(model)
    assert len(hashed) == 2


@pytest.mark.parametrize("harm", ["mode", "short", "empty"])
def test_a_key_that_others_could_know_is_refused(harm: str, model: Path, tmp_path: Path) -> None:
    keeping(tmp_path / "r").read(model)
    key = tmp_path / "r" / "receipts.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o700
    if harm == "mode":
        key.chmod(0o640)
    else:
        key.write_bytes(b"x" if harm == "short" else b"")
    with pytest.raises(ConfigError) as caught:
        keeping(tmp_path / "r").read(model)
    assert caught.value.code == "receipts.key"


def test_receipts_do_not_lie_inside_the_artifact(model: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        keeping(model / "receipts").read(model)
    assert caught.value.code == "receipts.inside"


def test_receipts_that_cannot_be_kept(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        keeping(tmp_path / "file" / "r").read(model)
    assert caught.value.code == "receipts.unwritable"


MOUNTS = """\
21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
22 21 0:5 / /dev rw - devtmpfs udev rw
23 21 0:30 / {root}/net rw,relatime - nfs4 host:/x rw
24 23 254:2 / {root}/net/local\\040disk rw - xfs /dev/vdb rw
25 21 0:31 / {root}/twice rw - ext4 /dev/vdc rw
26 25 0:32 / {root}/twice rw master:1 - fuse.sshfs x rw
"""


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ("plain", True),
        ("net", False),
        ("net/below", False),
        ("net/local disk/below", True),
        ("network", True),
        ("twice", False),
    ],
)
def test_the_file_system_that_a_path_is_on(place: str, kept: bool, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(root=tmp_path))
    assert keeps_change_time(tmp_path / place, mounts) is kept
    assert not keeps_change_time(tmp_path / place, tmp_path / "no mountinfo")
