"""What the frameworks themselves write: weights and data are safe, objects with code are not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from govkernel.filesafety import Verdict, judge
from tests.filesafety.conftest import rules
from tests.filesafety.payloads import SYSTEM

np = pytest.importorskip("numpy", reason="pip install numpy")


def arrays() -> dict[str, Any]:
    return {
        "float": np.random.default_rng(1).random((3, 4)),
        "fortran": np.asfortranarray(np.ones((3, 4))),
        "objects": np.array([1, "a", None], dtype=object),
        "text": np.array(["aa", "b"]),
        "bytes": np.array([b"aa"]),
        "time": np.array(["2020-01-01"], dtype="M8[D]"),
        "structured": np.zeros(3, dtype=[("a", "f4"), ("b", "i8")]),
        "bool": np.array([True]),
        "empty": np.zeros((0, 3)),
        "nothing": np.float64(1).reshape(()),
    }


@pytest.mark.parametrize("name", arrays())
def test_arrays_are_safe_in_every_wrapping(name: str, tmp_path: Path) -> None:
    value = arrays()[name]
    for protocol in range(6):
        (tmp_path / f"{protocol}.pkl").write_bytes(pickle.dumps({"x": value, "y": value.dtype}, protocol))
    np.save(tmp_path / "x.npy", value, allow_pickle=True)
    np.savez(tmp_path / "x.npz", a=value, b=value)
    np.savez_compressed(tmp_path / "y.npz", a=value)
    assert judge(tmp_path).findings == ()


@pytest.mark.parametrize("name", arrays())
def test_joblib_files_are_safe_and_a_payload_in_them_is_not(name: str, tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib", reason="pip install joblib")
    for compress in (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)):
        joblib.dump({"x": arrays()[name], "y": [1]}, tmp_path / f"{compress}.joblib", compress=compress)
    assert judge(tmp_path).findings == ()
    plain = (tmp_path / "0.joblib").read_bytes()
    (tmp_path / "0.joblib").write_bytes(plain + SYSTEM)
    assert rules(judge(tmp_path)) == {"pickle-global"}


def test_estimators_of_the_list_are_safe_and_others_named(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="pip install scikit-learn")
    joblib = pytest.importorskip("joblib", reason="pip install joblib")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    rows = np.random.default_rng(1).random((20, 3))
    fitted = Pipeline([("s", StandardScaler()), ("l", LogisticRegression())]).fit(rows, rows[:, 0] > 0.5)
    joblib.dump(fitted, tmp_path / "model.joblib")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(fitted, 2))
    assert judge(tmp_path).findings == ()
    joblib.dump(FunctionTransformer(np.log1p), tmp_path / "other.joblib")
    assert {item.detail for item in judge(tmp_path).findings} == {
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        "numpy.log1p",
    }


def tensors() -> dict[str, Any]:
    torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 4)).sum().backward()
    optimizer.step()
    return {
        "state dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "tensor": torch.arange(10),
        "view": torch.arange(10)[2:5],
        "bfloat16": torch.zeros(3, dtype=torch.bfloat16),
        "float8": torch.zeros(3).to(torch.float8_e4m3fn),
        "complex": torch.zeros(2, dtype=torch.complex64),
        "conjugate": torch.zeros(2, dtype=torch.complex64).conj(),
        "sparse": torch.eye(3).to_sparse(),
        "quantized": torch.quantize_per_tensor(torch.randn(3), 0.1, 0, torch.qint8),
        "per channel": torch.quantize_per_channel(
            torch.randn(3, 2), torch.ones(3), torch.zeros(3), 0, torch.qint8
        ),
        "parameter": torch.nn.Parameter(torch.zeros(2)),
        "checkpoint": {
            "epoch": 3,
            "model": model.state_dict(),
            "rate": np.float64(0.1),
            "rows": np.arange(4),
        },
        "scalar": torch.tensor(3.0),
        "empty": torch.zeros(0, 3),
        "size": torch.Size([1, 2]),
        "dtype": torch.float16,
        "meta": torch.zeros(2, device="meta"),
    }


def test_tensors_are_safe_in_both_formats(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
    for name, value in tensors().items():
        torch.save(value, tmp_path / f"{name}.pt")
        torch.save(value, tmp_path / f"{name} 4.bin", pickle_protocol=4)
        torch.save(value, tmp_path / f"{name} old.bin", _use_new_zipfile_serialization=False)
    report = judge(tmp_path)
    assert report.findings == ()
    assert len(report.files) == 3 * len(tensors())


def test_checkpoints_with_the_arguments_of_a_script_are_safe(tmp_path: Path) -> None:
    import argparse
    import datetime
    from decimal import Decimal

    moment = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    for protocol in range(6):
        said = {"args": argparse.Namespace(rate=0.1, layers=[1]), "at": moment, "loss": Decimal("0.1")}
        (tmp_path / f"{protocol}.pkl").write_bytes(pickle.dumps(said, protocol))
    assert judge(tmp_path).findings == ()
    hostile = argparse.Namespace()
    hostile.__dict__["__class__"] = 1
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(hostile))
    assert rules(judge(tmp_path)) == {"pickle-state"}


class Arguments:
    """Like transformers' TrainingArguments: a class that only its own package knows."""


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_modules_programs_and_arguments_are_refused_by_name(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    torch.save(Arguments(), tmp_path / "training_args.bin")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    found = judge(tmp_path)
    by_file = {item.path.split("!")[0]: item for item in found.findings}
    assert by_file["module.pt"].detail == "torch.nn.modules.linear.Linear"
    assert by_file["training_args.bin"].detail.endswith(".Arguments")
    assert "torch-script" in rules(found)
    assert {item.verdict for item in found.findings} == {Verdict.UNSAFE}


def test_a_tensor_that_reaches_out_of_its_storage_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
    torch.save(torch.zeros(77), tmp_path / "x.bin", _use_new_zipfile_serialization=False)
    content = (tmp_path / "x.bin").read_bytes()
    assert content.count(b"KM\x85") == 1  # the shape (77,)
    (tmp_path / "x.bin").write_bytes(content.replace(b"KM\x85", b"KN\x85"))
    assert rules(judge(tmp_path)) == {"torch-storage"}
    (tmp_path / "x.bin").write_bytes(content + b"x")
    assert rules(judge(tmp_path)) == {"torch-storage"}


def test_every_damage_to_a_torch_file_has_a_verdict(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')
    target = tmp_path / "x.pt"
    torch.save({"w": torch.zeros(2)}, target)
    content = target.read_bytes()
    for position in range(0, len(content), 3):
        target.write_bytes(content[:position] + bytes([content[position] ^ 0x5A]) + content[position + 1 :])
        assert "examiner-failed" not in rules(judge(target)), position
        target.write_bytes(content[:position])
        assert judge(target).verdict is not Verdict.SAFE, position


def test_safetensors_of_the_real_library_are_safe(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason='pip install "govkernel[encoder]"')
    library.save_file(
        {"a": np.zeros((2, 3)), "b": np.ones(1, dtype="i4"), "c": np.zeros((0, 4))},
        tmp_path / "model.safetensors",
        metadata={"format": "pt"},
    )
    assert judge(tmp_path).findings == ()
