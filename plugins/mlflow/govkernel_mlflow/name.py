"""``mlflow://models/NAME/VERSION`` and ``mlflow://models/NAME@ALIAS``, as govkernel writes ``models:/…``, as parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(
    r"(?:mlflow://models|models:/{0,2})/(?P<name>[^/@:?#%\\\s]{1,250})"
    r"(?:/(?P<version>[0-9]{1,18})|@(?P<alias>[A-Za-z0-9_-]{1,250}))"
)


@dataclass(frozen=True)
class ModelName:
    """A version of a registered model.

    Attributes:
        name: of the model.
        version: its number; empty where an alias is given.
        alias: that leads to a version; empty for none.
    """

    name: str
    version: str
    alias: str


def parse(uri: str) -> ModelName | None:
    """The parts of a name; None when it is none. Stages and ``latest`` are no names of a version."""
    match = _NAME.fullmatch(uri)
    if match is None:
        return None
    return ModelName(match["name"], match["version"] or "", match["alias"] or "")
