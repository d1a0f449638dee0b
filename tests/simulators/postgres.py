"""A real PostgreSQL server for tests: made in a temporary folder, on a Unix socket only, stopped afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

INSTALL_HINT = "no PostgreSQL server here: install it, e.g. `apt-get install postgresql`"


def find_binaries() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``: on the PATH, or where Debian puts it."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Server:
    """A running server.

    Attributes:
        socket: folder of its socket.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self.socket = folder
        self._data = folder / "data"
        self._made = 0

    def start(self) -> None:
        options = f"-k {self.socket} -c listen_addresses='' -c fsync=off"
        self._run(
            "pg_ctl", "-w", "-D", str(self._data), "-l", str(self.socket / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "-D", str(self._data), "stop")

    def initialise(self) -> None:
        self._run(
            "initdb", "-D", str(self._data), "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"
        )

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        self._made += 1
        name = f"audit{self._made}"
        with psycopg.connect(
            host=str(self.socket), user="tester", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://tester@/{name}?host={quote(str(self.socket))}"

    def _run(self, program: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(self._binaries / program), *arguments]
        subprocess.run(
            command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )


@contextmanager
def running_server(binaries: Path) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = Server(binaries, folder)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
