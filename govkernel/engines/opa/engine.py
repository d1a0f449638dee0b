"""The policy engine for packs with ``engine: opa``; docs/reference/policy-packs.md says what their Rego must define."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from pydantic import SecretStr, ValidationError

from govkernel.domain import PolicyInput, PolicyPack, Verdict
from govkernel.engines.opa.answer import verdict_of
from govkernel.engines.opa.budget import Clock
from govkernel.engines.opa.errors import bad_answer
from govkernel.engines.opa.link import OpaLink
from govkernel.engines.opa.modules import Module, check_syntax_tree, module_of, package_of
from govkernel.engines.opa.settings import OpaSettings
from govkernel.errors import ConfigError

NAME: Final = "opa"


class OpaTable(Protocol):
    """The ``[opa]`` table of govkernel.toml."""

    @property
    def url(self) -> str:
        """A running OPA, or empty."""

    @property
    def binary(self) -> str:
        """The opa binary."""

    @property
    def token(self) -> str:
        """Bearer token."""

    @property
    def deadline(self) -> float:
        """Seconds for one query."""


def engine_from(table: OpaTable) -> OpaEngine:
    """The engine as configured; nothing is started or connected yet.

    Raises:
        ConfigError: ``opa.settings``.
    """
    try:
        settings = OpaSettings(
            url=table.url, binary=table.binary, token=SecretStr(table.token), deadline=table.deadline
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ConfigError(
            "opa.settings",
            "The [opa] table of govkernel.toml cannot be used.",
            why=first["msg"],
            remedy="Use https for other hosts; docs/reference/policy-packs.md lists the settings.",
        ) from None
    return OpaEngine(settings)


class OpaEngine:
    """Policy engine for packs with ``engine: opa``.

    Args:
        settings: how to reach OPA.
        clock: the time for pauses and probes, in seconds that never go back.
    """

    name = NAME

    def __init__(self, settings: OpaSettings | None = None, *, clock: Clock = time.monotonic) -> None:
        self._settings = settings or OpaSettings()
        self._link = OpaLink(self._settings, clock)

    @property
    def healthy(self) -> bool:
        """Whether OPA answered the last calls."""
        return self._link.healthy

    async def load(self, pack: PolicyPack) -> OpaPack:
        """Upload a pack and check what OPA made of it; with ``manage = false``, only see that it is there.

        Raises:
            PolicyError: ``opa.compile``, ``opa.unavailable``, ``opa.deadline``, ``opa.bad-answer``
                or ``opa.not-installed``.
        """
        loaded = OpaPack(pack, module_of(pack), self._link, self._settings)
        await loaded.prepare()
        return loaded

    async def close(self) -> None:
        """Close connections and end the child. What was uploaded to a server stays: others may use it."""
        await self._link.close()


class OpaPack:
    """A Rego pack that OPA holds."""

    def __init__(self, pack: PolicyPack, module: Module, link: OpaLink, settings: OpaSettings) -> None:
        self.pack = pack
        self.policy_ids: tuple[str, ...] | None = None
        self._module = module
        self._link = link
        self._settings = settings
        self._uploaded_at = -1

    async def prepare(self) -> None:
        """Upload and check the policies, where that is ours to do.

        Raises:
            PolicyError: see :meth:`OpaEngine.load`.
        """
        if self._settings.manage:
            tree = await self._link.call(
                lambda client: client.upload(self._module), self._settings.load_deadline
            )
            self.policy_ids = check_syntax_tree(self._module, tree)
            self._uploaded_at = self._link.starts

    async def evaluate(self, question: PolicyInput) -> Verdict:
        """The satisfied permits and forbids.

        Raises:
            PolicyError: ``opa.unavailable``, ``opa.deadline`` or ``opa.bad-answer``.
        """
        answer = await self._link.call(
            lambda client: self._ask(client, self._document(question)), self._settings.deadline
        )
        self._check_revision(answer)
        if "result" not in answer:
            raise bad_answer("`decision` is undefined for this input")
        return verdict_of(answer["result"], self.pack.manifest.id)

    async def _ask(self, client: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask; where the policies are ours and OPA lost them, upload them first."""
        if self._settings.manage and self._uploaded_at != self._link.starts:
            await client.upload(self._module)
            self._uploaded_at = self._link.starts
        answer: Mapping[str, Any] = await client.ask(
            self._path(), document, provenance=bool(self._settings.revision)
        )
        if self._settings.manage and "result" not in answer and self._link.may_repeat():
            await client.upload(self._module)
            answer = await client.ask(self._path(), document, provenance=False)
        return answer

    def _path(self) -> tuple[str, ...]:
        if self._settings.manage:
            return self._module.path
        return tuple(package_of(self.pack.manifest.id).split("."))

    def _document(self, question: PolicyInput) -> dict[str, Any]:
        document = question.document()
        return {**document, "context": {**document["context"], "parameters": self.pack.parameters}}

    def _check_revision(self, answer: Mapping[str, Any]) -> None:
        wanted = self._settings.revision
        if not wanted:
            return
        provenance = answer.get("provenance")
        bundles = provenance.get("bundles") if isinstance(provenance, Mapping) else None
        found = [
            str(bundle.get("revision"))
            for bundle in (bundles.values() if isinstance(bundles, Mapping) else ())
            if isinstance(bundle, Mapping)
        ]
        if wanted not in found:
            raise bad_answer(
                f"OPA answers from bundle revision {', '.join(found) or 'unknown'}, not {wanted}"
            )
