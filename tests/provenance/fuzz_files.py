"""Files of an artifact, as ``scan`` judges them: each under a name that its first byte chooses."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from typing import Final

from govkernel.filesafety.budget import Budget, Limits
from govkernel.filesafety.dispatch import examine
from govkernel.filesafety.interface import Place
from govkernel.filesafety.source import BytesSource
from tests.filesafety.pictures import PICTURES
from tests.filesafety.test_weights import (
    ONE,
    TEMPLATE,
    field,
    gguf,
    keras,
    layer,
    model,
    safetensors,
    saved_model,
    text,
)
from tests.filesafety.test_weights import hdf5 as h5
from tests.provenance.fuzz_target import Target

LIMITS: Final = Limits(unpacked=1 << 22, free=1 << 20, members=1000, opcodes=100_000, held=10_000)

PLAIN: Final = {"a": [1, 2.5, None, True], "b": ("c", b"d"), "e": {1: {2}}}
TENSOR: Final = (
    b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
    b"X\x01\0\0\0000X\x03\0\0\0cpuK\x02tQK\0K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs."
)
"""A state dict with one tensor of two floats, as torch.save writes it."""
ARRAY: Final = (
    b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x08\x00\x00\x00subclasscnumpy\nndarray\n"
    b"X\x05\x00\x00\x00shapeK\x02\x85X\x05\x00\x00\x00orderX\x01\x00\x00\x00CX\x05\x00\x00\x00dtype"
    b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b"X\x0a\x00\x00\x00allow_mmap\x88ub\x01\x02."
)
"""An array of two bytes, as joblib writes it."""


def numpy_header(shape: str, kind: str) -> bytes:
    said = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00v\x00" + said.ljust(117) + b"\n"


NUMBERS: Final = numpy_header("(2,)", "<f4") + bytes(8)
OBJECTS: Final = numpy_header("(1,)", "|O") + pickle.dumps([None], 4)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def hdf5() -> bytes:
    """An HDF5 file with a model's description; only its first bytes where h5py is not installed."""
    if find_spec("h5py") is None:
        return b"\x89HDF\r\n\x1a\n" + bytes(200)
    return h5(model_config=model(layer("Dense")).decode())


def tables() -> tuple[bytes, bytes]:
    """Parquet and Arrow; of pyarrow's own making where it is installed."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        return b"PAR1" + bytes(20) + b"PAR1", b"ARROW1\0\0" + bytes(20) + b"ARROW1"
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    rows, batches = io.BytesIO(), io.BytesIO()
    parquet.write_table(table, rows)
    with pa.ipc.new_file(batches, table.schema) as writer:
        writer.write_table(table)
    return rows.getvalue(), batches.getvalue()


TORCH: Final = zipped(
    {"a/data.pkl": TENSOR, "a/byteorder": b"little", "a/data/0": bytes(8), "a/version": b"3\n"}
)
SKOPS: Final = zipped(
    {
        "schema.json": json.dumps(
            {
                "__class__": "dict",
                "__module__": "builtins",
                "__loader__": "DictNode",
                "content": {},
                "key_types": {
                    "__class__": "list",
                    "__module__": "builtins",
                    "__loader__": "ListNode",
                    "content": [],
                },
            }
        ).encode()
    }
)
CONFIG: Final = json.dumps({"model_type": "x", "architectures": ["X"], "hidden_size": 8}).encode()
TOKENIZER: Final = json.dumps(
    {
        "version": "1.0",
        "added_tokens": [{"id": 0, "content": "<s>", "special": True}],
        "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
        "chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}",
    }
).encode()
INDEX: Final = json.dumps(
    {"metadata": {"total_size": 8}, "weight_map": {"w": "model-00001-of-00001.safetensors"}}
).encode()
GRAPH: Final = field(1, 7) + field(7, field(1, field(4, b"Add")) + field(5, field(2, 1) + field(9, bytes(4))))
PARQUET, ARROW = tables()
FILES: Final = {"a.json": CONFIG, "b/c.txt": b"Hello.\n", "d.npy": NUMBERS, "e.pkl": pickle.dumps(PLAIN, 2)}

KINDS: Final[Mapping[str, Mapping[str, bytes]]] = {
    "model-file": {
        "a.safetensors": safetensors({**ONE, "__metadata__": {"format": "pt"}}),
        "a.gguf": gguf({TEMPLATE: (8, text(b"{{ x }}")), b"general.name": (8, text(b"tiny"))}),
        "a.onnx": GRAPH,
        "a.h5": hdf5(),
        "a.keras": keras(model(layer("Dense"))),
        "a.npy": NUMBERS,
        "saved_model.pb": saved_model(b"MatMul", library=(b"Relu",)),
        "tokenizer.model": field(1, field(1, b"a")),
        "a.parquet": PARQUET,
        "a.arrow": ARROW,
    },
    "pickle-file": {
        "a.pkl": pickle.dumps(PLAIN, 4),
        "b.pkl": pickle.dumps(PLAIN, 0),
        "a.pt": TORCH,
        "a.bin": pickle.dumps(PLAIN, 2),
        "a.joblib": ARRAY,
        "b.npy": OBJECTS,
        "a.ckpt": TORCH,
        "a.txt.bin": pickle.dumps(PLAIN, 5),
    },
    "archive-file": {
        "a.zip": zipped(FILES, zipfile.ZIP_DEFLATED),
        "a.npz": zipped({"a.npy": NUMBERS, "b.npy": OBJECTS}),
        "a.skops": SKOPS,
        "a.tar": tarred(FILES),
        "a.tar.gz": gzip.compress(tarred(FILES), mtime=0),
        "a.pkl.gz": gzip.compress(pickle.dumps(PLAIN), mtime=0),
        "a.pkl.xz": lzma.compress(pickle.dumps(PLAIN)),
        "a.pkl.z": zlib.compress(pickle.dumps(PLAIN)),
    },
    "picture-file": PICTURES,
    "text-file": {
        "config.json": CONFIG,
        "tokenizer.json": TOKENIZER,
        "model.safetensors.index.json": INDEX,
        "modules.json": b'[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]',
        "a.jinja": b"{% for m in messages %}{{ m['content'] | trim }}{% endfor %}",
        "a.yaml": b"a: [1, b, {c: d}]\nchat_template: '{{ a }}'\n",
        "a.jsonl": b'{"a": 1}\n{"a": 2}\n',
        "a.csv": b"a,b\n1,2\n",
        "README.md": b"---\nlicense: mit\n---\n# A model\n",
        "vocab.txt": b"a\nb\n",
    },
}
"""An honest file by the name it has, by target."""


def judged(target: str, data: bytes) -> list[str]:
    """The rules that a file breaks; its name is chosen by the first byte.

    Raises:
        RuntimeError: an examiner failed, which is a finding for the fuzzer too.
    """
    names = list(KINDS[target])
    name = names[data[0] % len(names)] if data else names[0]
    beside = {"model-00001-of-00001.safetensors": 8}
    findings = list(examine(BytesSource(data[1:]), Place(name, name, Budget(LIMITS), examine, beside)))
    for finding in findings:
        if finding.rule == "examiner-failed":
            raise RuntimeError(f"{name}: {finding.detail}")
    return [finding.rule for finding in findings]


TARGETS: Final = {
    target: Target(
        partial(judged, target), [bytes([number]) + body for number, body in enumerate(files.values())]
    )
    for target, files in KINDS.items()
}
