"""What all facts of a case have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Facts(BaseModel):
    """Base of the facts: camelCase in files, closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)
