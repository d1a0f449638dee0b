"""A dataset in parts that can be read apart, and whose rows together are the rows of its files, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from govkernel.errors import ConfigError, InputError
from runtime_guard.scan import MAX_ROW, SUFFIXES

PARQUET: Final = ".parquet"
WHOLE: Final = frozenset({".json"})
"""Suffixes of files that are one row."""

PART: Final = 16 * 1024 * 1024
"""Bytes of a part, where nothing is said."""

MAX_GROUP: Final = 1024 * 1024 * 1024
"""Bytes that a row group of Parquet may say that it holds, unpacked."""

ROWS: Final = 64
"""Rows of Parquet that are unpacked together."""


@dataclass(frozen=True)
class Part:
    """What one worker reads at once.

    Attributes:
        path: of the file.
        start, end: of bytes; the part has the lines that begin among them. Of Parquet, the numbers of row groups.
    """

    path: str
    start: int
    end: int

    @property
    def suffix(self) -> str:
        """Of the file, in small letters."""
        return Path(self.path).suffix.lower()


def scannable(path: Path) -> bool:
    """Whether files of that name can be scanned."""
    return path.suffix.lower() in {*SUFFIXES, PARQUET}


def parts_of(path: Path, size: int = PART) -> Iterator[Part]:
    """A file in parts of about that size; none of an empty file.

    Raises:
        InputError: ``scan.unreadable``.
        ConfigError: ``scale.not-installed``.
    """
    suffix = path.suffix.lower()
    if suffix == PARQUET:
        yield from (Part(str(path), group, group + 1) for group in range(_groups(path)))
        return
    try:
        length = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from None
    step = max(1, length) if suffix in WHOLE else size
    yield from (Part(str(path), start, min(start + step, length)) for start in range(0, length, step))


def lines_of(part: Part) -> Iterator[bytes]:
    """The lines that begin in a part, without their ends; a longer one than :data:`MAX_ROW` comes in pieces.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(part.path).open("rb") as stream:
        if part.suffix in WHOLE:
            yield stream.read(MAX_ROW + 1)
            return
        if part.start:
            stream.seek(part.start - 1)
            while (skipped := stream.readline(MAX_ROW + 1)) and not skipped.endswith(b"\n"):
                pass
        while stream.tell() < part.end and (line := stream.readline(MAX_ROW + 1)):
            yield line.rstrip(b"\r\n")
            while not line.endswith(b"\n") and (line := stream.readline(MAX_ROW + 1)):
                yield line.rstrip(b"\r\n")


def values_of(part: Part) -> Iterator[Any]:
    """The rows of a row group of Parquet, as values of JSON; what is none is a ``TypeError`` in place of the row.

    Raises:
        InputError: ``scan.unreadable``: it is no Parquet, or unpacks to too much.
    """
    parquet: Any = _parquet()
    try:
        file = parquet.ParquetFile(part.path)
        groups = range(part.start, part.end)
        if sum(file.metadata.row_group(group).total_byte_size for group in groups) > MAX_GROUP:
            raise InputError(
                "scan.unreadable",
                f"A row group of {part.path} is too large.",
                why=f"limit {MAX_GROUP} bytes",
                remedy="Write it in smaller row groups.",
            )
        for batch in file.iter_batches(batch_size=ROWS, row_groups=list(groups)):
            yield from batch.to_pylist()
    except (OSError, ValueError) as error:
        raise unreadable(Path(part.path), error) from None


def plain(value: Any) -> Any:
    """A value of Parquet as one of JSON: bytes are text, decimals numbers, times say nothing.

    Raises:
        UnicodeDecodeError: bytes that are no text.
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value if value is None or isinstance(value, str | int | float) else str(value)


def unreadable(path: Path, error: Exception) -> InputError:
    """The error for a file that cannot be read."""
    why = getattr(error, "strerror", None) or type(error).__name__
    return InputError("scan.unreadable", f"{path} cannot be read.", why=why, remedy="Check the file.")


def not_installed() -> ConfigError:
    """The error for what needs Ray where it is not."""
    return ConfigError(
        "scale.not-installed",
        "What goes past one machine needs packages that are not installed.",
        remedy='Run `pip install "govkernel[ray]"`.',
    )


def files_of(path: Path) -> list[Path]:
    """The files of a dataset, sorted.

    Raises:
        InputError: ``scan.nothing``.
    """
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    if not files:
        raise InputError("scan.nothing", f"There is nothing to scan in {path}.", remedy="Name a dataset.")
    return files


def numbered(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Parts as rows of a Ray dataset."""
    return [
        {"number": number, "path": part.path, "start": part.start, "end": part.end}
        for number, part in enumerate(parts)
    ]


def _groups(path: Path) -> int:
    parquet = _parquet()
    try:
        return int(parquet.ParquetFile(path).num_row_groups)
    except (OSError, ValueError) as error:  # pyarrow's own are kinds of these
        raise unreadable(path, error) from None


def _parquet() -> Any:
    try:
        from pyarrow import parquet  # noqa: PLC0415 - comes with the extra
    except ModuleNotFoundError:
        raise not_installed() from None
    return parquet
