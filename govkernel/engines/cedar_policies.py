"""Cedar policies with their annotations understood, sliced by action and resource type.

Cost is linear in the number of policies, so only those that can match a question are evaluated. Slicing looks
at the scope alone (Cedar reference, "Policy scope"): a policy is left out only where its scope cannot match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import cedarpy
from cedarpy import pst

from govkernel.domain import OBLIGATIONS, Effect, Obligation, PolicyPack, Reason
from govkernel.errors import PolicyError

_TEXT_ANNOTATIONS: Final = frozenset({"id", "reason", "remedy", "controls"})
_ALL: Final = "*"
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|;', re.DOTALL)
"""What may hold a semicolon that ends no policy, and one that does."""
_BLANK: Final = re.compile(r"(?:\s|//[^\n]*)*")


@dataclass(frozen=True)
class Policy:
    """One policy and what its annotations say.

    Attributes:
        template: the parsed policy; its id is the annotated one.
        actions: action ids its scope can match; None for any.
        resource_type: resource type its scope can match; None for any.
        reason: what to report when it is satisfied.
        obligations: what the PEP must then do.
    """

    template: pst.Template
    actions: frozenset[str] | None
    resource_type: str | None
    reason: Reason
    obligations: tuple[Obligation, ...]

    def can_match(self, action: str, resource_type: str) -> bool:
        """Whether the scope admits this action and resource type."""
        return (self.actions is None or action in self.actions) and self.resource_type in (
            None,
            resource_type,
        )


class PolicySlices:
    """The policies of one pack, and a parsed handle for each slice that was asked for."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.policies: Mapping[str, Policy] = {item.template.id: item for item in policies}
        self._order = {name: position for position, name in enumerate(self.policies)}
        self._handles: dict[tuple[str, str, str], cedarpy.PolicySet | None] = {}

    def order(self, name: str) -> int:
        """Where a policy stands in the pack: its author puts first what a person should read first."""
        return self._order[name]

    def handle(self, action: str, resource_type: str, effect: str = _ALL) -> cedarpy.PolicySet | None:
        """The handle for a slice; None when no policy can match."""
        key = (action, resource_type, effect)
        if key not in self._handles:
            self._handles[key] = self._build(*key)
        return self._handles[key]

    def _build(self, action: str, resource_type: str, effect: str) -> cedarpy.PolicySet | None:
        chosen = {
            name: item.template
            for name, item in self.policies.items()
            if item.can_match(action, resource_type) and effect in (_ALL, item.template.effect)
        }
        if not chosen:
            return None
        nodes = pst.PolicySet(templates={}, static_policies=chosen, template_links=())
        return cedarpy.PolicySet.from_pst(nodes)


def read_policies(pack: PolicyPack) -> tuple[Policy, ...]:
    """Parse the policies of a pack and understand their annotations.

    Raises:
        PolicyError: ``policy.syntax``, ``policy.template``, ``policy.annotation`` or ``policy.duplicate-id``.
    """
    found: dict[str, Policy] = {}
    for source in pack.policies:
        templates = _parse(source.path, source.text)
        if not templates:
            raise _bad("syntax", source.path, "it holds no policy")
        for template in templates:
            policy = _understand(pack, source.path, template)
            if policy.template.id in found:
                raise _bad("duplicate-id", source.path, f"policy id {policy.template.id!r} is used twice")
            found[policy.template.id] = policy
    return tuple(found.values())


def policy_ids(text: str) -> dict[str, str]:
    """What policies of a text that parses are called, by the name that Cedar gives them in its messages."""
    nodes = cedarpy.PolicySet.from_str(text).to_pst()
    return {name: template.annotations.get("id") or name for name, template in nodes.static_policies.items()}


def _parse(path: str, text: str) -> list[pst.Template]:
    try:
        nodes = cedarpy.PolicySet.from_str(text).to_pst()
    except ValueError as error:
        raise _bad("syntax", path, _where(text) or str(error)) from None
    if nodes.templates:
        raise _bad("template", path, "policy templates (?principal, ?resource) are not supported")
    # cedarpy names policies policy0, policy1, … in the order they are written
    return [nodes.static_policies[f"policy{position}"] for position in range(len(nodes.static_policies))]


def _where(text: str) -> str:
    """On which line the first policy begins that does not parse alone, and why it does not; Cedar tells no place."""
    ends = [found.end() for found in _TOKEN.finditer(text) if found.group() == ";"]
    start = 0
    for end in (*ends, len(text)):
        try:
            cedarpy.PolicySet.from_str(text[start:end])
        except ValueError as error:
            begins = next(_BLANK.finditer(text, start)).end()
            line = text.count("\n", 0, begins) + 1
            return f"line {line}: in the policy that begins here: {error}"
        start = end
    return ""


def _understand(pack: PolicyPack, path: str, template: pst.Template) -> Policy:
    annotations: Mapping[str, str] = {key: value or "" for key, value in template.annotations.items()}
    name = annotations.get("id", "")
    if not name.startswith(f"{pack.manifest.id}/") or len(name) > 200:
        raise _bad("annotation", path, f'every policy needs @id("{pack.manifest.id}/…"), found {name!r}')
    unknown = sorted(set(annotations) - _TEXT_ANNOTATIONS - OBLIGATIONS)
    if unknown:
        raise _bad("annotation", path, f"{name}: unknown annotation @{unknown[0]}")
    return Policy(
        template=replace(template, id=name),
        actions=_actions(template.action),
        resource_type=_resource_type(template.resource),
        reason=Reason(
            policy=name,
            effect=Effect.ALLOW if template.effect == "permit" else Effect.DENY,
            message=annotations.get("reason", ""),
            remedy=annotations.get("remedy", ""),
            controls=_arguments(annotations.get("controls", "")),
        ),
        obligations=tuple(
            Obligation(type=key, arguments=_arguments(value) if key != "warn" else (value,), policy=name)
            for key, value in annotations.items()
            if key in OBLIGATIONS
        ),
    )


def _actions(scope: Any) -> frozenset[str] | None:
    if isinstance(scope, pst.ActionEq):
        return frozenset({scope.entity.id})
    if isinstance(scope, pst.ActionIn):
        return frozenset(entity.id for entity in scope.entities)
    return None


def _resource_type(scope: Any) -> str | None:
    if isinstance(scope, pst.ScopeIs | pst.ScopeIsIn):
        return str(scope.entity_type)
    if isinstance(scope, pst.ScopeEq) and isinstance(scope.entity, pst.EntityUid):
        return str(scope.entity.type)
    return None


def _arguments(text: str) -> tuple[str, ...]:
    return tuple(part for part in (item.strip() for item in text.split(",")) if part)


def _bad(problem: str, path: str, why: str) -> PolicyError:
    return PolicyError(
        f"policy.{problem}",
        f"The policy file {path} cannot be used.",
        why=why,
        remedy="Correct the file, then run `govkernel policy validate` on the pack.",
    )
