"""Directories, the command, the evidence it signs, and what policies see of it."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govkernel.domain.predicates import FILE_SAFETY
from govkernel.errors import InputError
from govkernel.filesafety import RULES, Verdict, judge
from govkernel.provenance import check_predicate
from tests.cli.conftest import KEY, Run, approved, model, run, workspace  # noqa: F401 - fixtures
from tests.filesafety.conftest import Judge, rules
from tests.filesafety.payloads import SYSTEM

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "file-safety.md"


def test_the_worst_file_decides(judged: Judge) -> None:
    assert judged({"a.json": b"{}"}).verdict is Verdict.SAFE
    assert judged({"b.pmml": b"<x/>"}).verdict is Verdict.UNKNOWN
    assert judged({"deep/er/c.pkl": SYSTEM}).verdict is Verdict.UNSAFE


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "a.txt").write_text("x")
    (folder / "link.txt").symlink_to("a.txt")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    report = judge(folder)
    assert {(item.path, item.rule) for item in report.findings} == {
        ("link.txt", "link"),
        ("folder", "link"),
        ("pipe", "not-a-file"),
    }
    assert report.verdict is Verdict.UNKNOWN
    assert rules(judge(folder / "link.txt")) == {"link"}


def test_nothing_is_unknown_and_absence_an_error(tmp_path: Path) -> None:
    assert rules(judge(tmp_path)) == {"empty"}
    with pytest.raises(InputError) as caught:
        judge(tmp_path / "absent")
    assert caught.value.code == "filesafety.not-found"


def test_names_that_are_not_text_do_not_break_the_report(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\x1b[31m.pkl")).write_bytes(SYSTEM)
    report = judge(tmp_path)
    assert rules(report) == {"pickle-global"}
    predicate = report.predicate("0" * 64, datetime(2026, 1, 1, tzinfo=UTC))
    check_predicate(FILE_SAFETY, predicate)
    assert "\x1b" not in json.dumps(predicate, ensure_ascii=False)


def test_a_name_that_is_not_text_is_spelled_one_way(run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.pkl")).write_bytes(SYSTEM)
    document = run("scan", str(folder), "--json").json()
    assert document["files"][0]["path"] == document["findings"][0]["path"] == "\N{REPLACEMENT CHARACTER}.pkl"
    json.dumps(document, ensure_ascii=False).encode("utf-8")


def test_a_report_with_many_findings_is_a_valid_predicate(judged: Judge) -> None:
    report = judged({f"{number:03}.pkl": SYSTEM for number in range(120)})
    predicate = report.predicate("0" * 64, datetime(2026, 1, 1, tzinfo=UTC))
    check_predicate(FILE_SAFETY, predicate)
    assert predicate["rules"] == {"pickle-global": 120}
    assert len(predicate["findings"]) == 50


def test_the_page_lists_exactly_the_rules() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    said = {name: meaning for name, meaning in rows if name not in set(Verdict)}
    assert said == {name: rule.meaning for name, rule in RULES.items()}


def test_exit_codes_and_json(run: Run, tmp_path: Path) -> None:  # noqa: F811
    Path("m").mkdir()
    Path("m/config.json").write_text("{}")
    assert run("scan", "m").code == 0
    Path("m/x.pmml").write_text("<x/>")
    assert run("scan", "m").code == 2
    Path("m/x.bin").write_bytes(SYSTEM)
    shown = run("scan", "m")
    assert shown.code == 1
    assert "posix.system" in shown.out
    document = run("scan", "m", "--json").json()
    assert document["verdict"] == "unsafe"
    assert {item["rule"] for item in document["findings"]} == {"pickle-global", "unknown-format"}
    assert run("scan", "absent").code == 2
    assert run("scan", "m", "--attest", "--json").json()["error"]["code"] == "cli.scan-key"


def test_the_outcome_is_signed_evidence_about_what_was_judged(run: Run, approved: Path) -> None:  # noqa: F811
    done = run("scan", "model", "--attest", "--key", KEY, "--json")
    assert done.code == 0
    [bundle] = done.json()["bundles"]
    verified = run("verify", "model", "--bundle", bundle, "--key", ".govkernel/keys/release.pub", "--json")
    assert verified.code == 0, verified.out
    explained = run("trust", "explain", "model", "--json")
    assert FILE_SAFETY in explained.out
    assert run("gate", "model").code == 0


def test_a_claim_about_other_files_is_not_signed(run: Run, model: Path) -> None:  # noqa: F811
    made = run("attest", "model", "--type", "file-safety", "--compute", "--key", KEY, "--json")
    assert made.code == 0
    claim = made.json()["predicate"]
    assert claim["verdict"] == "safe"
    Path("claim.json").write_text(json.dumps({**claim, "checked": {"sha256": "0" * 64}}))
    refused = run(
        "attest", "model", "--type", "file-safety", "--predicate", "claim.json", "--key", KEY, "--json"
    )
    assert refused.json()["error"]["code"] == "filesafety.other-files"


def test_what_cannot_be_read_as_a_whole_is_not_signed(run: Run, model: Path) -> None:  # noqa: F811
    (model / "link").symlink_to("config.json")
    refused = run("scan", "model", "--attest", "--key", KEY, "--json")
    assert refused.code == 2
    assert refused.json()["error"]["code"] == "provenance.symlink"
