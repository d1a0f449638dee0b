"""Cedar in process (cedarpy), the embedded default.

Handles are parsed once; a pack that does not validate in strict mode does not load; any evaluation error is an
error of the engine and so a deny: Cedar itself would skip the erring policy, and a forbid that errs would not fire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cedarpy

from govkernel.domain import PackMode, PolicyInput, PolicyPack, Verdict
from govkernel.engines.cedar_policies import PolicySlices, policy_ids, read_policies
from govkernel.engines.cedar_schema import pack_schema, parameter_values, project
from govkernel.errors import PolicyError

NAME: Final = "cedar"


class CedarEngine:
    """Policy engine for packs with ``engine: cedar``.

    Args:
        entities: Cedar entities JSON: who is in which team and role.

    Raises:
        PolicyError: ``policy.entities`` when the entities do not parse.
    """

    name = NAME

    def __init__(self, entities: str = "[]") -> None:
        try:
            self._entities = cedarpy.Entities.from_json_str(entities)
        except ValueError as error:
            raise PolicyError(
                "policy.entities",
                "The Cedar entities do not parse.",
                why=str(error),
                remedy="Write a JSON array of entities: uid, attrs, parents.",
            ) from None

    async def load(self, pack: PolicyPack) -> CedarPack:
        """Parse, understand and strictly validate a pack.

        Raises:
            PolicyError: ``policy.syntax``, ``policy.invalid``, ``policy.annotation``, …
        """
        schema = _schema(pack)
        slices = PolicySlices(read_policies(pack))
        _validate(pack, schema)
        return CedarPack(pack, slices, self._entities)

    async def close(self) -> None:
        """Nothing to release."""


class CedarPack:
    """A validated Cedar pack."""

    def __init__(self, pack: PolicyPack, slices: PolicySlices, entities: cedarpy.Entities) -> None:
        self.pack = pack
        self._slices = slices
        self._entities = entities
        self._parameters = parameter_values(pack.manifest.parameters, pack.parameters)

    @property
    def policy_ids(self) -> tuple[str, ...]:
        """Ids of all its policies."""
        return tuple(self._slices.policies)

    async def evaluate(self, question: PolicyInput) -> Verdict:
        """The satisfied permits and forbids.

        Raises:
            PolicyError: ``policy.evaluation`` when Cedar reports any error.
        """
        context = {**project(question.context), "parameters": self._parameters}
        satisfied = self._ask(question, context, "*")
        if self.pack.manifest.mode is not PackMode.ENFORCE and self._forbidden(satisfied):
            satisfied = [*satisfied, *self._ask(question, context, "permit")]
        chosen = [self._slices.policies[name] for name in satisfied]
        return Verdict(
            permits=tuple(item.reason for item in chosen if item.template.effect == "permit"),
            forbids=tuple(item.reason for item in chosen if item.template.effect == "forbid"),
            obligations=tuple(duty for item in chosen for duty in item.obligations),
        )

    def _forbidden(self, satisfied: list[str]) -> bool:
        return any(self._slices.policies[name].template.effect == "forbid" for name in satisfied)

    def _ask(self, question: PolicyInput, context: Mapping[str, Any], effect: str) -> list[str]:
        policies = self._slices.handle(question.action, question.resource.type, effect)
        if policies is None:
            return []
        result = cedarpy.is_authorized(
            {
                "principal": {"type": question.principal.type, "id": question.principal.id},
                "action": {"type": "Action", "id": question.action},
                "resource": {"type": question.resource.type, "id": question.resource.id},
                "context": context,
            },
            policies,
            self._entities,
        )
        errors = result.diagnostics.errors
        if errors or result.decision not in (cedarpy.Decision.Allow, cedarpy.Decision.Deny):
            raise PolicyError(
                "policy.evaluation",
                f"Pack {self.pack.manifest.id!r} could not be evaluated by Cedar.",
                why="; ".join(str(error) for error in errors)[:400],
                remedy="Run `govkernel policy test` on the pack; the facts it was given are in the record.",
            )
        return sorted(result.diagnostics.reasons, key=self._slices.order)


def _schema(pack: PolicyPack) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(pack_schema(pack.manifest.parameters))
    except ValueError as error:
        raise PolicyError(
            "policy.parameters",
            f"The parameters of pack {pack.manifest.id!r} have no Cedar schema.",
            why=str(error),
            remedy="Use simple parameter names and types.",
        ) from None


def _validate(pack: PolicyPack, schema: cedarpy.Schema) -> None:
    for source in pack.policies:
        result = cedarpy.validate_policies(source.text, schema)
        if not result.validation_passed:
            names = policy_ids(source.text)
            told = [
                error.error.replace(f"`{error.policy_id}`", names.get(error.policy_id, error.policy_id), 1)
                for error in result.errors
            ]
            raise PolicyError(
                "policy.invalid",
                f"The policy file {source.path} does not validate against the govkernel schema.",
                why="; ".join(list(dict.fromkeys(told))[:5])[:800],
                remedy="Guard optional facts with `has`, and use only the types, actions and attributes that "
                "`govkernel policy schema` prints.",
            )
