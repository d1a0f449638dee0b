"""docs/reference/hooks.md documents every hook, with an example that runs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from cryptography.exceptions import InvalidTag

from govkernel import hookspecs
from govkernel.hookspecs import Hooks
from govkernel.plugins import PluginHost

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "hooks.md"
HOOKS = sorted(name for name in vars(Hooks) if name.startswith("govkernel_"))
PROTOCOLS = {
    "govkernel_artifact_extractors": hookspecs.ArtifactExtractor,
    "govkernel_reference_resolvers": hookspecs.ReferenceResolver,
    "govkernel_attestation_sources": hookspecs.AttestationSource,
    "govkernel_evidence_verifiers": hookspecs.EvidenceVerifier,
    "govkernel_policy_engines": hookspecs.PolicyEngine,
    "govkernel_signing_keys": hookspecs.SigningKeyProvider,
    "govkernel_key_wrappers": hookspecs.KeyWrapperProvider,
    "govkernel_detectors": hookspecs.Detector,
    "govkernel_upstreams": hookspecs.Upstream,
    "govkernel_decision_sinks": hookspecs.DecisionSink,
    "govkernel_notifiers": hookspecs.Notifier,
    "govkernel_report_formats": hookspecs.ReportFormat,
}


def sections() -> dict[str, str]:
    """Heading to text of each section."""
    _, *parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def example(hook: str) -> dict[str, Any]:
    """The names that the hook's example defines."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", sections()[hook], flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": f"example_{hook}"}
    exec(compile(code, f"{PAGE.name}:{hook}", "exec"), names)
    return names


def test_every_hook_is_documented_and_nothing_else() -> None:
    assert sorted(sections()) == HOOKS


def test_every_hook_of_providers_has_a_protocol() -> None:
    assert sorted([*PROTOCOLS, "govkernel_cli_commands"]) == HOOKS


@pytest.mark.parametrize("hook", PROTOCOLS)
def test_the_example_registers_and_follows_the_protocol(hook: str) -> None:
    host = PluginHost()
    host.register("example", example(hook)["Plugin"]())
    offered = host.providers(hook)
    assert host.broken() == ()
    assert len(offered) == 1
    assert isinstance(offered[0].value, PROTOCOLS[hook])


def test_the_example_command_is_added() -> None:
    app = typer.Typer()
    example("govkernel_cli_commands")["Plugin"]().govkernel_cli_commands(app)
    assert [command.name for command in app.registered_commands] == ["hello"]


def test_the_example_key_service_wraps_a_key_for_one_context() -> None:
    provider = example("govkernel_key_wrappers")["Plugin"]().govkernel_key_wrappers()[0]
    key = provider.open("shelf:1")
    assert isinstance(key, hookspecs.KeyWrapper)
    wrapped = key.wrap(b"k" * 64, b"context")
    assert b"k" * 8 not in wrapped
    assert key.unwrap(wrapped, b"context") == b"k" * 64
    with pytest.raises(InvalidTag):
        key.unwrap(wrapped, b"another")


def test_the_example_engine_denies_through_the_kernel() -> None:
    from govkernel.combine import Answer, combine
    from govkernel.domain import Digest, EntityRef, PackManifest, PolicyFile, PolicyInput, PolicyPack

    manifest = PackManifest(id="weekend", version="1.0.0", engine="freeze", owner="release")
    text = PolicyFile(path="none", text="")
    pack = PolicyPack(manifest=manifest, policies=(text,), digest=Digest.sha256("0" * 64))
    entity = EntityRef(type="Model", id="m")
    question = PolicyInput(principal=entity, action="promote", resource=entity, context={"time": 0})

    async def ask() -> Any:
        loaded = await example("govkernel_policy_engines")["FreezeEngine"]().load(pack)
        return await loaded.evaluate(question)

    outcome = combine([question], [Answer(question, manifest, asyncio.run(ask()))])
    assert [reason.policy for reason in outcome.reasons] == ["weekend/freeze"]
