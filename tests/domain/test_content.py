"""Content read elsewhere has the digest of the same files in a directory, and is bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import Artifact, ArtifactKind, ArtifactRef
from govkernel.domain.content import Content
from govkernel.domain.manifest import MANIFEST_TYPE, is_ignored
from govkernel.errors import ProvenanceError
from govkernel.provenance import describe

SAFETENSORS = (8).to_bytes(8, "little") + b"{}      " + b"weights"
FILES = {
    "model.safetensors": SAFETENSORS,
    "config.json": b"{}",
    "nested/vocab.txt": b"a\nb\n" * 5000,
    "empty": b"",
}
IGNORED = {
    ".gitattributes": b"*.bin filter=lfs",
    ".git/config": b"x",
    ".github/a/b": b"x",
    "model.sig": b"{}",
}
POSING = b'{"files":[],' + f'"type":"{MANIFEST_TYPE}"}}'.encode()


def read(files: dict[str, bytes], kind: str = "model", *, single: bool = False, block: int = 7) -> Artifact:
    content = Content(files, max_bytes=1_000_000)
    for path in content.paths:
        file = content.file(path)
        for start in range(0, len(files[path]), block):
            file.take(files[path][start : start + block])
        file.done(len(files[path]))
    return content.artifact(ArtifactRef(uri="s3://b/m", kind=ArtifactKind(kind), where="here"), single=single)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def refused(call: Any) -> str:
    with pytest.raises(ProvenanceError) as caught:
        call()
    assert caught.value.remedy
    return caught.value.code


@pytest.mark.parametrize("kind", ["model", "dataset", "adapter"])
@pytest.mark.parametrize("block", [1, 7, 100_000])
def test_it_is_the_artifact_of_the_same_directory(tmp_path: Path, kind: str, block: int) -> None:
    there = describe(write(tmp_path, FILES | IGNORED), ArtifactKind(kind), "s3://b/m")
    here = read(FILES | IGNORED, kind, block=block)
    assert (here.digest, here.aliases, here.formats) == (there.digest, there.aliases, there.formats)
    assert (here.name, here.where, here.location, here.observed, here.pinned) == (
        "s3://b/m",
        "here",
        None,
        True,
        False,
    )


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_single_file_is_the_artifact_of_that_file(tmp_path: Path, kind: str) -> None:
    write(tmp_path, {"rows.jsonl": b"{}\n"})
    there = describe(tmp_path / "rows.jsonl", ArtifactKind(kind))
    here = read({"rows.jsonl": b"{}\n"}, kind, single=True)
    assert (here.digest, here.aliases, here.formats) == (there.digest, there.aliases, there.formats)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("model.sig", True),
        (".gitattributes", True),
        (".git", True),
        (".git/x/y", True),
        (".github/x", True),
        ("model.sig/weights", False),
        (".gitignore/x", False),
        ("a/model.sig", False),
        ("a/.git/x", False),
        ("config.json", False),
    ],
)
def test_what_is_no_part_of_an_artifact(path: str, expected: bool) -> None:
    assert is_ignored(path) is expected


def test_a_dataset_that_poses_as_a_manifest_is_refused_and_a_model_is_not() -> None:
    assert refused(lambda: read({"x.json": POSING}, "dataset", single=True)) == "provenance.digest-confusion"
    assert read({"x.json": POSING}, single=True).digest
    assert read({"x.json": POSING}, "dataset").digest


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        ([], "provenance.empty"),
        ([".gitattributes"], "provenance.empty"),
        (["../a"], "provenance.path-unsafe"),
        (["/etc/passwd"], "provenance.path-unsafe"),
        (["a//b"], "provenance.path-unsafe"),
        (["a", "A"], "provenance.path-collision"),
        (["a", "a/b"], "provenance.path-duplicate"),
        (["a", "a"], "provenance.path-duplicate"),
    ],
)
def test_names_are_checked_before_anything_is_read(paths: list[str], code: str) -> None:
    assert refused(lambda: Content(paths, max_bytes=1)) == code


def test_too_many_files_are_refused() -> None:
    names = (f"f{number}" for number in range(1_000_000))
    assert refused(lambda: Content(names, max_bytes=1)) == "provenance.too-many-files"


def test_the_limit_holds_over_all_files() -> None:
    content = Content(["a", "b"], max_bytes=10)
    first = content.file("a")
    first.take(b"x" * 10)
    assert first.done().size == 10
    assert refused(lambda: content.file("b").take(b"y")) == "resolve.too-large"


@pytest.mark.parametrize("size", [0, 2, 4])
def test_a_file_of_another_size_than_announced_is_refused(size: int) -> None:
    file = Content(["a"], max_bytes=10).file("a")
    file.take(b"abc")
    assert refused(lambda: file.done(size)) == "resolve.incomplete"


def test_nothing_is_known_before_all_was_read() -> None:
    content = Content(["a", "b"], max_bytes=10)
    content.file("a").done()
    with pytest.raises(ValueError, match="all its files"):
        content.artifact(ArtifactRef(uri="s3://b/m", kind=ArtifactKind.MODEL))


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_blocks_do_not_matter(data: bytes, sizes: list[int]) -> None:
    content = Content(["f"], max_bytes=1000)
    file, left = content.file("f"), data
    for size in sizes * 300:
        file.take(left[:size])
        left = left[size:]
    content_whole = Content(["f"], max_bytes=1000)
    whole = content_whole.file("f")
    whole.take(data)
    assert file.done() == whole.done()
