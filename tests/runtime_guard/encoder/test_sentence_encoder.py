"""Embeddings equal those of the reference implementation; a directory that lies is refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.errors import ConfigError
from tests.runtime_guard.encoder.conftest import write_tiny

torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')

from runtime_guard.encoder.config import EncoderConfig, is_bert  # noqa: E402
from runtime_guard.encoder.encoder import SentenceEncoder  # noqa: E402

TEXTS = [
    "Who signed this model?",
    "",
    "Ünïcödé, 漢字, 🙂 — can't stop; 1,234.5!",
    "The release key did. " * 120,
    "a",
]
PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FIRST_EIGHT = [0.022829, 0.027889, 0.016872, 0.017472, -0.044021, -0.034868, 0.06033, 0.011574]
"""Of "Sign what you ship.", computed with sentence-transformers 6.2 and this encoder alike."""


def test_the_weights_are_those_upstream_published(minilm: Path) -> None:
    with (minilm / "model.safetensors").open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == PUBLISHED


def test_embeddings_equal_the_stored_reference(minilm: Path) -> None:
    vector = SentenceEncoder.load(minilm).encode(["Sign what you ship."])[0]
    assert vector[:8].tolist() == pytest.approx(FIRST_EIGHT, abs=1e-4)


def test_embeddings_equal_those_of_sentence_transformers(minilm: Path) -> None:
    reference = pytest.importorskip("sentence_transformers", reason="pip install sentence-transformers")
    expected = torch.tensor(reference.SentenceTransformer(str(minilm), device="cpu").encode(TEXTS))
    assert torch.allclose(SentenceEncoder.load(minilm).encode(TEXTS), expected, atol=1e-4)


@pytest.mark.parametrize("act", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_any_bert_shape_equals_transformers(tmp_path: Path, act: str) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    folder = write_tiny(tmp_path / "tiny", hidden_act=act)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    ids = torch.tensor([[2, 4, 5, 6, 7, 3]])  # [CLS] who signed this model [SEP]
    with torch.inference_mode():
        first = model(input_ids=ids).last_hidden_state[:, 0]
    expected = torch.nn.functional.normalize(first, dim=-1)
    assert torch.allclose(SentenceEncoder.load(folder).encode(["who signed this model"]), expected, atol=1e-5)


def test_vocab_txt_and_tokenizer_json_agree(minilm: Path, tmp_path: Path) -> None:
    for source in minilm.rglob("*"):
        if source.is_file() and source.name != "tokenizer.json":
            target = tmp_path / source.relative_to(minilm)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(source)
    pair = [SentenceEncoder.load(folder).encode(TEXTS) for folder in (minilm, tmp_path)]
    assert torch.equal(*pair)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=80))
def test_embeddings_are_unit_length_and_do_not_depend_on_their_neighbours(texts: list[str]) -> None:
    encoder = _shared()
    together = encoder.encode(texts)
    assert together.shape == (len(texts), encoder.dimension)
    assert torch.allclose(together.norm(dim=-1), torch.ones(len(texts)), atol=1e-5)
    assert torch.allclose(together[-1], encoder.encode(texts[-1:])[0], atol=1e-5)


def test_no_text_no_embedding(tiny: Path) -> None:
    assert SentenceEncoder.load(tiny).encode([]).shape == (0, 12)


def test_texts_are_cut_at_the_models_length(tiny: Path) -> None:
    (tiny / "sentence_bert_config.json").write_text('{"max_seq_length": 8}')
    encoder = SentenceEncoder.load(tiny)
    long, cut = encoder.encode(
        ["who signed this model the release key did", "who signed this model the release"]
    )
    assert torch.allclose(long, cut, atol=1e-6)
    assert not torch.allclose(long, encoder.encode(["who signed this"])[0], atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "llama"},
        {"hidden_size": 13},
        {"hidden_size": 10**9},
        {"num_hidden_layers": 0},
        {"hidden_act": "mystery"},
        {"position_embedding_type": "relative_key"},
        {"max_position_embeddings": 2},
        {"layer_norm_eps": "x"},
    ],
)
def test_a_configuration_of_another_shape_is_refused(tiny: Path, change: dict[str, object]) -> None:
    config = json.loads((tiny / "config.json").read_text()) | change
    (tiny / "config.json").write_text(json.dumps(config))
    assert _refusal(tiny) == "encoder.config"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("config.json", b"[]", "encoder.config"),
        ("config.json", b"{", "encoder.config"),
        ("config.json", b"[" * 100_000, "encoder.config"),
        ("config.json", b" " * (2 << 20), "encoder.config"),
        ("config.json", None, "encoder.config"),
        ("model.safetensors", b"not safetensors", "encoder.weights"),
        ("model.safetensors", b"", "encoder.weights"),
        ("model.safetensors", None, "encoder.weights"),
        ("vocab.txt", None, "encoder.tokenizer"),
        ("vocab.txt", b"\xff", "encoder.tokenizer"),
        ("vocab.txt", b"a\nb\n", "encoder.tokenizer"),
        (
            "vocab.txt",
            b"\n".join(b"w%d" % n for n in range(99)) + b"\n[CLS]\n[SEP]\n[UNK]\n",
            "encoder.tokenizer",
        ),
        ("tokenizer.json", b"{}", "encoder.tokenizer"),
    ],
)
def test_a_file_that_is_broken_or_missing_is_refused(
    tiny: Path, name: str, content: bytes | None, code: str
) -> None:
    (tiny / name).unlink(missing_ok=True)
    if content is not None:
        (tiny / name).write_bytes(content)
    assert _refusal(tiny) == code


@pytest.mark.parametrize("change", [{"num_hidden_layers": 3}, {"intermediate_size": 21}, {"hidden_size": 15}])
def test_weights_that_do_not_fit_the_configuration_are_refused(tiny: Path, change: dict[str, int]) -> None:
    config = json.loads((tiny / "config.json").read_text()) | change
    (tiny / "config.json").write_text(json.dumps(config))
    assert _refusal(tiny) == "encoder.weights"


def test_a_checkpoint_with_a_prefix_loads_the_same(tiny: Path) -> None:
    from safetensors.torch import load_file, save_file

    before = SentenceEncoder.load(tiny).encode(["who"])
    tensors = load_file(tiny / "model.safetensors")
    save_file({f"bert.{name}": tensor for name, tensor in tensors.items()}, tiny / "model.safetensors")
    assert torch.equal(SentenceEncoder.load(tiny).encode(["who"]), before)


def test_only_what_says_so_is_bert(tiny: Path, tmp_path: Path) -> None:
    assert is_bert(tiny)
    assert not is_bert(tmp_path / "absent")
    (tiny / "config.json").write_text('{"model_type": "llama"}')
    assert not is_bert(tiny)


def test_the_configuration_is_read_from_all_its_files(minilm: Path) -> None:
    config = EncoderConfig.load(minilm)
    assert (config.hidden_size, config.num_hidden_layers, config.max_tokens) == (384, 6, 256)
    assert config.pooling == "mean"


def test_encoding_needs_neither_transformers_nor_pickle(minilm: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from runtime_guard.encoder.encoder import SentenceEncoder;"
        f"SentenceEncoder.load(Path({str(minilm)!r})).encode(['x']);"
        "print([name for name in ('transformers', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        SentenceEncoder.load(folder)
    assert caught.value.remedy
    return caught.value.code


_made: dict[str, SentenceEncoder] = {}


def _shared() -> SentenceEncoder:
    """One tiny encoder for all examples of a property."""
    if not _made:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            _made["it"] = SentenceEncoder.load(write_tiny(Path(folder) / "tiny"))
    return _made["it"]
