import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import ArtifactKind, Digest
from govkernel.domain.paths import check_distinct, check_path
from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.provenance import ModelManifest, describe, detect_kind

MODEL, PROMPT, DATASET = ArtifactKind.MODEL, ArtifactKind.PROMPT, ArtifactKind.DATASET

segments = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), min_size=1, max_size=6)
paths = st.lists(segments, min_size=1, max_size=3).map("/".join)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)


def distinct(files: dict[str, str]) -> bool:
    return not any(a != b and b.startswith(f"{a}/") for a in files for b in files)


trees = st.dictionaries(paths, hashes, min_size=1, max_size=8).filter(distinct)


@given(trees, st.randoms())
def test_the_digest_does_not_depend_on_order(files: dict[str, str], random: object) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ModelManifest.of(shuffled).digest == ModelManifest.of(files.items()).digest


@given(trees, st.data())
def test_a_changed_renamed_added_or_removed_file_changes_the_digest(
    files: dict[str, str], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(files)))
    rest = {name: value for name, value in files.items() if name != path}
    changed = {**files, path: bytes(byte ^ 1 for byte in bytes.fromhex(files[path])).hex()}
    renamed = {**rest, f"{path}x": files[path]}
    added = {**files, "_extra": files[path]}
    others = (
        [changed, added] + [renamed] * distinct(renamed) * (f"{path}x" not in files) + [rest] * bool(rest)
    )
    original = ModelManifest.of(files.items())
    for other in map(ModelManifest.of, (item.items() for item in others)):
        assert other.digest != original.digest
        assert original.differences(other)
    assert not original.differences(original)


@given(st.text(max_size=30))
def test_any_path_is_taken_or_refused_with_a_code(path: str) -> None:
    try:
        assert check_path(path) == path
    except ProvenanceError as error:
        assert error.code in {"provenance.path-unsafe", "provenance.path-not-utf8"}
    else:
        assert not path.startswith("/")
        assert ".." not in path.split("/")


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", ".", "./a", "a/../b", "..", "a\\b", "a\0b", "a\nb", "x" * 5000]
)
def test_unsafe_paths(path: str) -> None:
    with pytest.raises(ProvenanceError) as caught:
        check_path(path)
    assert caught.value.code == "provenance.path-unsafe"


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["a", "a"], "duplicate"),
        (["a", "a/b"], "duplicate"),
        (["a/b", "a"], "duplicate"),
        (["model.bin", "Model.bin"], "collision"),
        (["A/x", "a/y"], "collision"),
        (["stra\u00dfe", "STRASSE"], "collision"),
        (["caf\u00e9", "cafe\u0301"], "collision"),
    ],
)
def test_paths_that_some_file_system_confuses(names: list[str], code: str) -> None:
    with pytest.raises(ProvenanceError) as caught:
        check_distinct(names)
    assert caught.value.code == f"provenance.path-{code}"


def test_the_documented_form_of_the_model_digest() -> None:
    manifest = ModelManifest.of([("b", "22" * 32), ("a", "11" * 32)])
    text = json.dumps(
        {
            "files": [{"path": "a", "sha256": "11" * 32}, {"path": "b", "sha256": "22" * 32}],
            "type": "https://govkernel.dev/model-manifest/v1",
        },
        separators=(",", ":"),
    )
    import hashlib

    assert manifest.digest == Digest.sha256(hashlib.sha256(text.encode()).hexdigest())


def test_a_renamed_file_keeps_the_oms_root_and_loses_our_digest(model: Path) -> None:
    before = describe(model, MODEL)
    (model / "config.json").rename(model / "config.txt")
    after = describe(model, MODEL)
    assert before.digest != after.digest
    assert before.aliases == after.aliases


def test_git_files_and_the_signature_are_no_part_of_a_model(model: Path) -> None:
    before = describe(model, MODEL).digest
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("ref")
    (model / ".gitattributes").write_text("*")
    (model / "model.sig").write_text("{}")
    assert describe(model, MODEL).digest == before
    (model / "onnx" / "model.sig").write_text("{}")
    assert describe(model, MODEL).digest != before


@pytest.mark.parametrize("name", ["model.sig", ".gitattributes", ".gitignore"])
def test_a_folder_called_like_an_ignored_file_is_part_of_the_model(name: str, model: Path) -> None:
    before = describe(model, MODEL)
    (model / name).mkdir()
    (model / name / "weights.pkl").write_bytes(b"N.")
    after = describe(model, MODEL)
    assert after.digest != before.digest
    assert "pickle" in after.formats


def test_large_files_are_hashed_like_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "m"
    root.mkdir()
    for index in range(4):
        (root / f"{index}.bin").write_bytes(os.urandom(3_000_000))
    small = describe(root, MODEL).digest
    monkeypatch.setattr("govkernel.provenance.files.LARGE", 1)
    assert describe(root, MODEL).digest == small


def test_what_cannot_be_digested_says_why(tmp_path: Path, model: Path, prompt: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(model)
    cases = [
        (tmp_path / "empty", MODEL, "empty"),
        (tmp_path / "none", MODEL, "not-found"),
        (tmp_path / "link", MODEL, "symlink"),
        (model, PROMPT, "not-a-file"),
    ]
    for path, kind, code in cases:
        with pytest.raises(ProvenanceError) as caught:
            describe(path, kind)
        assert caught.value.code == f"provenance.{code}"
        assert caught.value.remedy
    inside = {
        "symlink": lambda: (model / "weights").symlink_to("config.json"),
        "not-regular": lambda: os.mkfifo(model / "weights"),
        "path-not-utf8": lambda: Path(os.fsdecode(bytes(model) + b"/\xff")).write_text(""),
        "path-collision": lambda: (model / "CONFIG.json").write_text(""),
    }
    for code, make in inside.items():
        make()
        with pytest.raises(ProvenanceError) as caught:
            describe(model, MODEL)
        assert caught.value.code == f"provenance.{code}"
        for path in (model / "weights", model / os.fsdecode(b"\xff"), model / "CONFIG.json"):
            path.unlink(missing_ok=True)
    deep = model
    for _ in range(70):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "f").write_text("")
    with pytest.raises(ProvenanceError) as caught:
        describe(model, MODEL)
    assert caught.value.code == "provenance.too-deep"


def test_a_dataset_cannot_pose_as_a_model(tmp_path: Path, dataset: Path) -> None:
    assert describe(dataset, DATASET).digest is not None
    for text, confused in {
        '{"files":[{"path":"a","sha256":"00"}],"type":"https://govkernel.dev/model-manifest/v1"}': True,
        '{"files":[]}': False,
    }.items():
        (tmp_path / "made-up.jsonl").write_text(text)
        if confused:
            with pytest.raises(ProvenanceError) as caught:
                describe(tmp_path / "made-up.jsonl", DATASET)
            assert caught.value.code == "provenance.digest-confusion"
        else:
            describe(tmp_path / "made-up.jsonl", DATASET)


def test_a_directory_of_data_is_digested_like_a_model(model: Path) -> None:
    assert describe(model, DATASET).digest == describe(model, MODEL).digest


def test_kinds_are_detected(tmp_path: Path, model: Path, prompt: Path, dataset: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("a,b")
    (tmp_path / "data" / "README.md").write_text("data")
    (tmp_path / "w.gguf").write_bytes(b"GGUF")
    (tmp_path / "thing.xyz").write_bytes(b"")
    found = {
        path.name: detect_kind(path)
        for path in (model, prompt, dataset, tmp_path / "data", tmp_path / "w.gguf")
    }
    assert found == {
        "minilm": MODEL,
        "greeting.yaml": PROMPT,
        "faq.jsonl": DATASET,
        "data": DATASET,
        "w.gguf": MODEL,
    }
    with pytest.raises(GovkernelError) as caught:
        detect_kind(tmp_path / "thing.xyz")
    assert caught.value.code == "provenance.kind-unknown"
