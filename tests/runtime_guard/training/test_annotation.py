"""Annotations of the sources, brought to one convention; what they leave out is doubtful."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from runtime_guard.encoder.config import EncoderConfig
from runtime_guard.encoder.encoder import word_pieces
from runtime_guard.encoder.guard import CONFIG, VOCABULARY
from runtime_guard.training.annotation import ALL, conventional
from runtime_guard.training.samples import NO_TAG, PII_FILES, read_tagged, tag_samples
from runtime_guard.training.spans import counted
from runtime_guard.training.tagged import Tagged


def read(marked: str, source: str = "WNUT17") -> tuple[list[str], list[str]]:
    """Values and doubtful places of a text in which ``[value|TYPE]`` is annotated."""
    text, spans = "", []
    for number, part in enumerate(marked.replace("]", "[").split("[")):
        value, _, entity = part.partition("|") if number % 2 else (part, "", "")
        if entity:
            spans.append((len(text), len(text) + len(value), entity))
        text += value
    kept, doubtful = conventional(text, spans, source)
    return [f"{text[a:b]}|{entity}" for a, b, entity in kept], [text[a:b] for a, b in doubtful]


@pytest.mark.parametrize(
    ("marked", "kept"),
    [
        ("[Dr. Ann Lee|PERSON] left", ["Ann Lee|PERSON"]),
        ("[Mr Lee|PERSON] left", ["Lee|PERSON"]),
        ("[Mr . Lee|PERSON] left", ["Lee|PERSON"]),
        ("[Missy|PERSON] left", ["Missy|PERSON"]),
        ("met [Ann's|PERSON] dog", ["Ann|PERSON"]),
        ("met [Ann ' s|PERSON] dog", ["Ann|PERSON"]),
        ("met [Ann.|PERSON]", ["Ann|PERSON"]),
        ("met [Ann B.|PERSON]", ["Ann B.|PERSON"]),
        ("[the bengals|ORGANIZATION] won", ["bengals|ORGANIZATION"]),
        ("[The Hague|LOCATION] is wet", ["The Hague|LOCATION"]),
        ("in [#Denver|LOCATION] today", ["Denver|LOCATION"]),
        ("in [U.S.|LOCATION] law", ["U.S.|LOCATION"]),
        ("at [12 Elm St, Salem, OR 97301|LOCATION].", ["12 Elm St, Salem, OR 97301|LOCATION"]),
    ],
)
def test_spans_follow_the_convention(marked: str, kept: list[str]) -> None:
    assert read(marked)[0] == kept


@pytest.mark.parametrize(
    ("marked", "source", "doubtful"),
    [
        ("RT @[annlee|PERSON] hi", "WNUT17", ["annlee"]),
        ("RT @ [annlee|PERSON] hi", "WNUT17", ["annlee"]),
        ("The [Bank|ORGANIZATION] pays", "SEC-filings", ["Bank"]),
        ("[Vringo|ORGANIZATION] , Inc . pays", "SEC-filings", [" , Inc ."]),
        ("id [RG9yb3RoeQ==|PERSON] here", "pii-anon-eval-data", ["RG9yb3RoeQ=="]),
        ("[Mr.|PERSON] Lee", "presidio-research", ["Mr."]),
        ("[Ann Lee|PERSON] came in May 2024. Then Ann left", "pii-anon-eval-data", ["May 2024", "Ann"]),
        ("[Ann Lee|PERSON] <ann@lee.org> of Illinois", "pii-anon-eval-data", ["Illinois"]),
        (
            "a 31-year-old seen at Mercy Medical Center",
            "pii-anon-eval-data",
            ["31-year-old", "Mercy Medical Center"],
        ),
        ("came in May 2024", "WNUT17", []),
    ],
)
def test_what_is_doubtful(marked: str, source: str, doubtful: list[str]) -> None:
    assert read(marked, source)[1] == doubtful


def test_what_is_doubtful_is_neither_right_nor_wrong() -> None:
    truth = Tagged("Ann and Bob", ((0, 3, "PERSON"),), frozenset({"PERSON"}), "a", doubtful=((8, 11),))
    counts = counted([truth], [[(0, 3, "PERSON"), (8, 11, "PERSON"), (4, 7, "NRP")]])["a"]
    assert counts.f1() == 1.0
    assert counted([truth], [[(0, 3, "PERSON"), (4, 7, "PERSON")]])["a"].f1() == pytest.approx(2 / 3)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    folder = files("runtime_guard").joinpath("models", "encoder")
    config = json.loads(folder.joinpath(CONFIG).read_text(encoding="utf-8"))["encoder"]
    vocabulary = folder.joinpath(VOCABULARY).read_text(encoding="utf-8")
    made = word_pieces(vocabulary, EncoderConfig.model_validate(config))
    made.no_truncation()
    return made


def test_what_is_doubtful_is_not_taught(tokenizer: Tokenizer) -> None:
    item = Tagged("ann met bob", ((0, 3, "PERSON"),), ALL, "a", doubtful=((8, 11),))
    (sample,) = tag_samples([item], tokenizer)
    assert [tag == NO_TAG for tag in sample.tags] == [True, False, False, True, True]


def test_what_a_source_does_not_annotate_is_silent(tmp_path: Path, tokenizer: Tokenizer) -> None:
    for name in PII_FILES:
        (tmp_path / f"{name}.jsonl").write_text("", encoding="utf-8")
    row = {"id": "1", "text": "follow up with Ann in 2 months", "spans": [], "source": "presidio-research"}
    packed = gzip.compress((json.dumps(row) + "\n").encode())
    (tmp_path / "pii_wnut17.jsonl").unlink()
    (tmp_path / "pii_wnut17.jsonl.gz").write_bytes(packed)
    (item,) = read_tagged(tmp_path)
    assert item.annotated == {"PERSON", "LOCATION", "ORGANIZATION"}
    assert len(next(iter(tag_samples([item], tokenizer))).silent) == 6
