"""Every proof about a dataset verifies, and no change of it, of the sample or of the root does."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import ArtifactKind, merkle, strict_json
from govkernel.domain.predicates import DATASET_TREE
from govkernel.errors import GovkernelError
from govkernel.provenance import dataset_read as room
from govkernel.provenance import describe
from govkernel.provenance.dataset_read import grow_tree, prove_row, read_tree
from govkernel.provenance.dataset_sample import RowHasher, SampleProof, check, prove, row_leaves
from govkernel.provenance.dataset_tree import DatasetTree, Root, Shard, grew, predicate
from govkernel.provenance.predicates import check_predicate


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def written(sample: SampleProof) -> bytes:
    return strict_json.canonical(sample.document())


def root_of(leaves: list[bytes]) -> Root:
    grown, _ = merkle.CompactRange().extend(leaves)
    return Root(grown.size, grown.root())


rows = st.lists(st.binary(max_size=8).filter(lambda row: b"\n" not in row), max_size=6)
shards = st.builds(
    lambda number, lines, with_rows: (
        f"part-{number:04}.jsonl",
        lines,
        with_rows,
    ),
    st.integers(0, 9999),
    rows,
    st.booleans(),
)
datasets = st.lists(shards, min_size=1, max_size=20, unique_by=lambda item: item[0])


def built(listed: list[tuple[str, list[bytes], bool]]) -> DatasetTree:
    return DatasetTree.of(
        Shard(
            path,
            sha256(b"\n".join(lines)),
            root_of(list(map(merkle.leaf_hash, lines))) if with_rows else None,
        )
        for path, lines, with_rows in listed
    )


@given(datasets, st.data())
def test_every_inclusion_proof_verifies_and_no_other(
    listed: list[tuple[str, list[bytes], bool]], data: st.DataObject
) -> None:
    tree = built(listed)
    path, lines, _ = data.draw(st.sampled_from(listed))
    content = sha256(b"\n".join(lines))
    sample = SampleProof.parse(written(prove(tree, path)))
    check(sample, content, b"", tree.root)
    other = tree.root._replace(root=bytes([tree.root.root[0] ^ 1]) + tree.root.root[1:])
    lies = [
        (sample, sha256(b"other"), tree.root),
        (sample, content, other),
        (sample, content, tree.root._replace(size=tree.root.size + 1)),
        (replace(sample, size=sample.size + 1), content, tree.root),
        (replace(sample, shard=sample.shard._replace(path="renamed")), content, tree.root),
        (replace(sample, shard=sample.shard._replace(rows=Root(7, bytes(32)))), content, tree.root),
        (replace(sample, proof=(*sample.proof, bytes(32))), content, tree.root),
    ]
    if sample.proof:
        lies.append((replace(sample, proof=sample.proof[:-1]), content, tree.root))
        lies.append((replace(sample, index=(sample.index + 1) % sample.size), content, tree.root))
        place = data.draw(st.integers(0, len(sample.proof) - 1))
        step = bytes([sample.proof[place][0] ^ data.draw(st.integers(1, 255))]) + sample.proof[place][1:]
        lies.append(
            (
                replace(sample, proof=(*sample.proof[:place], step, *sample.proof[place + 1 :])),
                content,
                tree.root,
            )
        )
    for lie in lies:
        with pytest.raises(GovkernelError) as caught:
            check(lie[0], lie[1], b"", lie[2])
        assert caught.value.code in {"dataset.sample-mismatch", "dataset.proof-invalid"}


@given(datasets, st.data())
def test_every_row_proof_verifies_and_no_other(
    listed: list[tuple[str, list[bytes], bool]], data: st.DataObject
) -> None:
    tree = built([(path, lines, True) for path, lines, _ in listed])
    path, lines, _ = data.draw(st.sampled_from(listed))
    leaves = [merkle.leaf_hash(line) for line in lines]
    if not lines:
        with pytest.raises(GovkernelError) as caught:
            prove(tree, path, (0, leaves))
        assert caught.value.code == "dataset.row-unknown"
        return
    number = data.draw(st.integers(0, len(lines) - 1))
    sample = SampleProof.parse(written(prove(tree, path, (number, leaves))))
    check(sample, "", lines[number], tree.root)
    assert sample.row is not None
    shard = sample.shard._replace(rows=Root(len(lines) + 1, bytes(32)))
    for lie, row in (
        (sample, lines[number] + b"x"),
        (replace(sample, row=replace(sample.row, index=len(lines))), lines[number]),
        (replace(sample, row=replace(sample.row, proof=(*sample.row.proof, bytes(32)))), lines[number]),
        (replace(sample, shard=shard), lines[number]),
        (replace(sample, row=None), lines[number]),
    ):
        with pytest.raises(GovkernelError):
            check(lie, "", row, tree.root)
    with pytest.raises(GovkernelError) as caught:
        prove(tree, path, (number, [*leaves, merkle.leaf_hash(b"more")]))
    assert caught.value.code == "dataset.sample-mismatch"


@given(datasets, st.integers(1, 20), st.data())
def test_every_append_is_proven_and_no_other(
    listed: list[tuple[str, list[bytes], bool]], first: int, data: st.DataObject
) -> None:
    after = built(listed)
    before = DatasetTree.of(after.shards[:first])
    claim = predicate(after, before)
    check_predicate(DATASET_TREE, claim)
    assert grew(claim) == before.root
    assert grew(predicate(after)) is None
    changed = built([(f"x{path}", lines, rows) for path, lines, rows in listed[:first]])
    old = before.root.size
    lies = [
        {**claim, "previous": {**claim["previous"], **changed.root.document()}},
        {**claim, "previous": {**claim["previous"], "size": old + 1}},
        {**claim, "root": "00" * 32},
    ]
    proof = claim["previous"]["proof"]
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        lies.append({**claim, "previous": {**claim["previous"], "proof": proof[:place] + proof[place + 1 :]}})
        wrong = [*proof[:place], sha256(b"wrong"), *proof[place + 1 :]]
        lies.append({**claim, "previous": {**claim["previous"], "proof": wrong}})
    for lie in lies:
        with pytest.raises(GovkernelError) as caught:
            grew(lie)
        assert caught.value.code == "dataset.inconsistent"


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
def test_rows_do_not_depend_on_blocks(content: bytes, cuts: list[int]) -> None:
    content = content.replace(b"a", b"\n")
    hasher = RowHasher()
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    for start, end in pairwise(places):
        hasher.take(memoryview(content[start:end]))
    leaves = row_leaves(content)
    assert hasher.root() == root_of(leaves)
    lines = content.split(b"\n")
    assert leaves == [merkle.leaf_hash(line) for line in (lines if lines[-1] else lines[:-1])]


@given(datasets)
def test_a_tree_is_read_as_it_was_written(listed: list[tuple[str, list[bytes], bool]]) -> None:
    tree = built(listed)
    assert DatasetTree.parse(tree.document()) == tree


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_tree_or_a_proof_or_refused(data: bytes) -> None:
    for parse in (DatasetTree.parse, SampleProof.parse):
        with pytest.raises(GovkernelError):
            parse(data)


@pytest.mark.parametrize(
    "shard",
    [
        {"path": "../a", "sha256": "0" * 64},
        {"path": "a", "sha256": "0" * 63},
        {"path": "a", "sha256": "0" * 64, "rows": {"size": -1, "root": "0" * 64}},
        {"path": "a", "sha256": "0" * 64, "rows": {"size": True, "root": "0" * 64}},
        {"path": "a", "sha256": "0" * 64, "more": 1},
        {"path": 1, "sha256": "0" * 64},
        [],
    ],
)
def test_malformed_shards(shard: object) -> None:
    with pytest.raises(GovkernelError):
        Shard.parse(shard)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "a.jsonl").write_bytes(b'{"n": 1}\n{"n": 2}\n')
    (root / "b.csv").write_bytes(b"n\n1\n2")
    (root / "images" / "1.png").write_bytes(b"\x89PNG")
    return root


def test_the_subject_digest_is_that_of_the_folder_with_or_without_rows(folder: Path) -> None:
    artifact = describe(folder, ArtifactKind.DATASET)
    plain, with_rows = read_tree(folder), read_tree(folder, rows=True)
    assert plain.digest == with_rows.digest == artifact.digest
    assert plain.root != with_rows.root
    assert [item.rows.size if item.rows else None for item in with_rows.shards] == [2, 3, None]


def test_an_append_reads_only_what_is_new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_tree(folder, rows=True)
    (folder / "0-earlier-by-name.jsonl").write_text("{}\n")
    names: list[str] = []
    real = room.hash_open

    def counting(descriptor, name, stamp, take=None):  # type: ignore[no-untyped-def]
        names.append(name)
        return real(descriptor, name, stamp, take)

    monkeypatch.setattr(room, "hash_open", counting)
    after = grow_tree(folder, before, rows=True)
    assert names == ["0-earlier-by-name.jsonl"]
    assert after.shards[:-1] == before.shards
    assert after.digest == describe(folder, ArtifactKind.DATASET).digest
    assert grew(predicate(after, before)) == before.root


@pytest.mark.parametrize(
    ("change", "code"), [("nothing", "dataset.nothing-new"), ("remove", "dataset.shard-missing")]
)
def test_an_append_that_is_none(folder: Path, change: str, code: str) -> None:
    before = read_tree(folder)
    if change == "remove":
        (folder / "b.csv").rename(folder / "c.csv")
    with pytest.raises(GovkernelError) as caught:
        grow_tree(folder, before)
    assert caught.value.code == code


def test_a_changed_shard_does_not_get_into_a_grown_tree_unnoticed(folder: Path) -> None:
    before = read_tree(folder)
    (folder / "a.jsonl").write_bytes(b"changed\n")
    (folder / "c.jsonl").write_bytes(b"new\n")
    assert grow_tree(folder, before).digest != describe(folder, ArtifactKind.DATASET).digest


def test_a_row_of_a_folder(folder: Path) -> None:
    tree = read_tree(folder, rows=True)
    check(prove_row(folder, tree, "a.jsonl", 1), "", b'{"n": 2}', tree.root)
    for path, row, code in (
        ("a.jsonl", 2, "dataset.row-unknown"),
        ("images/1.png", 0, "dataset.row-unknown"),
        ("c.jsonl", 0, "dataset.shard-unknown"),
    ):
        with pytest.raises(GovkernelError) as caught:
            prove_row(folder, tree, path, row)
        assert caught.value.code == code
    with pytest.raises(GovkernelError) as caught:
        prove_row(folder, read_tree(folder), "a.jsonl", 0)
    assert caught.value.code == "dataset.row-unknown"


def test_a_file_is_no_folder_of_shards(folder: Path) -> None:
    with pytest.raises(GovkernelError) as caught:
        read_tree(folder / "a.jsonl")
    assert caught.value.code == "dataset.not-a-folder"
