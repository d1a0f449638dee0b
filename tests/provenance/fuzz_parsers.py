"""Fuzz every parser of strangers' bytes, coverage-guided (atheris), each in a process of its own.

    python tests/provenance/fuzz_parsers.py SECONDS [TARGET ...]

SECONDS are for each target. A crash, an input that takes more than ten seconds, or one that takes more than 2 GB is a
finding: it is written to ``fuzz/`` and the exit status is 1.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "fuzz"
HANG = 10
MEMORY = 2048


def main(arguments: list[str]) -> int:
    """Run every target, or those that are named; print a row of a table for each."""
    if arguments[:1] == ["--target"]:
        fuzz(arguments[1], arguments[2:])
    names = arguments[1:] or listed()
    print("| parser | executions | coverage | seconds | found |\n|---|---:|---:|---:|---|", flush=True)
    return max(one(name, int(arguments[0])) for name in names)


def listed() -> list[str]:
    """Names of all targets."""
    sys.path.insert(0, str(ROOT))
    from tests.provenance.fuzz_targets import TARGETS

    return list(TARGETS)


def one(name: str, seconds: int) -> int:
    """Fuzz one target; 1 when something was found."""
    FOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        options = [f"-max_total_time={seconds}", f"-timeout={HANG}", f"-rss_limit_mb={MEMORY}"]
        options += ["-print_final_stats=1", f"-artifact_prefix={FOUND}/{name}-", "-max_len=65536", corpus]
        command = [sys.executable, __file__, "--target", name, *options]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    log = done.stdout + done.stderr
    (FOUND / f"{name}.log").write_text(log[-200_000:], encoding="utf-8")
    runs = _last(r"number_of_executed_units:\s*(\d+)", log)
    coverage = _last(r"ft: (\d+)", log)
    took = _last(r"Done \d+ runs in (\d+) second", log) or str(seconds)
    found = "nothing" if done.returncode == 0 else _reason(log)
    print(f"| {name} | {int(runs or 0):,} | {coverage} | {took} | {found} |", flush=True)
    return int(done.returncode != 0)


def fuzz(name: str, options: list[str]) -> None:
    """Feed one target for ever; libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["govkernel"]):
        from tests.provenance.fuzz_targets import TARGETS, feed
    for number, seed in enumerate(TARGETS[name].seeds):
        (Path(options[-1]) / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *options], lambda data: feed(name, data))
    atheris.Fuzz()


def _last(pattern: str, text: str) -> str:
    found = re.findall(pattern, text)
    return found[-1] if found else ""


def _reason(log: str) -> str:
    """The line that says what went wrong."""
    lines = [line for line in log.splitlines() if "Error" in line or "ERROR" in line or "Exception:" in line]
    return lines[0].strip()[:100] if lines else "it stopped"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
