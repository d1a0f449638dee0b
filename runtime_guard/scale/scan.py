"""Scan a dataset on many machines: a Ray Data job that says what :func:`runtime_guard.scan.scan_path` would say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from govkernel.errors import GovkernelError
from runtime_guard.plugin import default_screen
from runtime_guard.scale.parts import (
    PARQUET,
    PART,
    Part,
    files_of,
    lines_of,
    not_installed,
    numbered,
    parts_of,
    plain,
    scannable,
    unreadable,
    values_of,
)
from runtime_guard.scan import PiiScan, scan_rows, scan_texts, texts_of
from runtime_guard.screen import Screen

MakeScreen = Callable[[], Screen]
"""Makes the screen of a worker, there; a function of a module, or a partial of one."""

QUIET: Final = {"RAY_USAGE_STATS_ENABLED": "0"}
"""What keeps a Ray that is started here from calling home."""


@dataclass(frozen=True)
class Workers:
    """Who scans.

    Attributes:
        least, most: workers, each with a screen of its own.
        cpus: of each.
        gpus: of each; a fraction shares one.
    """

    least: int = 1
    most: int = 4
    cpus: float = 1.0
    gpus: float = 0.0


def scan_dataset(
    path: Path,
    make_screen: MakeScreen = default_screen,
    *,
    workers: Workers | None = None,
    part: int = PART,
    now: datetime | None = None,
) -> PiiScan:
    """Scan a file, or every file of a folder that all machines see under the same path.

    It joins the Ray that runs (``RAY_ADDRESS``, or ``ray.init`` before), or starts one here.

    Args:
        path: JSON lines, JSON, CSV, text or Parquet.
        make_screen: detectors.
        workers: who scans.
        part: bytes that a worker reads at once; row groups of Parquet are read as they are.
        now: stated as the end of the scan; default is the clock.

    Raises:
        InputError: ``scan.nothing``.
        ConfigError: ``scale.not-installed``.
        GovkernelError: what a worker met: ``scan.unreadable``, ``guard.detector-failed``.
    """
    files = files_of(path)
    scan = PiiScan()
    for file in files:
        if not scannable(file):
            scan.note_bad(f"{file.name} (a format that cannot be scanned)")
    parts = [item for file in files if scannable(file) for item in parts_of(file.absolute(), part)]
    if parts:
        _join(scan, parts, _run(parts, make_screen, workers or Workers()))
    scan.finished_at = now or datetime.now(UTC)
    return scan


def _run(parts: list[Part], make_screen: MakeScreen, workers: Workers) -> list[dict[str, Any]]:
    try:
        import ray  # noqa: PLC0415 - takes seconds, and comes with the extra
        import ray.data  # noqa: PLC0415
    except ModuleNotFoundError:
        raise not_installed() from None
    if not ray.is_initialized():
        os.environ |= {key: value for key, value in QUIET.items() if key not in os.environ}
        ray.init(log_to_driver=False)
    jobs = ray.data.from_items(numbered(parts), override_num_blocks=len(parts))
    said = jobs.map_batches(
        Scanner,
        fn_constructor_args=(make_screen,),
        batch_size=1,
        concurrency=(workers.least, workers.most),
        num_cpus=workers.cpus,
        num_gpus=workers.gpus or None,
    )
    return sorted((row["said"] for row in said.take_all()), key=lambda row: int(row["number"]))


def _join(scan: PiiScan, parts: list[Part], said: Iterable[dict[str, Any]]) -> None:
    """Add up what workers say of the parts, and name rows by their number in their file."""
    before: dict[str, int] = {}
    for part, one in zip(parts, said, strict=True):
        if one["error"]:
            raise GovkernelError(**one["error"])
        scan.records += one["records"]
        scan.findings.update(dict(one["findings"]))
        rows = before.get(part.path, 0)
        for number in one["bad"]:
            scan.note_bad(f"{Path(part.path).name}:{rows + number}")
        scan.complete = scan.complete and one["complete"]
        before[part.path] = rows + one["rows"]


class Scanner:
    """A worker.

    Args:
        make_screen: makes its screen.
    """

    def __init__(self, make_screen: MakeScreen) -> None:
        self._screen = make_screen()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """What the parts of a batch hold; of a part that cannot be scanned, the error."""
        columns = ("number", "path", "start", "end")
        return {
            "said": [
                {"number": int(number), **self._scan(Part(str(path), int(start), int(end)))}
                for number, path, start, end in zip(*(batch[name] for name in columns), strict=True)
            ]
        }

    def _scan(self, part: Part) -> dict[str, Any]:
        try:
            return {**_scanned(part, self._screen), "error": {}}
        except OSError as error:
            return {"error": _told(unreadable(Path(part.path), error))}
        except GovkernelError as error:
            return {"error": _told(error)}


def _texts(row: Any) -> list[str] | None:
    """The texts of a row of Parquet; None when it cannot be read."""
    try:
        return texts_of(plain(row))
    except UnicodeDecodeError:
        return None


def _told(error: GovkernelError) -> dict[str, Any]:
    return {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy}


def _scanned(part: Part, screen: Screen) -> dict[str, Any]:
    scan, count = PiiScan(), _Count()
    if part.suffix == PARQUET:
        values = enumerate(count.over(values_of(part)), start=1)
        scan_texts(((str(number), _texts(row)) for number, row in values), screen, scan)
    else:
        scan_rows(count.over(lines_of(part)), part.suffix, screen, scan)
    return {
        "rows": count.rows,
        "records": scan.records,
        "findings": list(scan.findings.items()),
        "bad": [int(number) for number in scan.bad_rows],
        "complete": scan.complete,
    }


class _Count:
    """Counts what passes."""

    rows = 0

    def over(self, rows: Iterable[Any]) -> Iterator[Any]:
        """The same rows."""
        for row in rows:
            self.rows += 1
            yield row
