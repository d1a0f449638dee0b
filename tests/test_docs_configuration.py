"""docs/reference/configuration.md lists exactly the settings there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from govkernel.config import PackTable, Settings

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "configuration.md"


def test_every_setting_is_documented_with_its_description_and_default() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in rows():
        assert row in page, f"missing or outdated in {PAGE.name}:\n{row}"


def test_nothing_is_documented_that_is_not_a_setting() -> None:
    documented = {line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")}
    assert documented == set(rows())


def rows() -> list[str]:
    """One Markdown table row per setting."""
    found: list[str] = []
    for name, field in Settings.model_fields.items():
        if name == "root":
            continue
        table = PackTable if name == "packs" else field.annotation
        assert isinstance(table, type)
        assert issubclass(table, BaseModel)
        found.extend(_table("packs[]" if name == "packs" else name, table))
    return found


def _table(prefix: str, table: type[BaseModel]) -> Iterator[str]:
    for key, item in table.model_fields.items():
        inner = item.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _table(f"{prefix}.{key}", inner)
        else:
            yield _row(f"{prefix}.{key}", item)


def _row(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    shown = str(default) if isinstance(default, Path) else repr(default)
    return f"| `{name}` | {'required' if field.is_required() else f'`{shown}`'} | {field.description} |"


if __name__ == "__main__":
    print("\n".join(rows()))
