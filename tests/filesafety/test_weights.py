"""safetensors, GGUF, ONNX, SavedModel, Keras and HDF5: structure, paths, operators and layers."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.filesafety import judge
from govkernel.filesafety.budget import Budget
from govkernel.filesafety.dispatch import examine
from govkernel.filesafety.interface import Place
from govkernel.filesafety.source import BytesSource


def quick(content: bytes, name: str, **beside: int) -> set[str]:
    place = Place(
        name, name, Budget(), examine, {key.replace("_dot_", "."): size for key, size in beside.items()}
    )
    return {finding.rule for finding in examine(BytesSource(content), place)}


def safetensors(header: Any, data: bytes = bytes(8)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


ONE = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}

SAFETENSORS: dict[str, bytes] = {
    "a key twice": safetensors(json.dumps(ONE)[:-1].encode() + b"," + json.dumps(ONE)[1:].encode()),
    "an overlap": safetensors({**ONE, "v": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}),
    "a hole": safetensors({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}),
    "beyond the end": safetensors(ONE, bytes(4)),
    "bytes behind": safetensors(ONE, bytes(9)),
    "shape and size": safetensors({"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}),
    "a negative shape": safetensors({"w": {"dtype": "F32", "shape": [-1, -2], "data_offsets": [0, 8]}}),
    "offsets backwards": safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}),
    "a dtype of its own": safetensors({"w": {"dtype": "OBJ", "shape": [2], "data_offsets": [0, 8]}}),
    "a boolean shape": safetensors({"w": {"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}}),
    "more keys": safetensors({"w": {**ONE["w"], "code": "x"}}),
    "metadata that nests": safetensors({**ONE, "__metadata__": {"a": {"b": "c"}}}),
    "a long header": struct.pack("<Q", 100_000_001) + b"{" + bytes(100),
    "a header longer than the file": struct.pack("<Q", 5000) + b"{}",
    "no object": safetensors(b"{,}"),
}


@pytest.mark.parametrize("lie", SAFETENSORS)
def test_safetensors_that_lie(lie: str) -> None:
    assert quick(SAFETENSORS[lie], "model.safetensors") == {"safetensors-header"}


def test_safetensors_that_are_right() -> None:
    assert quick(safetensors(ONE), "model.safetensors") == set()
    assert quick(safetensors({**ONE, "__metadata__": {"format": "pt"}}), "model.safetensors") == set()
    assert (
        quick(b"\x80\x02}.", "model.safetensors") == set()
    )  # a pickle of {} under another name: judged as one
    assert quick(b"\x80\x02cposix\nsystem\n.", "model.safetensors") == {"pickle-global"}


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def gguf(
    entries: dict[bytes, tuple[int, bytes]] | None = None,
    tensors: tuple[tuple[bytes, tuple[int, ...], int, int], ...] = ((b"w", (8,), 0, 0),),
    data: bytes = bytes(32),
    version: int = 3,
) -> bytes:
    entries = entries or {}
    head = struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(entries))
    for key, (kind, value) in entries.items():
        head += text(key) + struct.pack("<I", kind) + value
    for name, shape, kind, offset in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return head + bytes(-len(head) % 32) + data


TEMPLATE = b"tokenizer.chat_template"
GGUFS: dict[str, tuple[bytes, str]] = {
    "a template that runs code": (
        gguf({TEMPLATE: (8, text(b"{{ x.__init__.__globals__['os'].popen('id') }}"))}), "template-danger"
    ),
    "a template in a list": (
        gguf({TEMPLATE: (9, struct.pack("<IQ", 8, 1) + text(b"{{ x.__class__ }}"))}), "template-danger"
    ),
    "a template in capitals": (
        gguf({b"tokenizer.CHAT_TEMPLATE": (8, text(b"{{ x.__class__ }}"))}), "template-danger"
    ),
    "a template that is a number": (gguf({TEMPLATE: (9, struct.pack("<IQ", 4, 0))}), "unreadable-structure"),
    "a named template": (gguf({TEMPLATE + b".tool_use": (8, text(b"{{ lipsum }}"))}), "template-danger"),
    "a count without end": (struct.pack("<4sIQQ", b"GGUF", 3, 1 << 13, 1 << 60) + bytes(100), "gguf-structure"),
    "an array without end": (gguf({b"a": (9, struct.pack("<IQ", 4, 1 << 61))}), "gguf-structure"),
    "texts without end": (gguf({b"a": (9, struct.pack("<IQ", 8, 1 << 61))}), "gguf-structure"),
    "arrays in arrays": (gguf({b"a": (9, struct.pack("<IQ", 9, 1) * 50)}), "gguf-structure"),
    "a text without end": (gguf({b"a": (8, struct.pack("<Q", 1 << 60))}), "gguf-structure"),
    "a type that is none": (gguf({b"a": (99, b"")}), "gguf-structure"),
    "an alignment that is none": (gguf({b"general.alignment": (4, struct.pack("<I", 0))}), "gguf-structure"),
    "a tensor beyond the end": (gguf(tensors=((b"w", (800,), 0, 0),)), "gguf-structure"),
    "tensors that overlap": (gguf(tensors=((b"a", (8,), 0, 0), (b"b", (8,), 0, 0))), "gguf-structure"),
    "a tensor twice": (gguf(tensors=((b"a", (8,), 0, 0), (b"a", (8,), 0, 32)), data=bytes(64)), "gguf-structure"),
    "a shape that overflows": (gguf(tensors=((b"w", (1 << 32, 1 << 32), 0, 0),)), "gguf-structure"),
    "bytes behind": (gguf(data=bytes(100)), "gguf-structure"),
    "an offset between": (gguf(tensors=((b"w", (8,), 0, 8),), data=bytes(64)), "gguf-structure"),
    "a type of tensor of its own": (gguf(tensors=((b"w", (8,), 77, 0),)), "unreadable-structure"),
    "cut off": (gguf()[:40], "gguf-structure"),
}  # fmt: skip


@pytest.mark.parametrize("lie", GGUFS)
def test_gguf_that_lies(lie: str) -> None:
    content, rule = GGUFS[lie]
    assert quick(content, "model.gguf") == {rule}


def test_gguf_that_is_right() -> None:
    entries = {
        b"general.name": (8, text(b"tiny")),
        TEMPLATE: (8, text(b"{% for m in messages %}{{ m['content'] }}{% endfor %}")),
        b"tokens": (9, struct.pack("<IQ", 8, 2) + text(b"a") + text(b"b")),
        b"x": (4, struct.pack("<I", 1)),
    }
    assert quick(gguf(entries), "model.gguf") == set()
    assert quick(gguf(entries), "model.bin") == set()
    assert (
        quick(gguf({b"a": (4, bytes(4)), b"b": (4, bytes(4))}, tensors=(), data=b"", version=2), "x.gguf")
        == set()
    )


def field(number: int, value: bytes | int) -> bytes:
    def varint(rest: int) -> bytes:
        out = b""
        while rest > 0x7F:
            out += bytes([rest & 0x7F | 0x80])
            rest >>= 7
        return out + bytes([rest])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def external(**said: str) -> bytes:
    entries = b"".join(
        field(13, field(1, key.encode()) + field(2, value.encode())) for key, value in said.items()
    )
    return field(1, 7) + field(7, field(5, entries + field(14, 1)))


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../x", "a/../../x", "C:\\x", "..\\x", "http://x/y", "~/x", "", "a\0b", "file:x"],
)
def test_onnx_data_outside_the_directory(location: str) -> None:
    assert "onnx-path" in quick(external(location=location), "m/model.onnx")


def test_onnx_data_beside_the_model() -> None:
    good = external(location="w.data", offset="0", length="8")
    assert quick(good, "model.onnx", w_dot_data=8) == set()
    assert quick(good, "model.onnx") == {"unknown-format"}
    assert quick(good, "model.onnx", w_dot_data=7) == {"onnx-structure"}
    assert quick(external(location="w.data", offset="-1"), "model.onnx", w_dot_data=8) == {"onnx-structure"}


def test_onnx_external_data_is_found_however_deep_it_lies() -> None:
    tensor = field(13, field(1, b"location") + field(2, b"../x"))
    inner = field(1, field(5, field(6, field(1, field(5, field(5, tensor))))))  # node, attribute, graph, …
    assert quick(field(7, inner), "x.onnx") == {"onnx-path"}
    assert quick(field(7, b"") + field(25, field(7, field(5, field(5, tensor)))), "x.onnx") == {"onnx-path"}


def test_onnx_operators_of_unknown_libraries() -> None:
    assert quick(field(7, field(1, field(4, b"PyOp") + field(7, b"ai.onnx.contrib"))), "x.onnx") == {
        "unknown-operator"
    }
    assert quick(field(7, field(1, field(4, b"Add"))), "x.onnx") == set()
    assert quick(b"", "x.onnx") == {"onnx-structure"}
    assert quick(b"\x3a\xff\xff\xff\xff\x0f", "x.onnx") == {"onnx-structure"}


def saved_model(*operators: bytes, library: tuple[bytes, ...] = ()) -> bytes:
    nodes = b"".join(field(1, field(1, b"n") + field(2, name)) for name in operators)
    functions = b"".join(field(1, field(3, field(2, name))) for name in library)
    return field(1, 1) + field(2, field(2, nodes + field(2, functions)))


def test_tensorflow_operators() -> None:
    assert quick(saved_model(b"MatMul", b"Relu"), "m/saved_model.pb") == set()
    for name in (b"ReadFile", b"WriteFile", b"PyFunc", b"EagerPyFunc"):
        assert quick(saved_model(b"MatMul", name), "saved_model.pb") == {"tensorflow-op"}
        assert quick(saved_model(b"MatMul", library=(name,)), "saved_model.pb") == {"tensorflow-op"}
    assert quick(saved_model(b"MyOwnOp"), "saved_model.pb") == {"unknown-operator"}
    assert quick(b"", "saved_model.pb") == {"unreadable-structure"}
    frozen = field(1, field(1, b"n") + field(2, b"WriteFile"))
    assert quick(frozen, "frozen.pb") == {"tensorflow-op"}


def layer(name: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def model(*layers: Any) -> bytes:
    return json.dumps(layer("Sequential", "keras", layers=list(layers))).encode()


def keras(config: bytes, **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.11"}')
        archive.writestr("config.json", config)
        for name, content in members.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return stream.getvalue()


LAYERS: dict[str, Any] = {
    "Lambda": layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEAAA=="}}),
    "Lambda by its old name": {"class_name": "Lambda", "config": {}},
    "a function by name": layer(
        "Dense", activation={"module": "os", "class_name": "function", "config": "system"}
    ),
    "a gadget of Keras (CVE-2025-8747)": layer("get_file", "keras.utils"),
    "enabling unsafe loading (CVE-2025-9906)": layer("enable_unsafe_deserialization", "keras.config"),
    "another module (CVE-2025-1550)": layer("run_code", "heapq"),
    "a module that only starts so": layer("Dense", "kerasx.layers"),
    "a module inside Keras": layer("Dense", "keras.src.utils.file_utils"),
    "a SavedModel in a layer": layer("TFSMLayer", filepath="x"),
    "a torch module in a layer": layer("TorchModuleWrapper", module="gAJ9"),
    "a vocabulary from a file (CVE-2025-12058)": layer("StringLookup", vocabulary="/etc/passwd"),
    "deep inside": layer("Bidirectional", layer=layer("LSTM", cell=layer("Lambda"))),
}


@pytest.mark.parametrize("trick", LAYERS)
def test_keras_layers_that_do_more(trick: str) -> None:
    content = model(layer("Dense", units=3), LAYERS[trick])
    assert "keras-layer" in quick(keras(content), "model.keras")
    assert "keras-layer" in quick(content, "config.json")


def test_keras_layers_that_are_known() -> None:
    content = model(
        layer(
            "Dense",
            units=3,
            activation="relu",
            kernel_initializer=layer("GlorotUniform", "keras.initializers"),
        )
    )
    assert quick(keras(content), "model.keras") == set()
    assert quick(keras(model(layer("MyLayer", "keras.layers"))), "model.keras") == {"unknown-operator"}
    assert quick(keras(b"[]"), "model.keras") == {"unreadable-structure"}
    assert "pickle-global" in quick(keras(content, x_dot_pkl=b"cposix\nsystem\n."), "model.keras")


def hdf5(**attributes: Any) -> bytes:
    h5py = pytest.importorskip("h5py", reason="pip install h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_group("layers/dense/vars").create_dataset("0", data=[[1.0, 2.0]])
        file.create_dataset("packed", data=list(range(1000)), compression="gzip")
        for name, value in attributes.items():
            file.attrs[name] = value
    return stream.getvalue()


def test_hdf5_with_and_without_a_model() -> None:
    assert quick(hdf5(), "model.weights.h5") == set()
    assert quick(hdf5(model_config=model(layer("Dense")).decode()), "model.h5") == set()
    assert quick(hdf5(model_config=model(layer("Lambda")).decode()), "model.h5") == {"keras-layer"}
    fixed = __import__("numpy").bytes_(model(layer("Lambda")))
    assert quick(hdf5(model_config=fixed), "model.h5") == {"keras-layer"}


def test_hdf5_that_reaches_into_other_files() -> None:
    h5py = pytest.importorskip("h5py", reason="pip install h5py")
    for reach in ("external", "link", "virtual"):
        stream = io.BytesIO()
        with h5py.File(stream, "w", libver="latest" if reach != "external" else None) as file:
            if reach == "external":
                file.create_dataset("x", (4,), "u1", external=[("/etc/passwd", 0, 4)])
            elif reach == "link":
                file["x"] = h5py.ExternalLink("/etc/other.h5", "/x")
            else:
                layout = h5py.VirtualLayout((4,), "u1")
                layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (4,))
                file.create_virtual_dataset("x", layout)
        assert "hdf5-external" in quick(stream.getvalue(), "model.h5"), reach


def test_hdf5_whose_messages_break_off_is_unreadable(tmp_path: Path) -> None:
    start = b"\x89HDF\r\n\x1a\n\2\x08\x08\0" + struct.pack("<4Q", 0, 0, 0, 44)
    for kind, data in (
        *((0x02, b""), (0x06, b"\1"), (0x0B, b"\1"), (0x0B, b"\1\1"), (0x0C, b"\1"), (0x10, b"")),
        (0x10, b"\xff" * 16),
    ):
        message = struct.pack("<BHB", kind, len(data), 0) + data
        made = start.ljust(44, b"\0") + b"OHDR\2\0" + bytes([len(message)]) + message
        (tmp_path / "model.h5").write_bytes(made)
        assert {item.rule for item in judge(tmp_path).findings} == {"unreadable-structure"}, (kind, data)


SAMPLES = {
    "model.safetensors": safetensors(ONE),
    "model.gguf": gguf({TEMPLATE: (8, text(b"{{ x }}"))}),
    "model.onnx": external(location="w"),
    "saved_model.pb": saved_model(b"MatMul", library=(b"Relu",)),
    "model.keras": keras(model(layer("Dense"))),
    "model.h5": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "x.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }".ljust(127)
    + b"\n" + bytes(16),
    "tokenizer.model": field(1, field(1, b"a")),
    "x.parquet": b"PAR1" + bytes(20) + b"PAR1",
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_any_damage_gets_a_verdict(name: str, data: Any) -> None:
    content = SAMPLES[name]
    position = data.draw(st.integers(0, len(content)))
    damaged = (
        content[:position]
        + data.draw(st.binary(max_size=8))
        + content[position + data.draw(st.integers(0, 8)) :]
    )
    assert "examiner-failed" not in quick(damaged, name)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.binary(max_size=200))
def test_any_bytes_get_a_verdict(name: str, content: bytes) -> None:
    assert "examiner-failed" not in quick(content, name)
    assert "examiner-failed" not in quick(SAMPLES[name][:12] + content, name)
