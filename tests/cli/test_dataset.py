"""dataset tree, append, prove, verify-sample, verify-append: what a person types and what comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, PUBLIC_KEY, Run

BUNDLE = "data.dataset-tree.sigstore.json"


@pytest.fixture
def data(run: Run, workspace: Path) -> Path:
    folder = workspace / "data"
    folder.mkdir()
    for number in range(5):
        (folder / f"part-{number}.jsonl").write_text(f'{{"n": {number}}}\n{{"m": {number}}}\n')
    assert run("dataset", "tree", "data", "--key", KEY, "--rows").code == 0
    return folder


def prove(run: Run, *arguments: str) -> None:
    proven = run("dataset", "prove", "data", *arguments)
    assert proven.code == 0
    Path("proof.json").write_text(proven.out)


def test_a_shard_is_in_the_dataset_and_a_changed_one_is_not(run: Run, data: Path) -> None:
    prove(run, "part-3.jsonl")
    check = (
        "dataset",
        "verify-sample",
        "data/part-3.jsonl",
        "--proof",
        "proof.json",
        "--bundle",
        BUNDLE,
        "--json",
    )
    verified = run(*check, "--key", PUBLIC_KEY)
    assert (verified.code, verified.json()["shard"], verified.json()["size"]) == (0, "part-3.jsonl", 5)
    assert run(*check).code == 0, "the trust policy lets the workspace's key say everything"
    (data / "part-3.jsonl").write_text("{}\n")
    refused = run(*check, "--key", PUBLIC_KEY)
    assert (refused.code, refused.json()["code"]) == (1, "dataset.sample-mismatch")


def test_a_row_is_in_the_dataset(run: Run, data: Path) -> None:
    prove(run, "part-1.jsonl", "--row", "1")
    Path("row").write_text('{"m": 1}\n')
    check = ("dataset", "verify-sample", "row", "--proof", "proof.json", "--bundle", BUNDLE, "--json")
    assert run(*check).json()["row"] == 1
    Path("row").write_text('{"m": 2}\n')
    assert run(*check).json()["code"] == "dataset.sample-mismatch"
    Path("proof.json").write_text("{}")
    assert run(*check).json()["code"] == "dataset.malformed"


def test_an_append_proves_that_nothing_else_changed(run: Run, data: Path) -> None:
    Path(BUNDLE).rename("old.json")
    Path("old.json").with_name(BUNDLE).write_bytes(Path("old.json").read_bytes())
    (data / "part-0a.jsonl").write_text("{}\n")
    grown = run("dataset", "append", "data", "--key", KEY, "--json").json()
    assert (grown["size"], grown["new"]) == (6, 1)
    verified = run("dataset", "verify-append", "old.json", BUNDLE, "--key", PUBLIC_KEY, "--json")
    assert (verified.code, verified.json()["previous"]["size"]) == (0, 5)
    back = run("dataset", "verify-append", BUNDLE, "old.json", "--key", PUBLIC_KEY, "--json")
    assert (back.code, back.json()["code"]) == (1, "dataset.inconsistent")
    assert run("verify", "data", "--bundle", BUNDLE, "--key", PUBLIC_KEY, "--type", "dataset-tree").code == 0
    again = run("dataset", "append", "data", "--key", KEY, "--json")
    assert (again.code, again.json()["error"]["code"]) == (2, "dataset.nothing-new")


def test_a_tree_that_was_not_signed_is_not_grown(run: Run, data: Path) -> None:
    (data / "new.jsonl").write_text("{}\n")
    tree = json.loads(Path("data.tree.json").read_text())
    tree["shards"][0]["sha256"] = "0" * 64
    Path("data.tree.json").write_text(json.dumps(tree))
    refused = run("dataset", "append", "data", "--key", KEY, "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "dataset.tree-mismatch")


def test_a_root_by_another_key_is_refused(run: Run, data: Path) -> None:
    prove(run, "part-0.jsonl")
    assert run("init", "elsewhere").code == 0
    check = (
        "dataset",
        "verify-sample",
        "data/part-0.jsonl",
        "--proof",
        "proof.json",
        "--bundle",
        BUNDLE,
        "--json",
    )
    assert run(*check, "--key", f"elsewhere/{PUBLIC_KEY}").code == 1
    assert run("sign", "dataset", "data", "--key", KEY, "--out", "signature.json").code == 0
    other = (*check[:-2], "signature.json", "--json")
    assert run(*other, "--key", PUBLIC_KEY).json()["code"] == "provenance.other-predicate"


def test_shards_whose_rows_are_no_lines_are_named_and_not_promised(run: Run, data: Path) -> None:
    (data / "a.parquet").write_bytes(b"PAR1")
    tree = ("dataset", "tree", "data", "--key", KEY)
    assert run(*tree, "--rows", "--json").json()["withoutRows"] == ["a.parquet"]
    assert "no rows of a.parquet" in run(*tree, "--rows").out
    refused = run("dataset", "prove", "data", "a.parquet", "--row", "1")
    assert "dataset.row-unknown" in refused.err + refused.out
    assert "Only lines are rows" in refused.err + refused.out
    assert "Make the tree" not in refused.err + refused.out
    fewer = run("dataset", "prove", "data", "part-1.jsonl", "--row", "9")
    assert "It has 2 rows" in fewer.err + fewer.out
    assert "withoutRows" not in run(*tree, "--json").json()
    without = run("dataset", "prove", "data", "part-1.jsonl", "--row", "1")
    assert "Make the tree with --rows" in without.err + without.out


def test_appended_shards_without_rows_are_named(run: Run, data: Path) -> None:
    (data / "z.parquet").write_bytes(b"PAR1")
    grown = run("dataset", "append", "data", "--key", KEY, "--rows", "--json").json()
    assert grown["withoutRows"] == ["z.parquet"]
