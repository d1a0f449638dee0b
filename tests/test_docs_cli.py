"""docs/reference/cli.md lists exactly the commands and options there are, in the words of their help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from govkernel.cli.main import app

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"
COMMON = {"help", "config", "as_json", "install_completion", "show_completion"}


def test_the_page_says_what_the_help_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for section in sections():
        assert section in page, f"missing or outdated in {PAGE.name}:\n{section}"


def test_nothing_is_documented_that_does_not_exist() -> None:
    headings = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("### `govkernel")
    ]
    assert headings == [section.splitlines()[0] for section in sections()]


def sections() -> list[str]:
    """Per command, its heading, help and table of parameters, as Markdown."""
    return [_section(name, command) for name, command in commands("govkernel", typer.main.get_command(app))]


def commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    if getattr(command, "invoke_without_command", False) or not hasattr(command, "commands"):
        yield name, command
    for key, item in getattr(command, "commands", {}).items():
        yield from commands(f"{name} {key}", item)


def _section(name: str, command: Any) -> str:
    rows = [_row(item) for item in command.params if item.name not in COMMON]
    table = ["", "| parameter | |", "|---|---|", *rows] if rows else []
    return "\n".join([f"### `{name}`", "", " ".join((command.help or "").split()), *table])


def _row(item: Any) -> str:
    positional = item.param_type_name == "argument"
    name = item.name.upper() + ("…" if item.nargs == -1 else "") if positional else "`, `".join(item.opts)
    needed = " *Required.*" if item.required else ""
    return f"| `{name}` | {' '.join((item.help or '').split())}{needed} |"


if __name__ == "__main__":
    print("\n\n".join(sections()))
