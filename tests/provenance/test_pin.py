"""Pinning: the copy holds the bytes that were hashed, whatever happens to the source meanwhile."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from govkernel.errors import ProvenanceError
from govkernel.provenance import pin as room
from govkernel.provenance.digest import read
from govkernel.provenance.files import BLOCK
from govkernel.provenance.pin import pinned


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source" / "model"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "weights.safetensors").write_bytes(os.urandom(3 * BLOCK + 5))
    (root / "deep" / "er" / "config.json").write_bytes(b"{}")
    (root / "empty").write_bytes(b"")
    return root


def modes(root: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}


def test_the_copy_is_the_same_read_only_and_private_until_it_is_moved(source: Path, tmp_path: Path) -> None:
    with pinned(source, tmp_path) as copy:
        assert copy.manifest == read(source)[0] == read(copy.path)[0]
        assert copy.path.name == "model"
        assert copy.path.parent.stat().st_mode & 0o777 == 0o700
        final = copy.move(tmp_path / "target")
    assert final == tmp_path / "target"
    assert read(final)[0] == read(source)[0]
    assert modes(final) == {0o444, 0o555}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_a_single_file_keeps_its_name(source: Path, tmp_path: Path) -> None:
    path = source / "weights.safetensors"
    with pinned(path, tmp_path) as copy:
        final = copy.move(tmp_path / "target")
    assert final == tmp_path / "target" / path.name
    assert final.read_bytes() == path.read_bytes()
    assert modes(tmp_path / "target") == {0o444, 0o555}


def test_what_is_not_moved_leaves_nothing(source: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), pinned(source, tmp_path):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_what_is_not_part_of_the_artifact_is_not_copied(source: Path, tmp_path: Path) -> None:
    (source / "model.sig").write_text("ignored")
    (source / ".git").mkdir()
    (source / ".git" / "hooks").write_text("ignored")
    with pinned(source, tmp_path, frozenset({"deep/er/config.json"})) as copy:
        assert {item.path for item in copy.files} == {"weights.safetensors", "empty"}
        assert {path.name for path in copy.path.rglob("*") if path.is_file()} == {
            "weights.safetensors",
            "empty",
        }


def test_the_copy_holds_what_was_hashed_even_if_the_source_is_changed_at_once(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = room.hash_open

    def then_change(descriptor, name, stamp, take=None):  # type: ignore[no-untyped-def]
        found = real(descriptor, name, stamp, take)
        (source / name).write_bytes(b"swapped")
        return found

    monkeypatch.setattr(room, "hash_open", then_change)
    with pinned(source, tmp_path) as copy:
        for item in copy.files:
            assert hashlib.sha256((copy.path / item.path).read_bytes()).hexdigest() == item.sha256
            assert (source / item.path).read_bytes() == b"swapped"


def test_a_change_while_copying_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = room.hash_open

    def while_changing(descriptor, name, stamp, take):  # type: ignore[no-untyped-def]
        def both(block: memoryview) -> None:
            take(block)
            with (source / name).open("ab") as stream:
                stream.write(b"more")

        return real(descriptor, name, stamp, both if name == "weights.safetensors" else take)

    monkeypatch.setattr(room, "hash_open", while_changing)
    with pytest.raises(ProvenanceError) as caught, pinned(source, tmp_path):
        pytest.fail("verified")
    assert caught.value.code == "provenance.changed-while-read"
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("what", ["link", "pipe"])
def test_links_and_pipes_are_refused(what: str, source: Path, tmp_path: Path) -> None:
    if what == "link":
        (source / "link").symlink_to("/etc/passwd")
    else:
        os.mkfifo(source / "pipe")
    with pytest.raises(ProvenanceError), pinned(source, tmp_path):
        pytest.fail("copied")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_pinning_again_is_done_already(source: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with pinned(source, tmp_path) as copy:
            copy.move(tmp_path / "target")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


@pytest.mark.parametrize("there", ["file", "link", "other", "extra", "ignored", "writable"])
def test_something_else_in_the_place_is_refused(there: str, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    if there == "file":
        target.write_text("x")
    elif there == "link":
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    elif there == "other":
        target.mkdir()
        (target / "weights.safetensors").write_text("other")
    else:
        with pinned(source, tmp_path) as copy:
            copy.move(target)
        if there == "writable":
            (target / "weights.safetensors").chmod(0o666)
        else:
            target.chmod(0o755)
            extra = target / ("extra" if there == "extra" else "model.sig")
            extra.write_text("x")
            extra.chmod(0o444)
            target.chmod(0o555)
    with pytest.raises(ProvenanceError) as caught, pinned(source, tmp_path) as copy:
        copy.move(target)
    assert caught.value.code == "pin.exists"


def test_an_empty_directory_in_the_place_is_taken(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pinned(source, tmp_path) as copy:
        assert read(copy.move(tmp_path / "target"))[0] == copy.manifest


def test_a_copy_inside_what_is_copied_is_refused(source: Path) -> None:
    with pytest.raises(ProvenanceError) as caught, pinned(source, source / "deep"):
        pytest.fail("copied")
    assert caught.value.code == "pin.inside"


def test_nowhere_to_write(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError) as caught, pinned(source, tmp_path / "missing"):
        pytest.fail("copied")
    assert caught.value.code == "pin.unwritable"


def test_a_full_disk_leaves_nothing(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room.os, "fsync", full)
    with pytest.raises(ProvenanceError) as caught, pinned(source, tmp_path):
        pytest.fail("copied")
    assert caught.value.code == "pin.unwritable"
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_copies_whose_makers_were_killed_are_removed_and_those_being_made_are_not(
    tmp_path: Path, model: Path
) -> None:
    abandoned = tmp_path / ".govkernel-pin-abandoned"
    (abandoned / "m").mkdir(parents=True)
    (abandoned / "m" / "weights").write_bytes(b"half")
    (abandoned / "m").chmod(0o555)
    with pinned(model, tmp_path) as first:
        assert not abandoned.exists()
        with pinned(model, tmp_path) as second:
            assert first.path.exists()
            assert second.path.exists()
    assert [*tmp_path.glob(".govkernel-pin-*")] == []
