"""What a plugin may do. Each hook returns providers; the kernel calls them isolated and time-boxed.

A plugin is a module or object with functions decorated by :data:`hookimpl`, registered under the
entry-point group ``govkernel``. A hook returns a list of *providers*: objects that follow one of the
protocols below. Every provider method may be written as ``def`` (called in a thread of its own) or
``async def`` (called on the plugin's own event loop). A provider that raises, hangs past its deadline or
returns something else than it promised is a fault of its plugin: it is named, counted, and, on the
way to a decision, makes that decision a deny. docs/reference/hooks.md shows each hook with an example.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import pluggy
from pydantic import Field

from govkernel.domain import (
    Artifact,
    ArtifactRef,
    Extraction,
    Finding,
    PolicyInput,
    PolicyPack,
    Record,
    RejectedStatement,
    Report,
    Signer,
    Statement,
    Verdict,
)
from govkernel.domain.base import Frozen

if TYPE_CHECKING:
    import typer

PROJECT: Final = "govkernel"
"""pluggy project name and entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Bundle(Frozen):
    """A signature bundle as found, nothing about it checked.

    Attributes:
        content: the raw bytes, bounded by whoever read them.
        source: where they came from, for messages.
    """

    content: bytes = Field(max_length=32 * 1024 * 1024)
    source: str


class VerifiedStatement(Frozen):
    """A statement whose signature, subject and format were verified; trust is judged afterwards.

    Attributes:
        statement: what was said.
        signers: candidates whose signature verified; names are those of the trust policy.
        source: where the bundle was found.
        formats: file formats its verified manifest lists, if it is a model signature.
        signed_at: when it was signed, by a time that the verifier checked (a log's or a timestamp authority's);
            None when nobody but the signer says so.
    """

    statement: Statement
    signers: tuple[Signer, ...] = Field(min_length=1)
    source: str = ""
    formats: tuple[str, ...] = ()
    signed_at: datetime | None = None


class Route(Frozen):
    """Where the guard proxy sends a request.

    Attributes:
        base_url: e.g. ``http://127.0.0.1:8000/v1``, without trailing slash.
        headers: headers to set on the upstream request (credentials); never logged.
        model: model name to send instead of the client's, or None to leave it.
    """

    base_url: str
    headers: Mapping[str, str] = Field(default_factory=dict, repr=False)
    model: str | None = None


@runtime_checkable
class ArtifactExtractor(Protocol):
    """Reads the artifacts out of one Kubernetes object."""

    name: str

    def extract(self, manifest: Mapping[str, Any]) -> Extraction | None:
        """The workload and its artifacts; None when the object is not of a kind it knows."""


@runtime_checkable
class ReferenceResolver(Protocol):
    """Resolves a name to a digest."""

    schemes: frozenset[str]

    def resolve(self, ref: ArtifactRef) -> Artifact | Awaitable[Artifact | None] | None:
        """The artifact; None when this resolver does not know the name."""


@runtime_checkable
class AttestationSource(Protocol):
    """Finds bundles that may be about an artifact."""

    name: str

    def find(self, artifact: Artifact) -> Sequence[Bundle] | Awaitable[Sequence[Bundle]]:
        """Bundles, unchecked, in any order; empty when there is none."""


@runtime_checkable
class EvidenceVerifier(Protocol):
    """Verifies bundles of one format against the keys and identities of the trust policy."""

    name: str

    def verify(
        self, bundle: Bundle, artifact: Artifact, now: datetime
    ) -> VerifiedStatement | RejectedStatement | None:
        """The verified statement, the reason for refusing it, or None: not this verifier's format."""


@runtime_checkable
class LoadedPack(Protocol):
    """A pack that an engine understood and validated, ready to answer."""

    pack: PolicyPack

    async def evaluate(self, question: PolicyInput) -> Verdict:
        """The satisfied permits and forbids.

        Raises:
            PolicyError: the engine could not answer; the decision is then a deny that names it.
        """


@runtime_checkable
class PolicyEngine(Protocol):
    """Understands policy packs written in one language."""

    name: str

    async def load(self, pack: PolicyPack) -> LoadedPack:
        """Parse and validate a pack, completely, before it may answer anything.

        Raises:
            PolicyError: it does not parse or validate.
        """

    async def close(self) -> None:
        """Release connections and child processes."""


@runtime_checkable
class SigningKey(Protocol):
    """A key that signs; its secret never leaves it."""

    key_id: str

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message`` (DER for ECDSA, raw 64 bytes for Ed25519)."""

    def public_key_pem(self) -> bytes:
        """The public key as PEM SubjectPublicKeyInfo."""


@runtime_checkable
class SigningKeyProvider(Protocol):
    """Opens signing keys by URI, e.g. ``file:release.key`` or ``vault://transit/release``."""

    schemes: frozenset[str]

    def open(self, uri: str) -> SigningKey:
        """The key.

        Raises:
            ConfigError: no such key, or it cannot be used.
        """


@runtime_checkable
class KeyWrapper(Protocol):
    """A key that wraps other keys and never leaves where it is: a file, a KMS, a transit engine, an HSM.

    Attributes:
        key_id: names the key, also after it was rotated: what it wrapped is unwrapped by the key of this id.
    """

    key_id: str

    def wrap(self, key: bytes, context: bytes) -> bytes | Awaitable[bytes]:
        """``key`` (64 bytes), encrypted and authenticated, at most 4 KiB.

        Args:
            key: what to wrap.
            context: must be given again to unwrap: associated data.
        """

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | Awaitable[bytes]:
        """What was wrapped under this context; anything else must raise."""


@runtime_checkable
class KeyWrapperProvider(Protocol):
    """Opens key-encryption keys by URI, e.g. ``file:vault.key`` or ``transit://guard``."""

    schemes: frozenset[str]

    def open(self, uri: str) -> KeyWrapper | Awaitable[KeyWrapper]:
        """The key.

        Raises:
            ConfigError: no such key, or it cannot be used.
        """


@runtime_checkable
class Detector(Protocol):
    """Finds entities or unsafe content in text.

    Attributes:
        name: stable name, part of every finding.
        labels: every label it can report.

    It may have two more attributes. ``lookahead`` says how much of a stream it must see at once: ``"sentence"`` (the
    default) or ``"word"``, when its findings hold no white space and depend on nothing beyond their word. ``roles``
    names those whose texts it looks at; by default all.
    """

    name: str
    labels: frozenset[str]

    def detect(self, text: str, role: str) -> Sequence[Finding] | Awaitable[Sequence[Finding]]:
        """Findings in ``text``, a part of a message written by ``role``.

        Args:
            text: at most a few thousand characters.
            role: ``system``, ``user``, ``tool`` or ``assistant``.
        """


@runtime_checkable
class Foreseeing(Protocol):
    """A detector that knows where in a text that goes on a finding may have begun, so that streams need not wait."""

    def pending(self, text: str, role: str) -> int | Awaitable[int]:
        """The first place from which on findings may change with what follows; the length of ``text`` when none may.

        What stands before that place is decided: findings there are the same whatever comes.

        Args:
            text: a part of a message so far, at most a few thousand characters.
            role: who writes it.
        """


@runtime_checkable
class Upstream(Protocol):
    """Chooses where the guard proxy sends a request."""

    name: str

    def route(self, model: str) -> Route | None:
        """The route for a model name; None when this upstream does not serve it."""


@runtime_checkable
class DecisionSink(Protocol):
    """Receives every record after it was appended to the audit log."""

    name: str

    def emit(self, record: Record) -> Awaitable[None] | None:
        """Pass the record on (SIEM, message bus). A failure is counted and never changes a decision."""


@runtime_checkable
class Notifier(Protocol):
    """Tells people about denials and approvals asked for."""

    name: str

    def notify(self, record: Record) -> Awaitable[None] | None:
        """Send the message. A failure is counted and never changes a decision."""


@runtime_checkable
class ReportFormat(Protocol):
    """Renders a gate or admit report."""

    name: str

    def render(self, report: Report) -> str:
        """The report as text in this format."""


class Hooks:
    """The hook specifications; names are stable API."""

    @hookspec
    def govkernel_artifact_extractors(self) -> Sequence[ArtifactExtractor]:  # type: ignore[empty-body]
        """Extractors of artifacts from Kubernetes objects."""

    @hookspec
    def govkernel_reference_resolvers(self) -> Sequence[ReferenceResolver]:  # type: ignore[empty-body]
        """Resolvers of artifact names to digests."""

    @hookspec
    def govkernel_attestation_sources(self) -> Sequence[AttestationSource]:  # type: ignore[empty-body]
        """Places to look for bundles about an artifact."""

    @hookspec
    def govkernel_evidence_verifiers(self) -> Sequence[EvidenceVerifier]:  # type: ignore[empty-body]
        """Verifiers of bundle formats."""

    @hookspec
    def govkernel_policy_engines(self) -> Sequence[PolicyEngine]:  # type: ignore[empty-body]
        """Policy engines, chosen by a pack's ``engine``."""

    @hookspec
    def govkernel_signing_keys(self) -> Sequence[SigningKeyProvider]:  # type: ignore[empty-body]
        """Providers of signing keys, chosen by URI scheme."""

    @hookspec
    def govkernel_key_wrappers(self) -> Sequence[KeyWrapperProvider]:  # type: ignore[empty-body]
        """Providers of keys that wrap the keys of the guard's vault, chosen by URI scheme."""

    @hookspec
    def govkernel_detectors(self) -> Sequence[Detector]:  # type: ignore[empty-body]
        """Detectors for screening."""

    @hookspec
    def govkernel_upstreams(self) -> Sequence[Upstream]:  # type: ignore[empty-body]
        """Upstreams of the guard proxy, asked in order of registration."""

    @hookspec
    def govkernel_decision_sinks(self) -> Sequence[DecisionSink]:  # type: ignore[empty-body]
        """Receivers of every record."""

    @hookspec
    def govkernel_notifiers(self) -> Sequence[Notifier]:  # type: ignore[empty-body]
        """Receivers of records that a person should hear about."""

    @hookspec
    def govkernel_report_formats(self) -> Sequence[ReportFormat]:  # type: ignore[empty-body]
        """Report formats, chosen by ``--format``."""

    @hookspec
    def govkernel_cli_commands(self, app: typer.Typer) -> None:
        """Add commands to the ``govkernel`` command line."""
