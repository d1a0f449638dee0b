"""Reports name a file that a code review can show, from the root of the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from govkernel.domain import RejectedStatement
from govkernel.gate.formats.github import GithubFormat
from govkernel.gate.formats.json import JsonFormat
from govkernel.gate.formats.junit import JunitFormat
from govkernel.gate.formats.sarif import SarifFormat
from govkernel.gate.places import checkout, placed
from tests.gate.builders import entry, reason, report


def refused(why: str, source: str = "") -> RejectedStatement:
    return RejectedStatement(code="provenance.files-changed", why=why, source=source)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a model of two files and its bundle; the command runs in it."""
    folder = tmp_path / "work" / "models" / "m"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "a; b.bin").write_text("x")
    (folder.parent / "m.sigstore.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


WHY = "The model is not what was signed. "


@pytest.mark.parametrize(
    ("why", "file"),
    [
        (WHY + "changed: config.json", "models/m/config.json"),
        (WHY + "changed: a; b.bin; missing: config.json", "models/m/a; b.bin"),
        (WHY + "missing: gone.bin; extra: config.json; and 3 more files", "models/m/config.json"),
        (WHY + "missing: gone.bin", "models/m.sigstore.json"),
        (WHY + "changed: gone.bin", "models/m.sigstore.json"),
        (WHY + "changed: ../m.sigstore.json; changed: /etc/hosts", "models/m.sigstore.json"),
        ("Nobody signed it.", "models/m.sigstore.json"),
    ],
)
def test_a_folder_is_shown_by_the_file_that_differs_or_by_its_bundle(here: Path, why: str, file: str) -> None:
    about = report(entry(reason(), path="models/m", rejected=(refused(why, "models/m.sigstore.json"),)))
    assert placed(about, {}).entries[0].place == file


def test_a_folder_without_a_bundle_and_what_is_no_folder_keep_their_names(here: Path) -> None:
    for path in ("models/m", "models/m/config.json", "gone", "-", "a\0b"):
        assert placed(report(entry(reason(), path=path)), {}).entries[0].place == path


CI = {
    "GITHUB_WORKSPACE": "GITHUB_ACTIONS",
    "CI_PROJECT_DIR": "GITLAB_CI",
    "BUILDKITE_BUILD_CHECKOUT_PATH": "BUILDKITE",
    "WORKSPACE": "JENKINS_URL",
}


@pytest.mark.parametrize("variable", CI)
def test_names_start_at_the_root_of_the_repository(
    here: Path, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {CI[variable]: "true", variable: str(here)}
    (tmp_path / "link").symlink_to(here)
    monkeypatch.chdir(here / "models")
    for path, file in (
        (str(here / "models" / "m" / "config.json"), "models/m/config.json"),
        (str(tmp_path / "link" / "models" / "m" / "config.json"), "models/m/config.json"),
        ("m/config.json", "models/m/config.json"),
        ("m/../m/config.json", "models/m/config.json"),
        (str(tmp_path / "elsewhere"), str(tmp_path / "elsewhere")),
        ("../..", "../.."),
    ):
        assert placed(report(entry(reason(), path=path)), job).entries[0].place == file
    assert checkout({variable: str(here)}) == ""
    assert checkout({CI[variable]: "true", variable: "relative"}) == ""


def test_formats_that_reviews_read_show_the_file(here: Path) -> None:
    about = report(entry(reason(), path="models/m", rejected=(refused(WHY + "changed: config.json"),)))
    shown = placed(about, {})
    assert "::error file=models/m/config.json,line=1," in GithubFormat().render(shown)
    (result, _) = json.loads(SarifFormat().render(shown))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "models/m/config.json"
    assert 'file="models/m/config.json"' in JunitFormat().render(shown)
    (told,) = json.loads(JsonFormat().render(shown))["entries"]
    assert (told["path"], told["file"]) == ("models/m", "models/m/config.json")
    unplaced = json.loads(SarifFormat().render(about))["runs"][0]["results"][0]
    assert result["partialFingerprints"] == unplaced["partialFingerprints"]
