"""``govkernel verify`` given anything at all: 0, 1 with the code of a check, or 2; never a traceback, never a wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from govkernel import files
from tests.cli.conftest import KEY, PUBLIC_KEY, Result, Run

GOVKERNEL = Path(sys.executable).parent / "govkernel"
GOOD = ("verify", "model", "--bundle", "model.sigstore.json", "--key", PUBLIC_KEY)


@pytest.fixture
def place(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a signed model and odd things beside it."""
    assert run("sign", "model", "model", "--key", KEY).code == 0
    monkeypatch.setattr(files.read_file, "__defaults__", (0.05,))
    place = model.parent
    os.mkfifo(place / "pipe")
    (place / "empty").touch()
    (place / "noise").write_bytes(os.urandom(20_000))
    (place / "huge").write_bytes(b"")
    os.truncate(place / "huge", 1 << 30)
    (place / "deep").write_text("[" * 100_000)
    (place / "lines").write_text("{}\n" * 500)
    (place / "loop").symlink_to("loop")
    (place / "folder").mkdir()
    return place


def refused(result: Result) -> str:
    """The code of a result that is no success, told properly."""
    assert result.code in {1, 2}
    assert result.out
    document = result.json()
    assert "Traceback" not in result.err
    code = document["code"] if result.code == 1 else document["error"]["code"]
    assert code not in {"cli.unexpected", ""}
    return str(code)


ODD = [
    "pipe",
    "empty",
    "noise",
    "huge",
    "deep",
    "loop",
    "folder",
    "nowhere",
    "/dev/zero",
    "/dev/null",
    "a\nb",
    "x" * 5000,
]


@pytest.mark.parametrize("odd", [*ODD, "lines"])
def test_any_bundle(odd: str, run: Run, place: Path) -> None:
    refused(run("verify", "model", "--bundle", odd, "--key", PUBLIC_KEY, "--json"))
    refused(run("verify", "model", "--bundle", odd, "--json"))


@pytest.mark.parametrize("odd", ODD)
def test_any_artifact(odd: str, run: Run, place: Path) -> None:
    assert refused(run("verify", odd, *GOOD[2:], "--json")).startswith(("provenance.", "cli.system"))


@pytest.mark.parametrize("odd", ODD)
def test_any_anchor(odd: str, run: Run, place: Path) -> None:
    bundle = ("verify", "model", "--bundle", "model.sigstore.json", "--json")
    refused(run(*bundle, "--key", odd))
    refused(run(*bundle, "--ca", odd, "--identity", "a"))
    refused(run(*bundle, "--trusted-root", odd, "--identity", "a", "--issuer", "b"))


WRONG: dict[str, tuple[str, ...]] = {
    "two anchors": ("--ca", PUBLIC_KEY, "--identity", "a"),
    "identity without authority": ("--identity", "a"),
    "issuer without root": ("--issuer", "a"),
    "no such kind": ("--kind", "zebra"),
    "no such type": ("--type", "zebra"),
    "pinned onto itself": ("--pin", "model"),
    "pinned below a file": ("--pin", "empty/x"),
    "pinned nowhere": ("--pin", "/proc/x"),
    "exec without a command": ("--exec",),
    "a command without exec": ("--", "ls"),
    "no such command": ("--exec", "--", "no-such-command"),
    "receipts in a file": ("--receipts", "empty"),
    "receipts in the artifact": ("--receipts", "model/x"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_options_that_do_not_go_together(wrong: str, run: Run, place: Path) -> None:
    options = WRONG[wrong]
    at = options.index("--") if "--" in options else len(options)
    result = run(*GOOD, "--json", *options[:at], *options[at:])
    assert refused(result)
    assert result.code == 2


def test_a_model_of_which_everything_is_ignored_is_refused(run: Run, place: Path) -> None:
    result = run(*GOOD, "--json", "--ignore", "config.json", "--ignore", "model.safetensors")
    assert (result.code, refused(result)) == (1, "provenance.empty")


@pytest.mark.parametrize("odd", ["pipe", "noise", "folder", "/dev/zero"])
def test_any_configuration(odd: str, run: Run, place: Path) -> None:
    assert refused(run("verify", "model", "--bundle", "model.sigstore.json", "--json", "--config", odd))


def test_names_that_are_no_text(run: Run, place: Path) -> None:
    odd = os.fsdecode(b"od\xff")
    (place / "model.sigstore.json").rename(place / f"{odd}.json")
    (place / "model").rename(place / odd)
    assert run("verify", odd, "--bundle", f"{odd}.json", "--key", PUBLIC_KEY).code == 0
    (place / odd / odd).touch()
    assert refused(run("verify", odd, "--bundle", f"{odd}.json", "--key", PUBLIC_KEY, "--json"))


def shell(place: Path, script: str) -> subprocess.CompletedProcess[str]:
    """A script in which ``verify`` is the command that verifies, with its usual options."""
    define = f'verify() {{ "{GOVKERNEL}" {" ".join(GOOD)} "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", define + script], cwd=place, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("verify >&-", 0),
        ("verify --json >&-", 0),
        ("verify 2>&-", 0),
        ("verify <&- >&- 2>&-", 0),
        ("rm model/config.json; verify >&- 2>&-", 1),
        ("verify > /dev/full", 2),
        ("verify --json > /dev/full", 2),
        ("PYTHONIOENCODING=ascii verify", 0),
        ("exec 3>&1; (verify; echo $? >&3) | true", 0),
    ],
)
def test_streams_that_are_closed_full_or_narrow(script: str, code: int, place: Path) -> None:
    done = shell(place, script)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode == code
    if "exec 3" in script:
        assert done.stdout.strip() in {"0", "2"}, "nobody listened: no answer that says refused"


@pytest.mark.slow
def test_a_bundle_may_come_through_a_pipe(place: Path) -> None:
    script = (
        f'"{GOVKERNEL}" verify model --bundle <(cat model.sigstore.json) --key <(cat {PUBLIC_KEY}) --json'
    )
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, capture_output=True, text=True, timeout=120, check=False
    )
    assert json.loads(done.stdout)["verified"] is True


def test_one_bundle_of_several_is_enough(run: Run, place: Path) -> None:
    good = json.loads((place / "model.sigstore.json").read_text())
    bad = json.loads(json.dumps(good))
    bad["dsseEnvelope"]["payload"] = "e30="
    for several in ([bad, good], {"attestations": [{"bundle": bad}, {"bundle": good}]}):
        (place / "several.json").write_text(json.dumps(several, indent=2))
        assert run("verify", "model", "--bundle", "several.json", "--key", PUBLIC_KEY).code == 0
    (place / "several.json").write_text(json.dumps([bad, 7]))
    assert refused(run("verify", "model", "--bundle", "several.json", "--key", PUBLIC_KEY, "--json"))
