"""``python -m runtime_guard.training``: make, measure and sign the models that ship with the guard."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import torch

from runtime_guard.training.effort import EFFORTS
from runtime_guard.training.encoder import BASE, BASE_SHA256, make_encoder
from runtime_guard.training.gate import gate_card, gate_files, make_gate
from runtime_guard.training.release import sign_models, write_model

SEED: Final = 20_241_124
MODELS: Final = Path(__file__).parent.parent / "models"


class Log:
    """What was done and when: to the terminal, and kept to be written beside the models."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._lines: list[str] = []

    def __call__(self, line: str) -> None:
        """Note a line."""
        self._lines.append(f"{time.monotonic() - self._start:7.0f} s  {line}")
        sys.stderr.write(self._lines[-1] + "\n")

    def text(self) -> str:
        """All lines."""
        return "".join(f"{line}\n" for line in self._lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is asked for, then sign everything there is."""
    parser = argparse.ArgumentParser(prog="python -m runtime_guard.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sources")
    parser.add_argument("--out", type=Path, default=MODELS, help="folder to write the models to")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=("gate", "encoder", "sign"), help="one step instead of all")
    parser.add_argument(
        "--effort", choices=tuple(EFFORTS), help="what the encoder may cost; by default as the machine is"
    )
    chosen = parser.parse_args(arguments)
    log = Log()
    log(
        f"python {platform.python_version()}, "
        + ", ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "torch", "faker"))
    )
    log(f"seed {chosen.seed}")
    if chosen.only != "sign":
        made = make_gate(chosen.data, chosen.seed, log)
    if chosen.only in (None, "gate"):
        files = gate_files(made) | {"training.log": log.text().encode()}
        write_model(chosen.out / "gate", files, gate_card(made), "govkernel-gate", {})
    if chosen.only in (None, "encoder"):
        effort = chosen.effort or ("gpu" if torch.cuda.is_available() else "cpu")
        log(f"effort {effort}")
        encoder = make_encoder(chosen.data, made, chosen.seed, EFFORTS[effort], log)
        files = encoder.files | {"training.log": log.text().encode()}
        write_model(chosen.out / "encoder", files, encoder.card, "govkernel-encoder", {BASE: BASE_SHA256})
    log(f"signed; pin {sign_models(chosen.out)} in runtime_guard/shipped.py")


if __name__ == "__main__":
    main()
