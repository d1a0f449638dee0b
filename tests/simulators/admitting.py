"""A workspace with a signed model, in which manifests are admitted through whatever plugins are installed.

For plugins that resolve names: the model lies signed on this machine, and again, somewhere else, under the name that a
manifest gives. Only if the plugin finds the same digest there does the signature count.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from govkernel.admission.offline import admit_files
from govkernel.assemble import assembled
from govkernel.config import PackTable, Settings, load_settings
from govkernel.domain import Artifact, ArtifactKind, ReportEntry
from govkernel.provenance import BundleStore, attest, sign_artifact
from govkernel.provenance.keys import LocalKeyProvider
from govkernel.workspace import create_workspace

POLICIES = """
@id("places/permit") permit (principal, action, resource);
@id("places/unsigned") @reason("Unsigned.") @remedy("Sign it.")
forbid (principal, action == Action::"admit", resource is Model) unless { context.evidence.signed };
"""


def model_files() -> dict[str, bytes]:
    """A small model, as path to content; with git's own file, which is no part of it."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return {
        "model.safetensors": struct.pack("<Q", len(header)) + header + struct.pack("<2f", 1.0, 2.0),
        "config.json": b'{"model_type": "tiny"}',
        "tokenizer/vocab.txt": b"a\nb\n",
        ".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
    }


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Files in a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


class Workspace:
    """A workspace whose release key signed :func:`model_files`.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        made = create_workspace(root, key_name="release")
        pack = root / "pack"
        pack.mkdir()
        (pack / "pack.yaml").write_text("id: places\nversion: 1.0.0\nengine: cedar\nowner: tests\n")
        (pack / "places.cedar").write_text(POLICIES)
        self.settings = load_settings(made.config)
        self._key = LocalKeyProvider(Path(), None).open(f"file:{made.key}")
        self.store = BundleStore(self.settings.path(self.settings.trust.attestations))
        self.model = self._signed(write_files(root / "model", model_files()))

    def _signed(self, folder: Path) -> Artifact:
        signed = sign_artifact(folder, ArtifactKind.MODEL, self._key)
        for bundle in signed.bundles:
            self.store.add(bundle.content)
        return signed.artifact

    def vouch(self, artifact: Artifact, **said: Mapping[str, Any]) -> None:
        """State predicates, by short name with ``_`` for ``-``, about an artifact that is known by its digest."""
        for name, predicate in said.items():
            self.store.add(attest(artifact, name.replace("_", "-"), predicate, self._key))

    def admit(self, uri: str, plugins: Mapping[str, Mapping[str, Any]], pack: str = "") -> ReportEntry:
        """What is decided about an InferenceService that loads a model.

        Args:
            uri: its ``storageUri``.
            plugins: settings by plugin.
            pack: asked instead of the one that asks for nothing but a signature.
        """
        pytest.importorskip("govkernel_kserve", reason="pip install ./plugins/kserve")
        manifest = self.settings.root / "service.json"
        predictor = {"model": {"modelFormat": {"name": "x"}, "storageUri": uri}}
        manifest.write_text(
            json.dumps(
                {
                    "apiVersion": "serving.kserve.io/v1beta1",
                    "kind": "InferenceService",
                    "metadata": {"name": "tiny", "namespace": "prod"},
                    "spec": {"predictor": predictor},
                }
            )
        )
        return asyncio.run(self._admit(manifest, self._with(plugins), pack))

    def _with(self, plugins: Mapping[str, Mapping[str, Any]]) -> Settings:
        # Long deadlines: what is measured here is who decides what, on a machine that may be busy.
        table = self.settings.plugins.model_copy(update={"settings": dict(plugins), "deadline": 60.0})
        kernel = self.settings.kernel.model_copy(update={"deadline": 60.0})
        return self.settings.model_copy(update={"plugins": table, "kernel": kernel})

    async def _admit(self, manifest: Path, settings: Settings, pack: str) -> ReportEntry:
        packs = [PackTable(source=pack or str(self.settings.root / "pack"))]
        async with assembled(settings, packs=packs) as parts:
            report = await admit_files([manifest], parts.kernel, parts.host)
        return report.entries[0]
