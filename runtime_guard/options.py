"""What of the guard's own detectors is wanted, and how they are to work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.choices import TIERS, Ask, Device, OnFault, Rate, installed_tiers


@dataclass(frozen=True)
class Options:
    """Options of the detectors that ship with the guard.

    Attributes:
        tiers: of :data:`runtime_guard.choices.TIERS`; None for all that are installed.
        rate: how often a label may be flagged by mistake.
        ask: ask the encoder where the gate leaves doubt, or always.
        device: where the encoder runs; ``auto`` takes a GPU where there is one.
        on_fault: when a GPU fails, go on on the CPU, or fail what is asked.
        countries: codes of countries whose identifiers are looked for too, e.g. ``de``; ``all`` for every one.
        registry: a registry of recognizers (Presidio's YAML) whose recognizers are added.
        models: models of one's own that are asked too, whatever the tiers.

    Raises:
        ValueError: an unknown tier.
    """

    tiers: frozenset[int] | None = None
    rate: Rate = "1%"
    ask: Ask = "doubt"
    device: Device = "auto"
    on_fault: OnFault = "cpu"
    countries: frozenset[str] = frozenset()
    registry: Path | None = None
    models: tuple[Checkpoint, ...] = ()

    def __post_init__(self) -> None:
        if self.tiers is not None and not self.tiers <= TIERS:
            raise ValueError(f"unknown tiers: {sorted(self.tiers - TIERS)}")

    @property
    def wanted(self) -> frozenset[int]:
        """The tiers, those that are installed if none were named."""
        return installed_tiers() if self.tiers is None else self.tiers
