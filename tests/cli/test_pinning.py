"""verify --pin, --exec and --receipts: what was verified is what is used, and nothing starts on a refusal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, PUBLIC_KEY, Run

BUNDLE = "model.sigstore.json"
VERIFY = ("verify", "model", "--bundle", BUNDLE, "--key", PUBLIC_KEY)


@pytest.fixture
def signed(run: Run, model: Path) -> Path:
    assert run("sign", "model", "model", "--key", KEY).code == 0
    return model


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


def test_a_verified_artifact_is_pinned(run: Run, signed: Path) -> None:
    done = run(*VERIFY, "--pin", "pinned", "--json")
    assert done.code == 0
    assert done.json()["pinned"] == str(Path("pinned"))
    assert {path.name for path in Path("pinned").iterdir()} == {"model.safetensors", "config.json"}
    assert (Path("pinned") / "config.json").read_bytes() == (signed / "config.json").read_bytes()
    assert run(*VERIFY, "--pin", "pinned").code == 0


def test_a_bundle_inside_the_folder_is_not_pinned(run: Run, signed: Path) -> None:
    Path(BUNDLE).rename(signed / "extra.json")
    bundle = ("--bundle", "model/extra.json", "--key", PUBLIC_KEY)
    assert run("verify", "model", *bundle, "--pin", "pinned").code == 0
    assert {path.name for path in Path("pinned").iterdir()} == {"model.safetensors", "config.json"}


def test_nothing_is_pinned_on_a_refusal(run: Run, signed: Path) -> None:
    (signed / "config.json").write_text("{}")
    before = sorted(Path().iterdir())
    refused = run(*VERIFY, "--pin", "pinned", "--json")
    assert refused.code == 1
    assert refused.json()["code"] == "provenance.files-changed"
    assert "govkernel-pin" not in refused.out
    assert sorted(Path().iterdir()) == before


def test_the_trust_policy_decides_about_a_copy_too(run: Run, signed: Path) -> None:
    assert run("verify", "model", "--bundle", BUNDLE, "--pin", "pinned").code == 0
    assert Path("pinned").is_dir()


SHOW = """
import os, sys
path = os.environ["GOVKERNEL_VERIFIED_PATH"]
open("shown", "w").write("\\n".join([path, *sys.argv[1:], *sorted(os.listdir(path))]))
sys.exit(7)
"""


def test_the_command_gets_the_copy_and_its_status_is_passed_on(
    run: Run, signed: Path, temporary: Path
) -> None:
    done = run(*VERIFY, "--exec", "--", sys.executable, "-c", SHOW, "{}", "x={}")
    assert done.code == 7
    path, *rest = Path("shown").read_text().splitlines()
    assert Path(path).is_relative_to(temporary)
    assert rest == [path, f"x={path}", "config.json", "model.safetensors"]
    assert list(temporary.iterdir()) == []


def test_exec_on_a_pinned_copy(run: Run, signed: Path) -> None:
    code = "import os,sys; sys.exit(os.path.samefile(os.environ['GOVKERNEL_VERIFIED_PATH'], 'pinned') and 3)"
    assert run(*VERIFY, "--pin", "pinned", "--exec", "--", sys.executable, "-c", code).code == 3


def test_the_command_does_not_start_on_a_refusal(run: Run, signed: Path, temporary: Path) -> None:
    (signed / "model.safetensors").write_bytes(b"other")
    assert run(*VERIFY, "--exec", "--", "touch", "started").code == 1
    assert not Path("started").exists()
    assert list(temporary.iterdir()) == []


def test_a_type_that_was_not_asked_for_starts_nothing(run: Run, signed: Path) -> None:
    assert run(*VERIFY, "--type", "approval", "--pin", "pinned", "--exec", "--", "touch", "started").code == 1
    assert not Path("started").exists()
    assert not Path("pinned").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--exec",), "cli.exec"),
        (("--", "true"), "cli.exec"),
        (("--exec", "--", "no-such-command-anywhere"), "cli.exec"),
        (("--pin", "x", "--receipts", "r"), "cli.pin"),
        (("--exec", "--receipts", "r", "--", "true"), "cli.pin"),
    ],
)
def test_options_that_do_not_go_together(
    run: Run, signed: Path, arguments: tuple[str, ...], code: str
) -> None:
    refused = run("verify", "--json", *VERIFY[1:], *arguments)
    assert refused.code == 2
    assert refused.json()["error"]["code"] == code


def test_signals_reach_the_command(signed: Path, temporary: Path) -> None:
    code = "import signal, sys; signal.signal(15, lambda *_: sys.exit(9)); print('up', flush=True); signal.pause()"
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "govkernel", *VERIFY, "--exec", "--", sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=signed.parent) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 9
    assert list(temporary.iterdir()) == []


def test_receipts_for_verify_and_gate(run: Run, signed: Path) -> None:
    assert run(*VERIFY, "--receipts", "receipts").code == 0
    assert run("gate", "model", "--receipts", "receipts", "--json").json()
    (signed / "config.json").write_text("{}")
    refused = run(*VERIFY, "--receipts", "receipts", "--json")
    assert refused.code == 1
    assert refused.json()["code"] == "provenance.files-changed"
    assert run(*VERIFY, "--receipts", "model/receipts", "--json").json()["error"]["code"] == "receipts.inside"
