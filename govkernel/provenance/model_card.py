"""A Hugging Face model card (README.md with metadata on top) as a model-card claim. Pure.

The metadata's names are the hub's (https://huggingface.co/docs/hub/model-cards); ``risk_class`` is ours, and must be
said by whoever answers for the model. Intended use and limitations are the sections of those names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, Final

from govkernel.domain import strict_yaml
from govkernel.errors import InputError

MAX_CARD: Final = 1024 * 1024
MAX_TEXT: Final = 4096

_CARD: Final = re.compile(r"\A\ufeff?---[ \t]*\r?\n(?P<head>.*?)\r?\n---[ \t]*\r?\n(?P<body>.*)\Z", re.DOTALL)
_HEADING: Final = re.compile(r"^#{1,6}[ \t]+(.{1,200}?)[ \t#]*$", re.MULTILINE)
_USE: Final = re.compile(
    r"(intended|direct|primary)? ?uses?( cases?)?( (and|&) limitations)?|intended uses? .*", re.IGNORECASE
)
_LIMITS: Final = re.compile(r".*(limitation|bias|out-of-scope).*", re.IGNORECASE)
_SPDX: Final = {
    name.lower(): name
    for name in (
        *(
            "Apache-2.0",
            "MIT",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "ISC",
            "Zlib",
            "Unlicense",
            "WTFPL",
            "MPL-2.0",
        ),
        *(
            "GPL-2.0",
            "GPL-3.0",
            "LGPL-2.1",
            "LGPL-3.0",
            "AGPL-3.0",
            "EPL-2.0",
            "EUPL-1.1",
            "EUPL-1.2",
            "AFL-3.0",
        ),
        *(
            "CC0-1.0",
            "CC-BY-3.0",
            "CC-BY-4.0",
            "CC-BY-SA-3.0",
            "CC-BY-SA-4.0",
            "CC-BY-NC-4.0",
            "CC-BY-ND-4.0",
        ),
        *("CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "CDLA-Permissive-2.0", "ODbL-1.0", "OFL-1.1", "Artistic-2.0"),
        *("PDDL-1.0", "ECL-2.0", "BSL-1.0", "MS-PL", "OSL-3.0", "NCSA"),
    )
}
_UNKNOWN: Final = frozenset({"", "other", "unknown"})


def model_card(content: bytes) -> dict[str, Any]:
    """The claim that a card makes; what it lacks is lacking in the claim.

    Args:
        content: the file.

    Raises:
        InputError: ``card.malformed``, or what is wrong with its YAML.
    """
    match = _CARD.fullmatch(_decoded(content))
    if match is None:
        raise _malformed("It does not start with metadata between two lines of ---.")
    head = strict_yaml.load(match["head"])
    if not isinstance(head, Mapping):
        raise _malformed("Its metadata is not a mapping.")
    claim = {
        "license": _license(head.get("license")),
        "riskClass": head.get("risk_class"),
        "intendedUse": _section(match["body"], _USE),
        "limitations": _section(match["body"], _LIMITS),
        "languages": _texts(head.get("language")),
        "baseModels": _texts(head.get("base_model")),
        "datasets": _texts(head.get("datasets")),
        "tags": _texts(head.get("tags")),
        "pipelineTag": head.get("pipeline_tag"),
        "libraryName": head.get("library_name"),
        "cardDigest": {"sha256": hashlib.sha256(content).hexdigest()},
    }
    return {name: value for name, value in claim.items() if value}


def _decoded(content: bytes) -> str:
    if len(content) > MAX_CARD:
        raise _malformed(f"It is larger than {MAX_CARD} bytes.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("It is not UTF-8.") from None


def _license(said: object) -> str:
    names = [item.strip() for item in _texts(said)]
    if any(name.lower() in _UNKNOWN for name in names) or not names:
        return "NOASSERTION"
    return " AND ".join(_SPDX.get(name.lower(), f"LicenseRef-{name}") for name in names)


def _texts(said: object) -> list[str]:
    items = said if isinstance(said, list | tuple) else [said]
    return list(dict.fromkeys(item for item in items if isinstance(item, str) and item))


def _section(body: str, name: re.Pattern[str]) -> str:
    """The text below the first heading of that name, up to the next heading."""
    headings = list(_HEADING.finditer(body))
    for here, following in zip_longest(headings, headings[1:]):
        if name.fullmatch(here[1].strip(" :*_")):
            text = body[here.end() : following.start() if following else len(body)]
            return " ".join(text.split())[:MAX_TEXT]
    return ""


def _malformed(why: str) -> InputError:
    return InputError(
        "card.malformed",
        "The file is not a model card.",
        why=why,
        remedy="Write one as the Hugging Face hub has them, with license and risk_class in its metadata.",
    )
