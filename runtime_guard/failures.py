"""The guard's own errors that several of its parts raise."""

from __future__ import annotations

from govkernel.errors import GovkernelError


def detector_failed(name: str, error: Exception) -> GovkernelError:
    """The error for a detector that did not answer; what it was asked about is not told."""
    return GovkernelError(
        "guard.detector-failed",
        f"The detector {name!r} could not answer.",
        why=error.what if isinstance(error, GovkernelError) else type(error).__name__,
        remedy="Nothing unscreened is released. Fix or disable the detector; `govkernel plugins` lists faults.",
    )


def unread(name: str, why: str) -> GovkernelError:
    """The error for one text that a detector could make nothing of.

    Args:
        name: of the detector.
        why: what went wrong; never the text.
    """
    return detector_failed(name, GovkernelError("guard.detector-failed", why))


def too_many(name: str, most: int, length: int) -> GovkernelError:
    """The error for a detector that finds more in a text than can stand there.

    Args:
        name: of the detector.
        most: findings that are taken.
        length: characters of the text.
    """
    return GovkernelError(
        "guard.too-many-findings",
        f"The detector {name!r} finds too much in one text.",
        why=f"more than {most} findings in {length} characters",
        remedy="Nothing unscreened is released. Let the detector report each value once, as one span.",
    )


def overloaded(name: str, why: str) -> GovkernelError:
    """The error for a text that waited too long, or found too many before it."""
    return GovkernelError(
        "guard.overloaded",
        f"The detector {name!r} has more to read than it can.",
        why=why,
        remedy="Try again; if it lasts, add replicas, or let doubtful texts pass on a glance ([guard] overload).",
    )
