"""The plugin's table in govkernel.toml, and the secrets that requests carry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from govkernel.domain.readings import WAIT
from govkernel.errors import ConfigError
from govkernel_git.name import HOST, PATH, GitName

MIB: Final = 1024**2
MAX_SECRET: Final = 16 * 1024

Host = Annotated[str, Field(pattern=rf"^{HOST}$")]
Repositories = Annotated[str, Field(pattern=rf"^{HOST}(?:/{PATH})?$")]


class GitSettings(BaseModel):
    """Settings of the plugin.

    Attributes:
        hosts: whose repositories are fetched: ``HOST`` for all of them, ``HOST/PATH`` for those below a path. The
            names come from strangers, so there is no default.
        insecure: hosts among them that may be asked by plain HTTP (``git+http://``).
        folders: below which repositories of this machine are read (``git+file:///``).
        authorization: host to a file with the value of the ``Authorization`` header, e.g. ``Basic …``.
        ca_bundle: certificate authorities (PEM) instead of the system's.
        git: the git binary.
        scratch: folder for what is fetched, which is deleted afterwards; default is the system's temporary one.
        timeout: seconds for asking what a branch or tag is now.
        deadline: seconds for reading one artifact.
        max_bytes: largest artifact that is read, and largest pack that is fetched for it.
        max_memory: bytes of memory that each process of git may take.
        wait: seconds that a caller waits for a read; it goes on after that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hosts: frozenset[Repositories] = frozenset()
    insecure: frozenset[Host] = frozenset()
    folders: tuple[Path, ...] = ()
    authorization: dict[Host, Path] = {}
    ca_bundle: Path | None = None
    git: str = "git"
    scratch: Path | None = None
    timeout: float = Field(default=10.0, gt=0, le=60)
    deadline: float = Field(default=600.0, gt=0)
    max_bytes: int = Field(default=2048 * MIB, gt=0)
    max_memory: int = Field(default=2048 * MIB, ge=64 * MIB)
    wait: float = Field(default=WAIT, ge=0)

    def reads(self, name: GitName) -> bool:
        """Whether the repository of a name may be read."""
        if name.transport == "file":
            real = Path(name.path).resolve()
            return any(real.is_relative_to(folder.resolve()) for folder in self.folders)
        if name.transport == "http" and name.host not in self.insecure:
            return False
        place = f"{name.host}{name.path}"
        return any(place == entry or place.startswith(f"{entry}/") for entry in self.hosts)

    def secret(self, host: str) -> str:
        """The header for a host, read each time: what rotates secrets writes a new file. Empty for none.

        Raises:
            ConfigError: ``git.authorization``; never with a secret in it.
        """
        path = self.authorization.get(host)
        if path is None:
            return ""
        try:
            with path.open(encoding="ascii") as stream:
                text = stream.read(MAX_SECRET + 1).strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        if not text or len(text) > MAX_SECRET or not text.isprintable():
            raise ConfigError(
                "git.authorization",
                f"The file {str(path)!r} holds no value of an Authorization header.",
                why="It cannot be read, is empty or has several lines.",
                remedy="Write one line into it, e.g. `Basic` and user:token in base64.",
            )
        return f"Authorization: {text}"
