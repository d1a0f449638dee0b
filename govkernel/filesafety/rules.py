"""Every rule a finding can name: what it means, and whether it makes a file unsafe or only unknown.

docs/reference/file-safety.md lists the same; a test holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        unsafe: whether a finding of it makes the file unsafe; otherwise it cannot be told.
        meaning: one sentence for people.
    """

    unsafe: bool
    meaning: str


_UNSAFE: Final = {
    "pickle-global": "The pickle names a class or function outside the allow-list.",
    "pickle-call": "An allowed function is called with arguments it is not allowed to have.",
    "pickle-state": "State is given to something that must not be given any, or not this.",
    "pickle-computed-name": "The pickle computes the name of what it imports.",
    "pickle-extension": "The pickle reaches into the extension registry of the process that loads it.",
    "pickle-persistent-id": "A persistent id that is not a plain tensor storage.",
    "pickle-broken": "The pickle breaks off or is malformed; a loader has run it up to that point.",
    "pickle-memory": "The pickle asks for memory out of all proportion to its size.",
    "pickle-trailing": "Bytes follow the pickle that are none.",
    "torch-storage": "A tensor and its storage do not fit together.",
    "torch-tar": "PyTorch's old tar format, whose loader runs every pickle in it without limits.",
    "torch-script": "TorchScript: the file holds a program.",
    "zip-ambiguous": "Two loaders could see different contents in this zip.",
    "zip-encrypted": "A member says it is encrypted; loaders that ignore the flag read it all the same.",
    "archive-path": "A member's path is absolute, climbs out, or is no plain path.",
    "archive-link": "A member is a link or a device.",
    "archive-bomb": "It unpacks to far more than it is.",
    "archive-malformed": "The archive's structure contradicts itself.",
    "name-mismatch": "The content is a container that the name denies.",
    "numpy-header": "The array's header is not what numpy writes, or does not fit the data.",
    "safetensors-header": "The header contradicts itself, the format or the data.",
    "gguf-structure": "The file contradicts itself, the format or its size.",
    "template-danger": "A chat template reaches for more than text: names, attributes, filters or calls.",
    "onnx-path": "External data outside the model's directory.",
    "config-path": "A configuration names a file or folder outside its own for a loader to open.",
    "onnx-structure": "The model contradicts itself, or its external data.",
    "tensorflow-op": "The graph reads or writes files, or runs Python.",
    "keras-layer": "A layer or object that runs code, reads files, or comes from outside Keras.",
    "hdf5-external": "The file reaches into other files.",
    "remote-code": "The configuration asks for code to be loaded and run.",
    "json-duplicate": "A JSON object has a key twice; readers differ on which counts.",
    "code": "A program or script stands beside the weights.",
    "yaml-tag": "A YAML tag or key that makes a loader call functions.",
    "arrow-extension": "An Arrow extension type whose definition is a pickle.",
}

_UNKNOWN: Final = {
    "not-a-pickle": "Called or loaded like a pickle, but it is none; nothing in it can run as one.",
    "unknown-format": "A format that cannot be judged.",
    "unknown-container": "A container or compression that cannot be opened.",
    "unknown-operator": "An operator or layer that is neither known to be harmless nor to harm.",
    "unreadable-structure": "Well-formed perhaps, but of a kind that is not read here.",
    "too-large": "Too large to be judged.",
    "too-deep": "Nested too deep to be judged.",
    "too-many-members": "Too many members to be judged.",
    "too-many-opcodes": "Too many opcodes to be judged.",
    "link": "A symbolic link; its target may change unnoticed.",
    "not-a-file": "Neither a file nor a directory.",
    "changed": "The file changed while it was judged.",
    "unreadable": "The file cannot be read.",
    "empty": "There is nothing to judge.",
    "examiner-failed": "The examination failed in a way it should not; please report it.",
}

RULES: Final = {name: Rule(True, text) for name, text in _UNSAFE.items()} | {
    name: Rule(False, text) for name, text in _UNKNOWN.items()
}
"""Rule by name."""
