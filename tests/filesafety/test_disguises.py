"""What is called something harmless, and is not."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import pytest

from tests.filesafety.payloads import SYSTEM, by_inst
from tests.filesafety.test_pickles import quick

NAMES = [
    "x.txt",
    "README",
    "LICENSE",
    "x.md",
    "x.csv",
    "x.jsonl",
    "x.yaml",
    "x.jinja",
    "vocab.txt",
    "x.log",
    "x.sig",
]
CALL = b"cos\nsystem\n(S'id'\ntR."


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_that_is_text_is_a_pickle_whatever_it_is_called(name: str) -> None:
    for before in (b"", b"(1", b"N0", b"I1\n0", b"S'notes'\n0"):
        assert "pickle-global" in quick(before + CALL, name)
    assert "pickle-global" in quick(by_inst("os.system"), name)
    assert "pickle-global" in quick(CALL[:-1] + b"\nand so on", name)


def test_what_only_starts_like_a_pickle_is_text() -> None:
    for prose in (
        b"copyright\nnotice\n(c) 2026\n",
        b"cos\nsystem\n",
        b"N.\n",
        b"I1\n.",
    ):
        assert quick(prose, "x.txt") == set()


def test_marks_of_a_torch_archive_are_words() -> None:
    honest = {"a/data.pkl": pickle.dumps({}), "a/version": b"3\n", "a/byteorder": b"little"}
    assert quick(zipped(honest), "x.pt") == set()
    for name in honest.keys() - {"a/data.pkl"}:
        assert quick(zipped({**honest, name: SYSTEM}), "x.pt") == {"pickle-global"}
    assert quick(zipped({**honest, "a/notes.txt": CALL}), "x.pt") == {"pickle-global"}


def node(way: str, name: str, **more: object) -> dict[str, object]:
    module, _, kind = name.rpartition(".")
    return {"__loader__": way, "__module__": module, "__class__": kind, **more}


LIST = node("ListNode", "builtins.list", content=[])


@pytest.mark.parametrize(
    "bad",
    [
        node("FunctionNode", "posix.system"),
        node("ObjectNode", "os.system"),
        node("OperatorFuncNode", "operator.methodcaller"),
        node("MethodNode", "builtins.list"),
        node("PartialNode", "functools.partial"),
        node("TreeNode", "sklearn.tree._tree.Tree"),
        node("ObjectNode", "torch._utils.x.OrderedDict"),
    ],
)
def test_a_skops_file_builds_only_what_a_pickle_may(bad: dict[str, object]) -> None:
    for name in ("x.skops", "x.zip"):
        outer = node("ObjectNode", "sklearn.linear_model._logistic.LogisticRegression", content=bad)
        assert quick(zipped({"schema.json": json.dumps(outer).encode()}), name) == {"unknown-operator"}
        outer["content"] = LIST
        assert quick(zipped({"schema.json": json.dumps(outer).encode()}), name) == set()
