"""The webhook's decision about manifest files, without a cluster: ``govkernel admit -f MANIFEST``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from govkernel import __version__
from govkernel.admission.ask import Answer, ask, principal_of, title_of
from govkernel.admission.manifests import Item, read_manifests
from govkernel.admission.service import attributes_of, object_of
from govkernel.domain import Decision, Effect, Record, Report, ReportEntry, Request
from govkernel.plugins import PluginHost

LOCAL_USER: Final = "local"
DEFAULT_NAMESPACE: Final = "default"


class Kernel(Protocol):
    """The decision point, as this command sees it."""

    @property
    def pack_names(self) -> tuple[str, ...]:
        """``id@version`` of the packs that are asked."""

    async def judge(self, request: Request) -> Record:
        """The recorded decision with its evidence."""


async def admit_files(
    files: Sequence[Path],
    kernel: Kernel,
    host: PluginHost,
    *,
    user: str = "",
    environments: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Report:
    """Decide about every object in some files; nothing is asked before all of them were read.

    Args:
        files: YAML or JSON files; ``-`` is standard input.
        kernel: decides.
        host: offers the extractors.
        user: who would apply them, as Kubernetes names users; default ``local``, or who an AdmissionReview names.
        environments: namespace to environment.
        now: time of the report; default: the current time. Decisions carry the kernel's own.

    Raises:
        InputError: as :func:`govkernel.admission.manifests.read_manifests`.
    """
    items = read_manifests(files)
    entries = [await _entry(item, kernel, host, user, environments or {}) for item in items]
    return Report(
        command="admit",
        tool_version=__version__,
        packs=kernel.pack_names,
        created_at=now or datetime.now(UTC),
        entries=tuple(entries),
    )


async def _entry(
    item: Item, kernel: Kernel, host: PluginHost, user: str, environments: Mapping[str, str]
) -> ReportEntry:
    """An object in an AdmissionReview is judged whatever its operation: this command is asked what if."""
    reviewed = item.review.user_info.username if item.review else ""
    answer = await ask(
        object_of(item.review) if item.review else _in_namespace(item.manifest),
        principal_of(user or reviewed or LOCAL_USER),
        kernel,
        host,
        environments=environments,
        attributes=attributes_of(item.review) if item.review else {"admission": {"operation": "CREATE"}},
    )
    subjects = answer.record.subjects
    return ReportEntry(
        path=item.path,
        title=title_of(answer.record.request.workload),
        artifacts=tuple(subject.artifact for subject in subjects),
        evidence=tuple(subject.evidence for subject in subjects),
        decision=_decision(answer),
        line=item.line_of(),
        lines=tuple(item.line_of(subject.artifact.where) for subject in subjects),
    )


def _decision(answer: Answer) -> Decision:
    decided = answer.record.decision
    if not answer.denials:
        return decided
    return decided.model_copy(
        update={
            "effect": Effect.DENY,
            "reasons": answer.reasons,
            "faults": (*answer.faults, *decided.faults),
            "obligations": (),
        }
    )


def _in_namespace(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = manifest.get("metadata")
    known = dict(metadata) if isinstance(metadata, Mapping) else {}
    return {**manifest, "metadata": {**known, "namespace": known.get("namespace") or DEFAULT_NAMESPACE}}
