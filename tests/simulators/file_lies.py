"""Every way in which files are not what was signed, and the code that refuses each."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from govkernel.provenance import sign_artifact, verify_path
from tests.simulators.lie_scene import ANN, CUSTOM, MODEL, NOW, Lie, Outcome, Scene, verified
from tests.simulators.lying_signer import signed, statement


def after(harm: Callable[[Path], object]) -> Lie:
    """The model is signed, then harmed."""

    def lie(scene: Scene) -> Outcome:
        raw = scene.signature
        harm(scene.model)
        return verified(scene, raw)

    return lie


def link(root: Path) -> None:
    (root / "config.json").rename(root.parent / "config.json")
    (root / "config.json").symlink_to(root.parent / "config.json")


def link_folder(root: Path) -> None:
    (root / "onnx").rename(root.parent / "onnx")
    (root / "onnx").symlink_to(root.parent / "onnx")


def swap(root: Path) -> None:
    (root / "config.json").rename(root / "tmp")
    (root / "onnx.txt").rename(root / "config.json")
    (root / "tmp").rename(root / "onnx.txt")


def deep(root: Path) -> None:
    (root / "/".join(["d"] * 70)).mkdir(parents=True)


def odd_name(name: str | bytes) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        raw = name if isinstance(name, bytes) else name.encode()
        descriptor = os.open(os.fsencode(root) + b"/" + raw, os.O_CREAT | os.O_WRONLY)
        os.close(descriptor)

    return harm


def twins(first: str, second: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / first).write_text("one")
        (root / second).write_text("two")
        if len([path for path in root.iterdir() if path.name in {first, second}]) < 2:
            pytest.skip("the file system takes the two names for one")

    return harm


def empty(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def part(scene: Scene) -> Outcome:
    """Signed: one of its folders, as if that were all."""
    return verified(scene, sign_artifact(scene.model / "onnx", MODEL, ANN).bundles[0].content)


def fewer(scene: Scene) -> Outcome:
    """Signed: the same folder, when there was less in it."""
    raw = scene.signature
    (scene.model / "onnx.txt").unlink()
    less = scene.signature
    (scene.model / "onnx.txt").write_text("back")
    assert raw != less
    return verified(scene, less)


def reordered_root(scene: Scene) -> Outcome:
    """The OMS root stays when a file is renamed; the names do not."""
    raw = scene.signature
    root = scene.artifact.aliases
    (scene.model / "config.json").rename(scene.model / "config.jsom")
    assert scene.artifact.aliases == root
    return verified(scene, raw)


def single_renamed(scene: Scene) -> Outcome:
    path = scene.model / "onnx.txt"
    raw = sign_artifact(path, MODEL, ANN).bundles[0].content
    other = path.rename(scene.model / "onnx.py")
    return verify_path(other, raw, ANN.public_key_pem(), MODEL, now=NOW)


def unnamed_root(scene: Scene) -> Outcome:
    weak = scene.artifact.aliases[0]
    return verified(scene, signed(statement(weak.hex, CUSTOM, {}), ANN))


FILES: dict[str, tuple[Lie, str]] = {
    "extra file": (after(lambda root: (root / "x.py").write_text("")), "provenance.files-changed"),
    "extra file in a folder": (
        after(lambda root: (root / "onnx" / "x.py").write_text("")),
        "provenance.files-changed",
    ),
    "extra hidden file": (after(lambda root: (root / ".x").write_text("")), "provenance.files-changed"),
    "extra file called like git's, deeper": (
        after(lambda root: (root / "onnx" / ".gitignore").write_text("")),
        "provenance.files-changed",
    ),
    "missing file": (after(lambda root: (root / "config.json").unlink()), "provenance.files-changed"),
    "changed byte": (
        after(lambda root: (root / "config.json").write_bytes(b"[]")),
        "provenance.files-changed",
    ),
    "appended byte": (
        after(lambda root: (root / "config.json").write_bytes(b"{}\0")),
        "provenance.files-changed",
    ),
    "renamed file": (
        after(lambda root: (root / "config.json").rename(root / "config.py")),
        "provenance.files-changed",
    ),
    "renamed file, same OMS root": (reordered_root, "provenance.files-changed"),
    "renamed single file": (single_renamed, "provenance.files-changed"),
    "swapped names": (after(swap), "provenance.files-changed"),
    "moved file": (
        after(lambda root: (root / "config.json").rename(root / "onnx" / "config.json")),
        "provenance.files-changed",
    ),
    "statement about a part of the directory": (part, "provenance.files-changed"),
    "statement about the directory when it had less": (fewer, "provenance.files-changed"),
    "statement about the OMS root alone": (unnamed_root, "provenance.weak-subject"),
    "symbolic link": (after(link), "provenance.symlink"),
    "symbolic link to a folder": (after(link_folder), "provenance.symlink"),
    "dangling link": (after(lambda root: (root / "x").symlink_to("nowhere")), "provenance.symlink"),
    "pipe": (after(lambda root: os.mkfifo(root / "pipe")), "provenance.not-regular"),
    "names that differ in case": (after(twins("Readme", "README")), "provenance.path-collision"),
    "names equal in Unicode": (
        after(twins(unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é"))),
        "provenance.path-collision",
    ),
    "names equal when folded": (after(twins("straße", "STRASSE")), "provenance.path-collision"),
    "name that is not UTF-8": (after(odd_name(b"\xff")), "provenance.path-not-utf8"),
    "name with a backslash": (after(odd_name("a\\b")), "provenance.path-unsafe"),
    "name with an escape code": (after(odd_name("\x1b[2J")), "provenance.path-unsafe"),
    "folders without end": (after(deep), "provenance.too-deep"),
    "nothing left": (after(empty), "provenance.empty"),
}
