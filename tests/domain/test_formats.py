import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain.formats import format_of, formats_of

SAFETENSORS = (2).to_bytes(8, "little") + b"{}"
GGUF = b"GGUF" + (3).to_bytes(4, "little") + (291).to_bytes(8, "little")
EVIL = b"0cos\nsystem\n(S'true'\ntR."
LIKE_SAFETENSORS = b"X\x04\0\0\0\0\0\0{"


@pytest.mark.parametrize(
    ("name", "head", "found"),
    [
        ("model.safetensors", SAFETENSORS, "safetensors"),
        ("model.safetensors", pickle.dumps([1]), "pickle"),
        ("model.safetensors", b"nonsense........", "unknown"),
        ("model.safetensors", None, "safetensors"),
        ("pytorch_model.bin", b"PK\x03\x04", "pickle"),
        ("pytorch_model.bin", None, "pickle"),
        ("weights.bin", GGUF, "gguf"),
        ("weights.bin", b"GGUF....", "pickle"),
        ("weights.bin", b"GGUF\3\0\0\0\0" + EVIL, "pickle"),
        ("weights.pkl", GGUF, "pickle"),
        ("weights.gguf", b"GGUF\3\0\0\0\0" + EVIL, "unknown"),
        ("weights.pkl", LIKE_SAFETENSORS + EVIL, "pickle"),
        ("weights.pkl", b"MZZ" + EVIL, "pickle"),
        ("weights.joblib", b"\x1f\x8b\x08", "pickle"),
        ("weights.pkl.gz", b"\x1f\x8b\x08", "pickle"),
        ("weights.joblib.z", b"x\x9c", "pickle"),
        ("model.pth.tar", None, "pickle"),
        ("weights.pkl.", None, "pickle"),
        ("rows.csv.gz", b"\x1f\x8b\x08", "archive"),
        ("model.tar.gz", b"\x1f\x8b\x08", "archive"),
        ("pytorch_model.bin.index.json", b"{}", "json"),
        ("model.safetensors", b"PK\x03\x04", "pickle"),
        ("weights", b"PK\x03\x04", "pickle"),
        ("weights.dat", b"\x80\x01N" + EVIL, "pickle"),
        ("model.safetensors", EVIL[1:], "pickle"),
        ("weights.dat", pickle.dumps({"a": 1}, 0), "pickle"),
        ("vocab.txt", b"cos\nsin\n", "text"),
        ("model.safetensors", (640).to_bytes(8, "little") + b'{"a":', "safetensors"),
        ("book.xlsx", b"PK\x03\x04", "archive"),
        ("harmless.txt", pickle.dumps({}), "pickle"),
        ("a.keras", b"PK\x03\x04", "keras"),
        ("a.txt", b"PK\x03\x04", "archive"),
        ("a.onnx", b"\x08\x07", "onnx"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "h5"),
        ("config.json", b"{}", "json"),
        ("LICENSE", b"Apache", "text"),
        ("modeling.py", b"import os", "code"),
        ("library", b"\x7fELF", "code"),
        ("strange.xyz", b"\x00\x01", "unknown"),
    ],
)
def test_formats(name: str, head: bytes | None, found: str) -> None:
    assert format_of(name, head) == found


@given(st.text(max_size=20), st.none() | st.binary(max_size=16))
def test_any_file_has_a_format(name: str, head: bytes | None) -> None:
    assert format_of(name, head)


@given(st.integers(2, 5), st.sampled_from(["a.safetensors", "a.json", "a", "a.gguf"]))
def test_a_pickle_with_a_protocol_is_a_pickle_under_any_name(protocol: int, name: str) -> None:
    assert formats_of([(name, pickle.dumps(object, protocol=protocol)[:16])]) == ("pickle",)
