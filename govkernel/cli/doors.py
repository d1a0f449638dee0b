"""What the commands that decide have in common: whom to trust, which packs to ask, how to report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from govkernel import checks
from govkernel.cli.output import read_named
from govkernel.config import PackTable, Settings
from govkernel.domain import Report
from govkernel.errors import InputError
from govkernel.files import replace_file
from govkernel.hookspecs import ReportFormat
from govkernel.plugins import PluginHost, Provider

if TYPE_CHECKING:
    from govkernel.provenance import TrustPolicy

MAX_KEY_BYTES = 64 * 1024


def choose_trust(settings: Settings, trust: Path | None, keys: Sequence[Path]) -> TrustPolicy:
    """The trust policy to judge with: named keys, a named policy, or the workspace's.

    Raises:
        ConfigError, InputError: none of them can be used.
    """
    from govkernel.assemble import load_trust
    from govkernel.provenance import TrustPolicy

    if keys:
        return TrustPolicy.from_keys({path.stem: read_key(path) for path in keys})
    return TrustPolicy.load(trust) if trust else load_trust(settings)


def read_key(path: Path) -> bytes:
    """The bytes of a key file.

    Raises:
        InputError: ``cli.unreadable``.
    """
    return read_named(path, MAX_KEY_BYTES, f"The file {path}")


def packs_named(settings: Settings, names: Sequence[str] | None) -> Sequence[PackTable] | None:
    """The packs named on the command line, with the configured mode and parameters where they are configured."""
    if not names:
        return None
    configured = {item.source: item for item in settings.packs}
    return [configured.get(name, PackTable(source=name)) for name in names]


def report_format(host: PluginHost, name: str) -> Provider[ReportFormat]:
    """The report format of that name; looked up before anything is decided.

    Raises:
        InputError: ``cli.format`` when no plugin offers it.
    """
    formats = {item.value.name: item for item in host.providers("govkernel_report_formats")}
    if name not in formats:
        known = ", ".join(sorted(formats))
        raise InputError(
            "cli.format",
            f"There is no report format {name!r}.",
            why=f"Known: {known}.",
            remedy="Choose one of them.",
        )
    return formats[name]


def more_reports(host: PluginHost, wanted: Sequence[str] | None) -> list[tuple[Provider[ReportFormat], Path]]:
    """The reports asked for with ``--report FORMAT=FILE``; looked up before anything is decided.

    Raises:
        InputError: ``cli.report``, or as :func:`report_format`.
    """
    found = []
    for text in wanted or ():
        name, equals, file = text.partition("=")
        if not (equals and file):
            raise InputError(
                "cli.report",
                f"--report {text!r} does not say which format goes where.",
                remedy="Write FORMAT=FILE, e.g. --report sarif=gate.sarif.",
            )
        found.append((report_format(host, name), Path(file)))
    return found


def write_report(path: Path, text: str) -> None:
    """Write a rendered report to a file.

    Raises:
        InputError: ``cli.unwritable``.
    """
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise InputError(
            "cli.unwritable",
            f"The report {path} cannot be written.",
            why=str(error),
            remedy="Check the path.",
        ) from None


async def render(host: PluginHost, chosen: Provider[ReportFormat], report: Report) -> str:
    """The report in the chosen format."""
    return await host.call(chosen, lambda it: it.render(report), checks.text, deadline=30)
