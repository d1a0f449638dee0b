"""A file is replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from govkernel.files import create_file, read_file, replace_file

WRITER = """
import sys
from pathlib import Path
from govkernel.files import replace_file
print("ready", flush=True)
while True:
    for letter in (b"a", b"b"):
        replace_file(Path(sys.argv[1]), letter * 200_000)
"""


def test_content_and_rights_are_as_asked(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    replace_file(file, b"old", 0o600)
    replace_file(file, b"new", 0o600)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [*tmp_path.iterdir()] == [file]


def test_what_cannot_be_written_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "a"
    replace_file(file, b"old")
    with pytest.raises(TypeError):
        replace_file(file, "text")  # type: ignore[arg-type]
    assert file.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [file]


def test_a_pipe_is_written_to_as_it_is() -> None:
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pathlib import Path; from govkernel.files import replace_file;"
            "replace_file(Path('/dev/stdout'), b'x')",
        ],
        check=True,
        capture_output=True,
    )
    assert shown.stdout == b"x"


@pytest.mark.parametrize("reads", [5, 50, 200])
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path, reads: int) -> None:
    file = tmp_path / "bundle"
    replace_file(file, b"a" * 200_000)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        for _ in range(reads):
            assert len(set(file.read_bytes())) == 1
        writer.send_signal(signal.SIGKILL)
    content = file.read_bytes()
    assert len(content) == 200_000
    assert len(set(content)) == 1


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "link").symlink_to("a")
    assert read_file(tmp_path / "link", 100) == b"x" * 100
    for wrong, limit, number in (("a", 99, errno.EFBIG), ("", 99, errno.EISDIR), ("b", 99, errno.ENOENT)):
        with pytest.raises(OSError, match=r".") as refused:
            read_file(tmp_path / wrong, limit)
        assert refused.value.errno == number


def test_a_device_without_end_is_a_file_that_is_too_large() -> None:
    with pytest.raises(OSError, match="larger than 5000000 bytes"):
        read_file(Path("/dev/zero"), 5_000_000)


def test_what_comes_through_a_pipe_is_read_and_silence_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TimeoutError):
        read_file(tmp_path / "pipe", 100, patience=0.05)
    for limit, content in ((100, b"half and half"), (5, None)):
        with subprocess.Popen(["sh", "-c", f"printf 'half and half' > {tmp_path}/pipe"]):
            if content is not None:
                assert read_file(tmp_path / "pipe", limit) == content
            else:
                with pytest.raises(OSError, match="larger than 5 bytes"):
                    read_file(tmp_path / "pipe", limit)


def test_a_file_is_created_once_with_its_rights_and_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert create_file(file, b"first", 0o600)
    assert not create_file(file, b"second", 0o644)
    assert file.read_bytes() == b"first"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [*tmp_path.iterdir()] == [file]


def test_a_file_that_cannot_be_created_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no-such"):
        create_file(tmp_path / "no-such" / "key", b"x", 0o600)
    with pytest.raises(TypeError):
        create_file(tmp_path / "key", "text", 0o600)  # type: ignore[arg-type]
    assert [*tmp_path.iterdir()] == []
