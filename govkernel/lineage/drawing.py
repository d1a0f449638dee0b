"""A lineage as a tree of text, as Graphviz DOT, as JSON, and as one page of HTML without script."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any, Final

from govkernel.domain import Digest
from govkernel.lineage.graph import Edge, Lineage, Node

MAX_LINES: Final = 5000
"""Lines of a tree; an artifact that many descend from is shown whole once."""

_STYLE: Final = """
:root { color-scheme: light dark; } body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem;
  margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
ul { list-style: none; border-left: 1px solid #8888; margin: .2rem 0 .2rem .6rem; padding-left: 1rem; }
code { font-size: .85rem; overflow-wrap: anywhere; } .no { color: #b3261e; font-weight: 600; }
.yes { color: #1b6e3c; font-weight: 600; } .how { opacity: .75; }
@media (prefers-color-scheme: dark) { .no { color: #ff8a80; } .yes { color: #7bd89b; } }
"""


def draw(lineage: Lineage, form: str, *, down: bool = False) -> str:
    """The lineage in one of :data:`FORMATS`.

    Args:
        lineage: what to draw.
        form: the format.
        down: it holds descendants, not ancestors.
    """
    return FORMATS[form](lineage, down)


def _tree(lineage: Lineage, down: bool) -> str:
    lines: list[str] = [_line(lineage.nodes[lineage.root])]
    for depth, edge, node, again in _walk(lineage, down):
        if len(lines) == MAX_LINES:
            lines.append("… and more; --format json has all")
            break
        lines.append(
            f"{'  ' * depth}└ {edge.relation} ({edge.method}): {_line(node)}{' (see above)' if again else ''}"
        )
    return "\n".join(_printable(line) for line in lines) + "\n"


def _line(node: Node) -> str:
    mark = f"signed by {', '.join(node.signers)}" if node.signed else "NOT SIGNED"
    mark = f"REVOKED: {node.revoked}" if node.revoked else mark
    more = f", {node.license}" if node.license else ""
    return f"{node.name or '(no name)'}  {str(node.digest)[:19]}…  {mark}{more}"


def _walk(lineage: Lineage, down: bool) -> Iterator[tuple[int, Edge, Node, bool]]:
    """Depth first; below an artifact that was shown already, nothing is repeated."""
    following = _following(lineage, down)
    shown: set[Digest] = {lineage.root}
    stack = [(1, edge, node) for edge, node in reversed(following.get(lineage.root, []))]
    while stack:
        depth, edge, node = stack.pop()
        again = node.digest in shown
        yield depth, edge, node, again
        if not again:
            shown.add(node.digest)
            stack += [(depth + 1, *item) for item in reversed(following.get(node.digest, []))]


def _following(lineage: Lineage, down: bool) -> Mapping[Digest, list[tuple[Edge, Node]]]:
    found: dict[Digest, list[tuple[Edge, Node]]] = {}
    for edge in lineage.edges:
        here, there = (edge.parent, edge.child) if down else (edge.child, edge.parent)
        found.setdefault(here, []).append((edge, lineage.nodes[there]))
    return found


def _dot(lineage: Lineage, _down: bool) -> str:
    lines = ["digraph lineage {", "  rankdir=BT; node [shape=box, fontname=sans];"]
    for node in sorted(lineage.nodes.values(), key=lambda item: str(item.digest)):
        label = f"{node.name}\n{str(node.digest)[:19]}…\n{node.license}".strip()
        style = ", color=red, style=filled" if node.revoked else "" if node.signed else ", color=red"
        lines.append(f"  {_quoted(str(node.digest))} [label={_quoted(label)}{style}];")
    for edge in lineage.edges:
        label = _quoted(f"{edge.relation}: {edge.method}")
        lines.append(f"  {_quoted(str(edge.child))} -> {_quoted(str(edge.parent))} [label={label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _json(lineage: Lineage, _down: bool) -> str:
    return json.dumps(as_dict(lineage), indent=2) + "\n"


def as_dict(lineage: Lineage) -> dict[str, Any]:
    """The lineage as plain JSON values."""
    return {
        "root": str(lineage.root),
        "artifacts": [
            {
                "digest": str(node.digest),
                "name": node.name,
                "kind": node.kind.value,
                "signed": node.signed,
                "signers": list(node.signers),
                "revoked": node.revoked,
                "license": node.license,
                "rejections": list(node.rejections),
            }
            for node in sorted(lineage.nodes.values(), key=lambda item: str(item.digest))
        ],
        "derivations": [
            {
                "child": str(edge.child),
                "parent": str(edge.parent),
                "relation": edge.relation.value,
                "method": edge.method,
                "vouched": edge.vouched,
            }
            for edge in lineage.edges
        ],
        "untrusted": [str(node.digest) for node in lineage.untrusted],
        "belowRevoked": [
            {"digest": str(node.digest), "revoked": str(above.digest), "why": above.revoked}
            for node, above in lineage.below_revoked
        ],
        "licenses": sorted(lineage.licenses),
    }


def _html(lineage: Lineage, down: bool) -> str:
    root = lineage.nodes[lineage.root]
    title = f"{'Descendants' if down else 'Ancestry'} of {root.name or root.digest}"
    body = [f"<p>{_cell(root)}</p>"]
    depth = 0
    for level, edge, node, again in _walk(lineage, down):
        body.append("<ul>" * max(0, level - depth) + "</ul>" * max(0, depth - level))
        depth = level
        how = f'<span class="how">{_text(edge.relation)} ({_text(edge.method)})</span>'
        body.append(f"<li>{how} {_cell(node)}{' <em>see above</em>' if again else ''}")
    body.append("</ul>" * depth)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)} – govkernel</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{_text(title)}</h1>{''.join(body)}</main></body></html>\n"
    )


def _cell(node: Node) -> str:
    mark = (
        f'<span class="no">revoked: {_text(node.revoked)}</span>'
        if node.revoked
        else f'<span class="yes">signed by {_text(", ".join(node.signers))}</span>'
        if node.signed
        else '<span class="no">not signed</span>'
    )
    more = f" · {_text(node.license)}" if node.license else ""
    name = f"<strong>{_text(node.name or '(no name)')}</strong>"
    return f"{name} {mark}{more}<br><code>{_text(str(node.digest))}</code>"


def _quoted(text: str) -> str:
    """A DOT string (https://graphviz.org/doc/info/lang.html)."""
    clean = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _text(text: str) -> str:
    return escape(_printable(text))


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else " " for char in line)


FORMATS: Final[Mapping[str, Callable[[Lineage, bool], str]]] = {
    "tree": _tree,
    "dot": _dot,
    "json": _json,
    "html": _html,
}
