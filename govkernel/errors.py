"""The one error type of the house: every failure says what, why and what to do next.

Codes are stable, dotted, lower-case (``area.problem``) and listed in docs/reference/errors.md.
This module sits below every other room and imports nothing of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

CODE_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+")


class GovkernelError(Exception):
    """A failure that advises.

    Attributes:
        code: stable machine-readable code, ``area.problem``.
        what: what happened, one sentence, no secrets, no raw prompt text.
        why: why it happened, as far as known.
        remedy: what a person should do next.

    Raises:
        ValueError: the code does not follow ``area.problem``.
    """

    def __init__(self, code: str, what: str, *, why: str = "", remedy: str = "") -> None:
        if not CODE_PATTERN.fullmatch(code):
            raise ValueError(f"not a govkernel error code: {code!r}")
        super().__init__(code, what, why, remedy)
        self.code = code
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return f"[{self.code}] {self.what}"

    def as_dict(self) -> Mapping[str, str]:
        """The error for machines: keys ``code``, ``what``, ``why``, ``remedy``."""
        return {"code": self.code, "what": self.what, "why": self.why, "remedy": self.remedy}


class InputError(GovkernelError):
    """Bytes from outside that we refuse to read: too large, too deep, malformed."""


class ConfigError(GovkernelError):
    """A setting, key file, trust policy or pack that cannot be used as written."""


class PolicyError(GovkernelError):
    """A policy pack that does not load, or an engine that could not answer."""


class ProvenanceError(GovkernelError):
    """An artifact that cannot be digested or signed."""


class AuditError(GovkernelError):
    """The decision log could not be written or read."""


class PluginError(GovkernelError):
    """A plugin raised, hung past its deadline or returned nonsense.

    Attributes:
        plugin: name of the plugin at fault.
    """

    def __init__(self, code: str, what: str, *, plugin: str, why: str = "", remedy: str = "") -> None:
        super().__init__(code, what, why=why, remedy=remedy)
        self.plugin = plugin
