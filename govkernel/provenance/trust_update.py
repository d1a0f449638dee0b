"""Newer trusted roots of Sigstore instances, from their TUF repositories (TUF specification 1.0), by python-tuf.

The first root of trust is a file that a person gives; nothing is ever downloaded on trust. What was verified once is
remembered, so that nothing older is believed again. Verification itself stays offline: it reads the file written here.
ADR 0024.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from govkernel.domain import Digest
from govkernel.errors import ConfigError, GovkernelError, InputError
from govkernel.files import replace_file
from govkernel.provenance.keyless import MAX_ROOT, read_trusted_root

if TYPE_CHECKING:
    from tuf.ngclient.updater import Updater

UPDATE_SECONDS: Final = 60.0
"""For all of an update; a repository that drips costs no more."""

READ_SECONDS: Final = 10.0
"""For connecting, and for each read."""

MAX_DELEGATIONS: Final = 8
MAX_INITIAL: Final = 512_000
"""Bytes of a root of trust, as python-tuf bounds it."""

TARGET: Final = "trusted_root.json"
"""What Sigstore repositories call it."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Updated:
    """What became of a trusted root.

    Attributes:
        digest: SHA-256 of the file as it is now.
        changed: it was another before.
        versions: of TUF metadata, by role.
        fresh_until: when the repository must have signed anew; what is here stays valid.
    """

    digest: Digest
    changed: bool
    versions: dict[str, int]
    fresh_until: datetime


def update_trusted_root(url: str, initial: Path, state: Path, destination: Path) -> Updated:
    """Fetch, verify and write the newest trusted root; on any doubt what is there stays.

    Args:
        url: of the TUF repository.
        initial: root metadata to start from, given by a person.
        state: folder where what was verified is remembered; made if it is not there.
        destination: the trusted root file to write.

    Raises:
        ConfigError: ``tuf.not-installed``, ``tuf.url``, ``tuf.root``, ``tuf.unwritable``, ``keyless.root``.
        InputError: ``tuf.*``: what the repository says does not hold.
        GovkernelError: ``tuf.unavailable``.
    """
    _check_url(url)
    bootstrap = _initial(initial)
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (
            tempfile.TemporaryDirectory(dir=state, prefix="target-") as scratch,
            closing(_fetcher(time.monotonic() + UPDATE_SECONDS)) as fetcher,
        ):
            updater = _refreshed(url, bootstrap, state, fetcher)
            content = _target(updater, Path(scratch) / TARGET)
            read_trusted_root(content)
            changed = not destination.is_file() or destination.read_bytes() != content
            if changed:
                replace_file(destination, content)
    except OSError as error:
        raise ConfigError(
            "tuf.unwritable",
            f"The trusted root cannot be kept at {str(destination)!r}, or what was verified not in {str(state)!r}.",
            why=error.strerror or type(error).__name__,
            remedy="Check the folders and their permissions.",
        ) from None
    return _updated(updater, content, changed)


def _refreshed(url: str, bootstrap: bytes, state: Path, fetcher: Any) -> Updater:
    from tuf.ngclient.config import UpdaterConfig  # noqa: PLC0415
    from tuf.ngclient.updater import Updater  # noqa: PLC0415

    base = url.rstrip("/")
    made: Updater = _told(
        lambda: Updater(
            metadata_dir=str(state),
            metadata_base_url=base,
            target_dir=str(state),
            target_base_url=f"{base}/targets/",
            fetcher=fetcher,
            config=UpdaterConfig(max_delegations=MAX_DELEGATIONS),
            bootstrap=bootstrap,
        )
    )
    _told(made.refresh)
    return made


def _target(updater: Updater, scratch: Path) -> bytes:
    found = _told(lambda: updater.get_targetinfo(TARGET))
    if found is None:
        raise _refuse("no-target", f"The repository lists no {TARGET}.")
    if found.length > MAX_ROOT:
        raise _refuse("too-large", f"The trusted root would have {found.length} bytes.")
    _told(lambda: updater.download_target(found, str(scratch)))
    return scratch.read_bytes()


def _updated(updater: Updater, content: bytes, changed: bool) -> Updated:
    trusted = updater._trusted_set
    roles = {"root": trusted.root, "timestamp": trusted.timestamp, "snapshot": trusted.snapshot}
    versions = {name: int(role.version) for name, role in {**roles, "targets": trusted.targets}.items()}
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    return Updated(digest, changed, versions, trusted.timestamp.expires)


def _fetcher(until: float) -> Any:
    """Downloads without redirects, one file at a time, and never past a moment of the monotonic clock."""
    try:
        import urllib3  # noqa: PLC0415
        from tuf.api.exceptions import DownloadHTTPError, SlowRetrievalError  # noqa: PLC0415
        from tuf.ngclient.fetcher import FetcherInterface  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "tuf.not-installed",
            "Updating trusted roots needs tuf, which is not installed.",
            remedy='pip install "govkernel[sigstore]"',
        ) from None
    pool = urllib3.PoolManager(headers={"Accept-Encoding": "identity"})

    def left() -> float:
        remaining = until - time.monotonic()
        if remaining <= 0:
            raise SlowRetrievalError("the time for the update is over")
        return min(remaining, READ_SECONDS)

    class Fetcher(FetcherInterface):
        answer: Any = None

        def _fetch(self, url: str) -> Iterator[bytes]:
            self.close()
            answer = self.answer = pool.request(
                "GET", url, timeout=left(), redirect=False, retries=False, preload_content=False
            )
            if answer.status != 200:
                raise DownloadHTTPError(f"status {answer.status}", answer.status)
            return self._chunks(answer)

        def _chunks(self, answer: Any) -> Iterator[bytes]:
            try:
                while chunk := answer.read1(65_536):
                    left()
                    yield chunk
            except urllib3.exceptions.HTTPError as error:
                raise SlowRetrievalError(type(error).__name__) from None

        def close(self) -> None:
            if self.answer is not None:
                self.answer.close()

    return Fetcher()


def _told(call: Callable[[], Any]) -> Any:
    """The result, or what python-tuf's refusal means."""
    from tuf.api import exceptions as said  # noqa: PLC0415

    try:
        return call()
    except said.DownloadLengthMismatchError as error:
        raise _refuse("too-large", "The repository sends more than it may.", str(error)) from None
    except said.SlowRetrievalError as error:
        raise _unavailable(f"It was too slow: {error}") from None
    except said.DownloadError as error:
        raise _unavailable(str(error)) from None
    except said.ExpiredMetadataError as error:
        what = "What the repository says is too old: it is not signed anew, or somebody holds newer versions back."
        raise _refuse("expired", what, str(error)) from None
    except said.UnsignedMetadataError as error:
        what = "Too few of the keys that must sign have signed."
        raise _refuse("signature", what, str(error)) from None
    except said.LengthOrHashMismatchError as error:
        what = "A file of the repository is not the one that it lists."
        raise _refuse("mismatch", what, str(error)) from None
    except said.BadVersionNumberError as error:
        raise _of_versions(str(error)) from None
    except said.RepositoryError as error:
        raise _refuse("malformed", "The repository's metadata cannot be read.", str(error)) from None


def _of_versions(text: str) -> InputError:
    """Older than what was verified before, or versions that do not belong together."""
    numbers = [int(number) for number in re.findall(r"(?<![\w.])v?(\d+)", text)]
    older = "must" in text or ".json version" in text or numbers[-2:] == sorted(numbers[-2:], reverse=True)
    if older:
        what = "The repository replays an older trust root, or older metadata, than was verified before."
        return _refuse("rollback", what, text)
    return _refuse("mismatch", "The repository's metadata does not belong together.", text)


def _initial(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_INITIAL + 1)
        if not 0 < len(content) <= MAX_INITIAL:
            raise OSError(f"it is empty, or larger than {MAX_INITIAL} bytes")
    except OSError as error:
        raise ConfigError(
            "tuf.root",
            f"The root of trust {str(path)!r} cannot be read.",
            why=error.strerror or str(error),
            remedy="Give the instance's root.json, from somebody you trust: it is never downloaded.",
        ) from None
    return content


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(
            "tuf.url",
            "The address of the TUF repository cannot be used.",
            remedy="Give an https URL without credentials, e.g. https://tuf-repo-cdn.sigstore.dev.",
        )


def _refuse(problem: str, what: str, why: str = "") -> InputError:
    return InputError(
        f"tuf.{problem}",
        what,
        why=why[:300],
        remedy="The trusted root that is here stays in force; ask whoever runs the repository.",
    )


def _unavailable(why: str) -> GovkernelError:
    return GovkernelError(
        "tuf.unavailable",
        "The TUF repository cannot be read.",
        why=why[:300],
        remedy="Check its address and that it can be reached; the trusted root that is here stays in force.",
    )
