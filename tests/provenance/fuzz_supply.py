"""Datasets, supply chains, receipts, cards, manifests, repositories and registries, as strangers may write them."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from in_toto.models.layout import Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from govkernel.admission.extractors.workloads import PodExtractor
from govkernel.admission.manifests import read_manifests
from govkernel.admission.review import parse_review, uid_in
from govkernel.domain import strict_json
from govkernel.domain.predicates import DATASET_TREE, MODEL_CARD
from govkernel.errors import GovkernelError
from govkernel.provenance import receipts, trust_update
from govkernel.provenance.dataset_sample import RowHasher, SampleProof, check, prove, row_leaves
from govkernel.provenance.dataset_tree import DatasetTree, Root, Shard, grew, predicate
from govkernel.provenance.layouts import verify_layout
from govkernel.provenance.model_card import model_card
from govkernel.provenance.predicates import check_predicate
from tests.provenance.fuzz_target import Target
from tests.simulators.sigstore import Instance
from tests.simulators.tuf_repository import Repository

PAYLOAD: Final = "application/vnd.in-toto+json"
HEX: Final = "ab" * 32
MEMORY: Final = Path("/dev/shm")
HERE: Final = Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY if MEMORY.is_dir() else None))
atexit.register(shutil.rmtree, HERE, ignore_errors=True)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


ROWS: Final = b'{"a": 1}\n{"a": 2}\n{"a": 3}\n'


def _rows(content: bytes) -> Root:
    hasher = RowHasher()
    for start in range(0, len(content), 7):
        hasher.take(memoryview(content)[start : start + 7])
    return hasher.root()


BEFORE: Final = DatasetTree.of([Shard("a.jsonl", HEX, _rows(ROWS)), Shard("b/c.parquet", HEX)])
GROWN: Final = BEFORE.extended([Shard(f"d-{number}.csv", HEX) for number in range(3)])


def _tree(data: bytes) -> None:
    """What was read is written the same again, and each of its proofs holds."""
    tree = DatasetTree.parse(data)
    assert DatasetTree.parse(tree.document()) == tree
    for shard in tree.shards[:20]:
        check(prove(tree, shard.path), shard.sha256, b"", tree.root)
    assert grew(predicate(tree, tree.first(1))) == tree.first(1).root


def _claim(data: bytes) -> None:
    claim = strict_json.loads(data)
    if isinstance(claim, dict):
        check_predicate(DATASET_TREE, claim)
        grew(claim)


def _proof(data: bytes) -> None:
    sample = SampleProof.parse(data)
    assert SampleProof.parse(strict_json.canonical(sample.document())) == sample
    check(sample, HEX, b'{"a": 2}', GROWN.root)


def _lines(data: bytes) -> None:
    """Rows are the same however the blocks fall."""
    assert _rows(data).size == len(row_leaves(data))


class Chain:
    """A supply chain of one step; what is fed is signed by whose it should be."""

    def __init__(self) -> None:
        owned = ec.generate_private_key(ec.SECP256R1())
        self.owner, self.trainer = CryptoSigner(owned), CryptoSigner.generate_ecdsa()
        self.pem = owned.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        key = self.trainer.public_key
        layout = Layout(keys={key.keyid: {**key.to_dict(), "keyid": key.keyid}})
        layout.set_relative_expiration(days=30)
        step = Step(name="train", pubkeys=[key.keyid])
        step.add_product_rule_from_string("CREATE model/*")
        step.add_product_rule_from_string("DISALLOW *")
        layout.steps = [step]
        link = Link(name="train", products={"model/w.bin": {"sha256": HEX}})
        self.layout, self.link = (Envelope.from_signable(item).payload for item in (layout, link))
        self.links = HERE / "links"
        self.links.mkdir()
        self.put(self.link)

    def put(self, link: bytes) -> None:
        """Make it the link of the step."""
        name = f"train.{self.trainer.public_key.keyid[:8]}.link"
        (self.links / name).write_bytes(self.signed(link, self.trainer))

    def signed(self, payload: bytes, by: CryptoSigner) -> bytes:
        envelope = Envelope(payload=payload, payload_type=PAYLOAD, signatures={})
        envelope.create_signature(by)
        return _json(envelope.to_dict())


CHAIN: Final = Chain()


def _layout(data: bytes) -> None:
    CHAIN.put(CHAIN.link)
    with suppress(GovkernelError):
        verify_layout(data, CHAIN.links, CHAIN.pem)
    verify_layout(CHAIN.signed(data, CHAIN.owner), CHAIN.links, CHAIN.pem)


def _link(data: bytes) -> None:
    CHAIN.put(data)
    verify_layout(CHAIN.signed(CHAIN.layout, CHAIN.owner), CHAIN.links, CHAIN.pem)


KEY: Final = b"k" * receipts.KEY_SIZE
STAMPED: Final = {"path": "a", "sha256": HEX, "head": "00ff", "stamp": ["1", "2", "3", "4", "5"]}
HONEST_RECEIPT: Final = _json([STAMPED])


def _receipt(data: bytes) -> None:
    """Under a true MAC, so that it reaches what reads it; nothing that it says may raise."""
    kept = receipts.Receipts(HERE)
    kept._place(HERE).write_bytes(data + receipts._mac(KEY, HERE, data))
    known = kept._known(HERE, KEY)
    assert known or data != HONEST_RECEIPT


def _card(data: bytes) -> None:
    check_predicate(MODEL_CARD, model_card(data))


CARD: Final = (
    b"---\nlicense: apache-2.0\nrisk_class: minimal\nlanguage: [en, de]\nbase_model: a/b\n"
    b"datasets: [a/c]\ntags: [x]\npipeline_tag: text-generation\nlibrary_name: transformers\n---\n"
    b"# A model\n\n## Intended use\n\nGreeting.\n\n## Limitations\n\nIt only greets.\n"
)

POD: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "labels": {"govkernel.dev/risk": "minimal"}},
    "spec": {
        "containers": [
            {
                "name": "s",
                "image": "vllm/vllm-openai:v1",
                "args": ["--model", "a/b", "--revision", "c" * 40],
                "env": [{"name": "HF_MODEL", "value": "a/b"}],
            }
        ],
        "volumes": [{"name": "m", "image": {"reference": f"r.example/m@sha256:{HEX}"}}],
    },
}
REVIEW: Final = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "u-1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "a",
        "namespace": "n",
        "operation": "CREATE",
        "userInfo": {"username": "u", "groups": ["g"]},
        "object": POD,
        "oldObject": None,
    },
}
YAML: Final = (
    b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n    spec:\n"
    b"      containers:\n        - name: s\n          image: vllm/vllm-openai:v1\n"
    b"          args: [--model, a/b]\n---\nkind: List\nitems:\n  - {kind: Pod, metadata: {name: p}}\n"
)


def _manifest(data: bytes) -> None:
    """Everything that a file of manifests goes through before a policy sees it."""
    path = HERE / "manifest.yaml"
    path.write_bytes(data)
    for item in read_manifests([path]):
        assert item.line_of("spec.containers[0].args[1]") >= 1
        PodExtractor().extract(item.manifest)


def _review(data: bytes) -> None:
    uid_in(data)
    review = parse_review(data)
    PodExtractor().extract(review.object or {})


REPOSITORY: Final = Repository(Instance().trusted_root())
SERVED: Final = sorted(REPOSITORY.files)


class Serving(FetcherInterface):
    """Files from memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix("http://localhost/r/")
        if name not in self._files:
            raise DownloadHTTPError("not found", 404)
        return iter([self._files[name]])

    def close(self) -> None:
        """Nothing is open."""


def _repository(data: bytes) -> None:
    """A TUF repository one of whose files, by the first byte, is what is fed; or the root to start from."""
    number, content = (data[0] if data else 0) % (len(SERVED) + 1), data[1:]
    files = dict(REPOSITORY.files)
    initial = files["1.root.json"]
    if number < len(SERVED):
        files[SERVED[number]] = content
    else:
        initial = content
    with tempfile.TemporaryDirectory(dir=HERE) as folder, serving(files):
        root = Path(folder, "root.json")
        root.write_bytes(initial)
        trust_update.update_trusted_root("http://localhost/r", root, Path(folder, "s"), Path(folder, "t"))


def serving(files: dict[str, bytes]) -> Any:
    """Files from memory instead of a network."""
    return mock.patch.object(trust_update, "_fetcher", lambda _: Serving(files))


TARGETS: Final = {
    "dataset-tree": Target(_tree, [GROWN.document(), BEFORE.document()]),
    "dataset-claim": Target(_claim, [_json(predicate(GROWN, BEFORE)), _json(predicate(BEFORE))]),
    "dataset-proof": Target(
        _proof,
        [
            strict_json.canonical(prove(GROWN, "d-1.csv").document()),
            strict_json.canonical(prove(GROWN, "a.jsonl", (1, row_leaves(ROWS))).document()),
        ],
    ),
    "dataset-rows": Target(_lines, [ROWS, ROWS[:-1], b"\n\na\r\n"]),
    "layout": Target(_layout, [CHAIN.layout, CHAIN.signed(CHAIN.layout, CHAIN.owner)]),
    "layout-link": Target(_link, [CHAIN.link]),
    "receipt": Target(_receipt, [HONEST_RECEIPT, b"[]"]),
    "model-card": Target(_card, [CARD]),
    "manifest": Target(_manifest, [YAML, _json(POD), _json(REVIEW)]),
    "review": Target(_review, [_json(REVIEW)]),
    "trust-repository": Target(
        _repository,
        [bytes([number]) + REPOSITORY.files[name] for number, name in enumerate(SERVED)]
        + [bytes([len(SERVED)]) + REPOSITORY.initial],
    ),
}
