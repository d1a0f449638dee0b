"""One way to configure: ``govkernel.toml``, overridden by ``GOVKERNEL_*`` variables; each value can tell its origin.

Nested names are joined by two underscores: ``GOVKERNEL_AUDIT__DATABASE`` sets ``[audit] database``. Relative
paths are relative to the folder of the file, the *workspace*.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from govkernel.domain.addresses import web_address
from govkernel.domain.policy import PackMode
from govkernel.errors import ConfigError
from govkernel.files import read_file

FILE_NAME: Final = "govkernel.toml"
STATE: Final = ".govkernel"
MAX_CONFIG_BYTES: Final = 1024 * 1024

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"
"""What an authority of the trust policy may be called; it names a folder too."""

_HIDDEN: Final = ("guard.tenants", "plugins.settings")


def _web(url: str) -> str:
    if url and web_address(url) is None:  # empty: plugins route every model
        raise ValueError("must be a URL such as https://models.example/v1")
    return url


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KernelTable(_Table):
    """The ``[kernel]`` table."""

    deadline: float = Field(5.0, gt=0, le=60, description="Seconds for one decision.")
    evidence_ttl: float = Field(
        30.0, ge=0, le=3600, description="Seconds gathered evidence may be used again."
    )


class PackTable(_Table):
    """The ``[[packs]]`` table."""

    source: str = Field(description="Name of a shipped pack, or a folder.")
    mode: PackMode | None = Field(None, description="Overrides the pack's own mode.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Values for the pack's parameters.")


class InstanceTable(_Table):
    """One table of ``[trust.instances]``."""

    url: str = Field(min_length=1, max_length=2048, description="URL of the instance's TUF repository.")
    root: Path = Field(description="Root metadata to start from, given by a person, never downloaded.")


class TrustTable(_Table):
    """The ``[trust]`` table."""

    policy: Path = Field(Path(STATE) / "trust.yaml", description="Trust policy file.")
    attestations: Path = Field(Path(STATE) / "attestations", description="Bundle store.")
    file_roots: list[Path] = Field(
        default_factory=list,
        description="Folders from which servers may resolve file: names; none by default.",
    )
    instances: dict[Annotated[str, Field(pattern=NAME)], InstanceTable] = Field(
        default_factory=dict,
        description="By name of an authority: `url` of its TUF repository, and the `root` metadata to start from.",
    )


class SigningTable(_Table):
    """The ``[signing]`` table."""

    tsa: str = Field(
        "", description="URL of a timestamp authority (RFC 3161) for what is signed; empty for none."
    )
    tsa_ca: Path | None = Field(
        None, description="Its roots (PEM), or a trusted_root.json; checked before anything is written."
    )


class AuditTable(_Table):
    """The ``[audit]`` table."""

    database: str = Field("", description="SQLAlchemy URL; empty means SQLite in the workspace.")
    origin: str = Field("govkernel.local/audit", description="Origin line of the log's checkpoints.")
    key: Path = Field(Path(STATE) / "keys" / "audit.key", description="Ed25519 key that signs checkpoints.")
    host: str = Field("127.0.0.1", description="Address of the audit door.")
    port: int = Field(8445, ge=0, le=65535, description="Port of the audit door; 0 picks one.")
    token: str = Field("", repr=False, description="Bearer token for the audit door; empty asks for none.")


class AdmissionTable(_Table):
    """The ``[admission]`` table."""

    host: str = Field("127.0.0.1", description="Address of the webhook.")
    port: int = Field(8443, ge=0, le=65535, description="Port of the webhook; 0 picks one.")
    tls: Path = Field(Path(STATE) / "tls", description="Folder of CA and server certificate.")
    names: list[str] = Field(
        default_factory=lambda: ["localhost", "127.0.0.1", "govkernel.govkernel.svc"],
        description="Names and addresses the server certificate is for.",
    )
    environments: dict[str, str] = Field(default_factory=dict, description="Namespace to environment.")


Role = Literal["system", "user", "tool", "assistant"]
ROLES: Final[tuple[Role, ...]] = ("system", "user", "tool", "assistant")


class ModelTable(_Table):
    """A ``[[guard.models]]`` table."""

    path: Path = Field(description="Folder of a Hugging Face checkpoint, its weights as safetensors.")
    kind: Literal["tokens", "labels", "judge"] = Field(
        description="`tokens` finds spans, `labels` scores messages, `judge` writes a verdict about them."
    )
    name: str = Field(description="Name of the detector, in findings.")
    labels: dict[str, str] = Field(
        description="What the model calls a thing, to what it is called here; the rest is not reported."
    )
    threshold: float = Field(0.5, gt=0, le=1, description="Score from which on a label counts.")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="The same for single labels, as they are called here."
    )
    roles: list[Role] = Field(default_factory=lambda: [*ROLES], description="Whose messages it judges.")
    max_length: int | None = Field(
        None, description="Pieces of a window; what the model takes, at most 512, of a judge 4,096."
    )
    stride: int | None = Field(
        None, description="Pieces that two neighbouring windows share; a quarter of a window."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where it runs.")
    bundle: Path | None = Field(
        None, description="Its signature; every file is verified before it is parsed. Needs `key`."
    )
    key: Path | None = Field(None, description="Public key that must have signed it.")
    digest: str = Field(
        "", description="Digest that the folder must have, instead of a signature; `sha256:` and hex."
    )
    safe: str = Field("safe", description="How a judge's verdict begins when a text is harmless.")
    unsafe: str = Field(
        "unsafe", description="How it begins when it is not; categories follow on the next line."
    )
    max_new_tokens: int = Field(32, gt=0, le=256, description="How much a judge may write.")


class VaultTable(_Table):
    """The ``[guard.vault]`` table."""

    database: str = Field("", description="SQLAlchemy URL; empty keeps the vault in memory.")
    key: str = Field(
        f"file:{STATE}/keys/vault.key",
        description="Key-encryption key: a file, made when it is not there, or the URI of a key a plugin opens.",
    )
    previous_keys: list[str] = Field(
        default_factory=list,
        description="Key-encryption keys that may still have wrapped something, until a rotation.",
    )
    ttl: int = Field(
        86_400, gt=0, le=366 * 86_400, description="Seconds an entry is kept after its last use."
    )
    conversation_entries: int = Field(
        10_000, gt=0, le=1_000_000, description="Values of one conversation; the oldest give way."
    )
    tenant_entries: int = Field(
        1_000_000, gt=0, le=100_000_000, description="Values of one tenant; the oldest give way."
    )
    deadline: float = Field(
        2.0, gt=0, le=60, description="Seconds for one use of the database or of the key."
    )


class GuardTable(_Table):
    """The ``[guard]`` table."""

    host: str = Field("127.0.0.1", description="Address of the guard proxy.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the guard proxy; 0 picks one.")
    upstream: Annotated[str, AfterValidator(_web)] = Field(
        "http://127.0.0.1:8000/v1", description="Base URL of the model server."
    )
    upstream_key: str = Field(
        "", repr=False, description="Bearer token for the upstream; empty relays the client's."
    )
    tenants: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="SHA-256 (hex) of an API key to the tenant it belongs to.",
    )
    environment: str = Field("", description="Environment named in requests.")
    upstream_timeout: float = Field(
        600.0, gt=0, le=86400, description="Seconds the model server may be silent before it is given up."
    )
    max_request: int = Field(
        4 * 1024 * 1024,
        ge=1024,
        le=64 * 1024 * 1024,
        description="Bytes of a request, its images and files included.",
    )
    hold_back: int = Field(
        256, ge=64, le=4096, description="Characters of a streamed answer that may be held back."
    )
    hold_sentences: bool = Field(
        False, description="Hold back each sentence of a streamed answer until it is judged."
    )
    tiers: list[Literal[0, 1, 2]] | None = Field(
        None,
        description="0: undo disguises; 1: patterns, rules and the gate; 2: the encoder. All that are installed.",
    )
    false_positives: Literal["0.1%", "1%", "5%"] = Field(
        "0.1%", description="How often the models may flag a label in harmless text by mistake."
    )
    ask_encoder: Literal["doubt", "always"] = Field(
        "doubt", description="Ask the encoder where the gate leaves doubt, or about every text."
    )
    overload: Literal["refuse", "shed"] = Field(
        "refuse",
        description="When the encoder has more to read than it can: refuse, or let the gate's word count.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where the encoder runs; `auto` takes a GPU where there is one."
    )
    device_fault: Literal["cpu", "refuse"] = Field(
        "cpu", description="When a GPU fails: go on on the CPU, or refuse."
    )
    countries: list[str] = Field(
        default_factory=list,
        description="Countries whose identifiers are looked for too; `all` for every one.",
    )
    recognizers: Path | None = Field(
        None, description="A registry of recognizers (Presidio's YAML) that are added."
    )
    models: list[ModelTable] = Field(
        default_factory=list, description="Models of your own that are asked too; one table each."
    )
    vault: VaultTable = Field(VaultTable(), description="What surrogates stand for.")


class OpaTable(_Table):
    """The ``[opa]`` table."""

    url: str = Field("", description="A running OPA; empty starts a local one when a pack needs it.")
    binary: str = Field("opa", description="The opa binary for the local one.")
    token: str = Field("", repr=False, description="Bearer token for the OPA at `url`.")
    deadline: float = Field(1.0, gt=0, le=30, description="Seconds for one query.")


class CedarTable(_Table):
    """The ``[cedar]`` table."""

    entities: Path | None = Field(None, description="Cedar entities (JSON): who is in which team and role.")


class PluginsTable(_Table):
    """The ``[plugins]`` table."""

    disabled: list[str] = Field(default_factory=list, description="Installed plugins not to load.")
    deadline: float = Field(2.0, gt=0, le=86400, description="Seconds for one call of a plugin.")
    settings: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Per plugin, its own settings."
    )


class Settings(BaseSettings):
    """All settings of one workspace. Build with :func:`load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="GOVKERNEL_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    root: Path = Field(default_factory=Path.cwd, exclude=True, description="The workspace.")
    kernel: KernelTable = KernelTable()
    packs: list[PackTable] = Field(default_factory=lambda: [PackTable(source="baseline")])
    trust: TrustTable = TrustTable()
    signing: SigningTable = SigningTable()
    audit: AuditTable = AuditTable()
    admission: AdmissionTable = AdmissionTable()
    guard: GuardTable = GuardTable()
    opa: OpaTable = OpaTable()
    cedar: CedarTable = CedarTable()
    plugins: PluginsTable = PluginsTable()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which comes in as init values."""
        return (env_settings, init_settings)

    def path(self, path: Path) -> Path:
        """A configured path, made absolute against the workspace."""
        return path if path.is_absolute() else self.root / path

    @property
    def state(self) -> Path:
        """The workspace's state folder."""
        return self.root / STATE

    @property
    def database_url(self) -> str:
        """URL of the audit database."""
        return self.audit.database or f"sqlite:///{self.state / 'audit.db'}"


@dataclass(frozen=True)
class Explained:
    """One setting: its dotted name, value and origin (``default``, the file, or a variable)."""

    name: str
    value: str
    origin: str


def find_config(start: Path) -> Path | None:
    """The nearest ``govkernel.toml`` in ``start`` or above it."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def load_settings(config: Path | None = None, *, start: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        config: the file; default is ``GOVKERNEL_CONFIG`` or the nearest ``govkernel.toml``.
        start: where to look for it; default is the working directory.

    Raises:
        ConfigError: ``config.missing``, ``config.syntax`` or ``config.invalid``.
    """
    file = _config_file(config, start or Path.cwd())
    root = (file.parent if file else start or Path.cwd()).resolve()
    try:
        return Settings(**{**_read(file), "root": root})
    except ValidationError as error:
        raise _invalid(error, file) from None
    except SettingsError as error:
        raise _invalid_variable(error) from None


def overridden(settings: Settings, values: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Settings with some changed, which wins over the file and over the environment.

    Args:
        settings: what is configured.
        values: per table, what is changed.

    Raises:
        ConfigError: ``config.invalid``.
    """
    changed: dict[str, _Table] = {}
    for table, own in values.items():
        before: _Table = getattr(settings, table)
        try:
            changed[table] = type(before).model_validate({**before.model_dump(), **own})
        except ValidationError as error:
            raise _invalid(error, None, table) from None
    return settings.model_copy(update=changed)


def explain(settings: Settings, config: Path | None = None) -> Iterator[Explained]:
    """Every setting with its value and origin; secrets are not shown."""
    file = _config_file(config, settings.root)
    from_file = dict(_flatten(_read(file)))
    from_env = dict(_flatten(EnvSettingsSource(Settings)()))
    for name, value in _flatten(settings.model_dump(mode="json")):
        if any(name == key or name.startswith(f"{key}.") for key in from_env):
            origin = "GOVKERNEL_" + name.upper().replace(".", "__")
        elif any(name == key or name.startswith(f"{key}.") for key in from_file):
            origin = str(file)
        else:
            origin = "default"
        secret = name.endswith(("token", "_key", "database")) or name.startswith(_HIDDEN)
        yield Explained(name, "(hidden)" if secret and value else _show(value), origin)


def _config_file(config: Path | None, start: Path) -> Path | None:
    named = config or (Path(os.environ["GOVKERNEL_CONFIG"]) if os.environ.get("GOVKERNEL_CONFIG") else None)
    if named is None:
        return find_config(start)
    if not named.is_file():
        raise ConfigError(
            "config.missing",
            f"The configuration file {named} does not exist.",
            remedy="Run `govkernel init`, or name another file with --config.",
        )
    return named


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(read_file(file, MAX_CONFIG_BYTES).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise ConfigError(
            "config.syntax",
            f"The configuration file {file} cannot be read.",
            why=str(error),
            remedy="Correct the TOML; docs/reference/configuration.md lists every setting.",
        ) from None


def _invalid(error: ValidationError, file: Path | None, *table: str) -> ConfigError:
    problems = [
        f"{'.'.join(map(str, (*table, *item['loc'])))}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()[:5]
    ]
    return ConfigError(
        "config.invalid",
        f"The configuration{f' in {file}' if file else ''} is not valid.",
        why="; ".join(problems),
        remedy="Correct the named settings; `govkernel config explain` shows all of them.",
    )


def _invalid_variable(error: SettingsError) -> ConfigError:
    return ConfigError(
        "config.invalid",
        "An environment variable that begins with GOVKERNEL_ is not valid.",
        why=str(error),
        remedy="Write GOVKERNEL_TABLE__NAME=value for one setting, or the whole table as a JSON object; "
        "unset variables of that prefix that are not ours.",
    )


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flatten(item, f"{prefix}.{key}" if prefix else str(key))
    elif prefix:
        yield prefix, value


def _show(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
