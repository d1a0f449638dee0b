"""The detectors of the guard: those that ship with it, by tier, and models of one's own."""

from __future__ import annotations

from collections.abc import Iterator

from govkernel.errors import ConfigError
from govkernel.hookspecs import Detector
from runtime_guard.checkpoints.opening import open_checkpoint
from runtime_guard.choices import installed_tiers
from runtime_guard.detectors.exfiltration import ExfiltrationDetector
from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.detectors.rules import injection_detector
from runtime_guard.detectors.secrets import SecretsDetector
from runtime_guard.gate.model import Gate
from runtime_guard.options import Options
from runtime_guard.patterns.recognizers import all_countries


def default_detectors(options: Options) -> tuple[Detector, ...]:
    """The detectors of the tiers that are wanted, and the models of one's own.

    Raises:
        ConfigError: ``encoder.not-installed``, ``encoder.no-device``, ``checkpoint.*``, a model that does not verify,
            or recognizers that cannot be used.
    """
    found: list[Detector] = []
    if 1 in options.wanted:
        countries = all_countries() if "all" in options.countries else options.countries
        patterns = PresidioDetector(countries=countries, registry=options.registry)
        found += [patterns, SecretsDetector(), injection_detector(), ExfiltrationDetector()]
    if 2 in options.wanted:
        found.append(_cascade(options))
    elif 1 in options.wanted:
        found.append(Gate.load(options.rate))
    return (*found, *_own(options, {detector.name for detector in found}))


def _own(options: Options, taken: set[str]) -> Iterator[Detector]:
    for model in options.models:
        if model.name in taken:
            raise ConfigError(
                "checkpoint.settings",
                f"There are two detectors of the name {model.name!r}.",
                remedy="Give the model another name in its [[guard.models]] table.",
            )
        taken.add(model.name)
        yield open_checkpoint(model, options.on_fault)


def _cascade(options: Options) -> Detector:
    if 2 not in installed_tiers():
        raise ConfigError(
            "encoder.not-installed",
            "Tier 2 needs packages that are not installed.",
            remedy='Run `pip install "govkernel[encoder]"`, or leave tier 2 out.',
        )
    from runtime_guard.detectors.cascade import Cascade  # noqa: PLC0415 - torch takes a second
    from runtime_guard.encoder.devices import engine_maker  # noqa: PLC0415
    from runtime_guard.encoder.guard import GuardEncoder  # noqa: PLC0415

    make = engine_maker(options.device, options.on_fault)
    encoder = GuardEncoder.load(make, options.rate)
    return Cascade(Gate.load(options.rate), encoder, always=options.ask == "always")
