"""An evaluation is computed, deterministic, and a predicate that verifies as one."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govkernel.domain.predicates import EVALUATION_RESULT
from govkernel.errors import GovkernelError
from govkernel.provenance import check_predicate

torch = pytest.importorskip("torch", reason='pip install "govkernel[encoder]"')

from runtime_guard.encoder.evaluate import THRESHOLD, evaluate  # noqa: E402

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SUITE = EXAMPLES / "evaluation" / "retrieval.jsonl"
TINY_SUITE = [
    {"id": "1", "domain": "a", "question": "who signed this model", "passage": "the release key did"},
    {"id": "2", "domain": "b", "question": "why is it slow", "passage": "it is on a cpu"},
]


def numbers(claim: dict) -> dict[str, dict]:
    return {metric["name"]: metric for metric in claim["metrics"]}


def write_suite(folder: Path, *rows: object) -> Path:
    path = folder / "suite.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def save(path: Path, **tensors: object) -> Path:
    from safetensors.torch import save_file

    save_file(tensors, path)
    return path


def test_minilm_passes_the_example_suite(minilm: Path) -> None:
    claim = evaluate(minilm, SUITE, now=NOW)
    check_predicate(EVALUATION_RESULT, claim)
    found = numbers(claim)
    assert claim["suite"]["name"] == "retrieval"
    assert claim["threshold"] == THRESHOLD == 0.8
    assert claim["passed"] is True and claim["score"] >= THRESHOLD
    assert claim["finishedOn"] == "2026-03-01T00:00:00Z"
    assert found["pairs"]["value"] == 60
    for name in ("accuracy@1", "mean reciprocal rank"):
        assert 0 < found[name]["lower"] <= found[name]["value"] <= found[name]["upper"] <= 1
    assert found["accuracy@1"]["value"] == claim["score"]
    domains = [metric["value"] for name, metric in found.items() if name.startswith("accuracy@1 ")]
    assert sum(domains) / len(domains) == pytest.approx(claim["score"])


def test_a_random_model_fails_and_the_same_inputs_give_the_same_claim(tiny: Path) -> None:
    claim = evaluate(tiny, SUITE, now=NOW)
    check_predicate(EVALUATION_RESULT, claim)
    assert claim["passed"] is False and claim["score"] < 0.5
    assert evaluate(tiny, SUITE, now=NOW) == claim
    other = evaluate(tiny, SUITE, now=NOW, seed=1)
    assert other["score"] == claim["score"]
    assert other["seed"] == 1


def test_the_claim_binds_the_suites_bytes(tiny: Path, tmp_path: Path) -> None:
    first = evaluate(tiny, write_suite(tmp_path, *TINY_SUITE), now=NOW)
    second = evaluate(tiny, write_suite(tmp_path, *reversed(TINY_SUITE)), now=NOW)
    assert first["suite"]["digest"] != second["suite"]["digest"]


def test_a_model_that_answers_everything_alike_finds_nothing(tiny: Path) -> None:
    from safetensors.torch import load_file

    flat = {name: torch.zeros_like(tensor) for name, tensor in load_file(tiny / "model.safetensors").items()}
    flat["encoder.layer.1.output.LayerNorm.bias"] += 1.0
    save(tiny / "model.safetensors", **flat)
    claim = evaluate(tiny, SUITE, now=NOW)
    assert claim["score"] == 0.0
    assert numbers(claim)["mean reciprocal rank"]["value"] == pytest.approx(1 / 60, abs=1e-6)


@pytest.mark.parametrize("suite", [None, SUITE])
def test_weights_of_any_other_model_are_checked_for_sanity(tmp_path: Path, suite: Path | None) -> None:
    save(tmp_path / "a.safetensors", w=torch.ones(3), ids=torch.tensor([1, 2]))
    (tmp_path / "sub").mkdir()
    save(tmp_path / "sub" / "b.safetensors", half=torch.ones(2, dtype=torch.bfloat16))
    claim = evaluate(tmp_path, suite, now=NOW)
    check_predicate(EVALUATION_RESULT, claim)
    assert claim["suite"]["name"] == "weights-sanity"
    assert (claim["score"], claim["passed"]) == (1.0, True)
    assert numbers(claim)["tensors"]["value"] == 3


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "float8_e5m2", "complex64"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_value_that_is_not_finite_fails(tmp_path: Path, dtype: str, bad: float) -> None:
    values = torch.zeros(1000)
    values[613] = bad
    save(tmp_path / "m.safetensors", good=torch.ones(1), bad=values.to(getattr(torch, dtype)))
    claim = evaluate(tmp_path, None, now=NOW)
    assert (claim["score"], claim["passed"]) == (0.5, False)


def test_one_bad_tensor_among_very_many_still_fails() -> None:
    from runtime_guard.encoder.evaluate import _sanity
    from runtime_guard.encoder.weights import Sanity

    claim = _sanity(Sanity(files=1, tensors=10_000_000, broken=(), not_finite=1))
    assert claim["score"] == 1.0  # rounded
    assert claim["passed"] is False


def test_a_file_that_does_not_parse_fails(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", w=torch.ones(3))
    content = (tmp_path / "a.safetensors").read_bytes()
    for cut in (0, 4, 8, 20, len(content) - 1):
        (tmp_path / "b.safetensors").write_bytes(content[:cut])
        claim = evaluate(tmp_path, None, now=NOW)
        assert (claim["score"], claim["passed"]) == (0.5, False)
        assert numbers(claim)["files that do not parse"]["value"] == 1


def test_a_single_file_is_checked_too(tmp_path: Path) -> None:
    assert evaluate(save(tmp_path / "m.safetensors", w=torch.ones(1)), None, now=NOW)["passed"]


@pytest.mark.parametrize("content", [None, "pytorch_model.bin"])
def test_weights_that_cannot_be_read_safely_are_not_judged(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / content).write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(GovkernelError) as caught:
        evaluate(tmp_path, None, now=NOW)
    assert caught.value.code == "evaluation.no-weights"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        TINY_SUITE[:1],
        [*TINY_SUITE, TINY_SUITE[0]],
        [*TINY_SUITE, {**TINY_SUITE[0], "id": "3"}],
        [*TINY_SUITE, {"id": "3", "question": "x"}],
        [*TINY_SUITE, {**TINY_SUITE[0], "id": "3", "passage": "new", "extra": 1}],
        [*TINY_SUITE, {"id": "3", "question": "", "passage": "new"}],
        [*TINY_SUITE, {"id": "3", "question": "x" * 9000, "passage": "new"}],
        [*TINY_SUITE, ["not", "an", "object"]],
    ],
)
def test_a_suite_that_is_none_is_refused(tiny: Path, tmp_path: Path, rows: list[object]) -> None:
    with pytest.raises(GovkernelError) as caught:
        evaluate(tiny, write_suite(tmp_path, *rows), now=NOW)
    assert caught.value.code == "evaluation.suite-malformed"


def test_a_suite_that_is_not_there_is_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(GovkernelError) as caught:
        evaluate(tiny, tmp_path / "absent.jsonl", now=NOW)
    assert caught.value.code == "evaluation.suite-unreadable"


def test_without_the_extra_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from govkernel.errors import ConfigError\n"
        "try: import runtime_guard.encoder.evaluate\n"
        "except ConfigError as error: print(error.code, error.remedy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("encoder.not-installed")
    assert "govkernel[encoder]" in done.stdout


def test_the_example_suite_is_well_made() -> None:
    rows = [json.loads(line) for line in SUITE.read_text().splitlines()]
    assert len(rows) == 60
    assert len({row["domain"] for row in rows}) == 6
    assert len({row["question"] for row in rows}) == 60


def test_the_clean_dataset_is_clean_and_the_other_is_not() -> None:
    scan = pytest.importorskip("runtime_guard.scan")
    clean = scan.scan_path(EXAMPLES / "datasets" / "support-tickets.jsonl", now=NOW).predicate()
    assert (clean["records"], clean["findings"], clean["complete"]) == (264, 0, True)
    dirty = scan.scan_path(EXAMPLES / "datasets" / "support-tickets-with-pii.jsonl", now=NOW).predicate()
    assert dirty["records"] == 60
    assert {"EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD"} <= set(dirty["entityTypes"])
