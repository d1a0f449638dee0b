"""From what OPA answered to a :class:`Verdict`: exactly the documented shape, or an error; never a guess.

``decision := {"permit": [item, …], "forbid": [item, …]}`` where an item is
``{id, reason?, remedy?, controls?, obligations?: [{type, arguments?}]}``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from govkernel.domain import OBLIGATIONS, Effect, Obligation, Reason, Verdict
from govkernel.engines.opa.errors import bad_answer

MAX_ITEMS: Final = 200
_Text = Annotated[str, Field(max_length=2_000)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Duty(_Shape):
    type: _Name
    arguments: list[_Text] = Field(default=[], max_length=MAX_ITEMS)

    @field_validator("type")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in OBLIGATIONS:
            raise ValueError(f"unknown obligation {kind!r}")
        return kind


class _Item(_Shape):
    id: _Name
    reason: _Text = ""
    remedy: _Text = ""
    controls: list[_Name] = Field(default=[], max_length=MAX_ITEMS)
    obligations: list[_Duty] = Field(default=[], max_length=MAX_ITEMS)

    def as_reason(self, effect: Effect) -> Reason:
        """The item as a reason."""
        return Reason(
            policy=self.id,
            effect=effect,
            message=self.reason,
            remedy=self.remedy,
            controls=tuple(self.controls),
        )


class _Decision(_Shape):
    permit: list[_Item] = Field(max_length=MAX_ITEMS)
    forbid: list[_Item] = Field(max_length=MAX_ITEMS)


def verdict_of(result: Any, pack: str) -> Verdict:
    """The verdict that a ``decision`` document stands for.

    Args:
        result: the document, as parsed JSON.
        pack: id of the pack; every policy id must begin with it and a slash.

    Raises:
        PolicyError: ``opa.bad-answer``.
    """
    try:
        said = _Decision.model_validate(result)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise bad_answer(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    items = [*said.permit, *said.forbid]
    strangers = [item.id for item in items if not item.id.startswith(f"{pack}/")]
    if strangers:
        raise bad_answer(f"policy id {strangers[0][:80]!r} does not begin with {pack}/")
    return Verdict(
        permits=tuple(item.as_reason(Effect.ALLOW) for item in said.permit),
        forbids=tuple(item.as_reason(Effect.DENY) for item in said.forbid),
        obligations=tuple(
            Obligation(type=duty.type, arguments=tuple(duty.arguments), policy=item.id)
            for item in items
            for duty in item.obligations
        ),
    )
