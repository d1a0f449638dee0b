"""What ``govkernel trust`` shows to people."""

from __future__ import annotations

from typing import Any, Final

from rich.tree import Tree

from govkernel.cli.output import Terminal, console, plain, say
from govkernel.errors import ConfigError
from govkernel.provenance.trust_explain import short

WIDE: Final = 4096
"""Columns of what is not a terminal."""


def valid(document: dict[str, Any]) -> None:
    """What is in a valid trust policy."""
    counts = ", ".join(f"{document[what]} {what}" for what in ("keys", "identities", "rules"))
    say(f"[green]✓[/] valid: {counts}")
    say(f"  digest  {document['digest']}")
    for item in document["lapsed"]:
        say(f"[yellow]![/] {plain(item)} is over")
    for item in document["lists"]:
        say(
            f"  list  {plain(item['source'])}: {item['entries']} revoked by {plain(item['by'])}, {item['issuedOn']}"
        )
    for item in document["passedOver"]:
        say(
            f"[yellow]![/] passed over {plain(item['source'])}: {plain(item['why'])} [dim]({item['code']})[/]"
        )


def invalid(error: ConfigError) -> None:
    """Why a trust policy is not valid."""
    say(f"[red]✗[/] {plain(error.what)} [dim]({error.code})[/]")
    say(f"  why  {plain(error.why)}")
    say(f"  fix  {plain(error.remedy)}")


def tree(document: dict[str, Any]) -> Tree:
    """An explanation, as :func:`govkernel.provenance.trust_explain.explain` gives it."""
    artifact = document["artifact"]
    mark = "[green]✓ signed[/]" if document["signed"] else "[red]✗ no accepted signature[/]"
    root = Tree(f"[bold]{plain(artifact['name'])}[/] ({artifact['kind']}) {mark}")
    root.add(artifact["digest"] or "[yellow]no digest: the name leads to nothing known here[/]")
    _accepted(root.add(f"accepted: {len(document['accepted'])}"), document["accepted"])
    _rejected(root.add(f"rejected: {len(document['rejected'])}"), document["rejected"])
    _rules(root.add(f"rules that can be about it: {len(document['rules'])}"), document["rules"])
    for item in document["passedOver"]:
        root.add(f"[yellow]revocation list passed over[/] {plain(item['source'])}: {plain(item['why'])}")
    return root


def show_tree(root: Tree) -> None:
    """Print it; nothing is cut off where nobody looks at a terminal."""
    wide = console if console.is_terminal else Terminal(file=console.file, highlight=False, width=WIDE)
    wide.print(root)


def _accepted(branch: Tree, items: list[dict[str, Any]]) -> None:
    for item in items:
        leaf = branch.add(f"[green]✓[/] {plain(short(item['predicateType']))}")
        leaf.add(f"by {plain(', '.join(_who(signer) for signer in item['signers']))}")
        leaf.add(f"let be by rule {', '.join(map(str, item['rules']))}")
        if item["validUntil"]:
            leaf.add(f"until {item['validUntil']}")
        leaf.add(f"[dim]{plain(item['source'])}[/]")


def _rejected(branch: Tree, items: list[dict[str, Any]]) -> None:
    for item in items:
        claimed = short(item["claimedType"]) if item["claimedType"] else "a bundle"
        leaf = branch.add(f"[red]✗[/] {plain(claimed)} [dim]({item['code']})[/]")
        leaf.add(f"why  {plain(item['why'])}")
        if item["remedy"]:
            leaf.add(f"fix  {plain(item['remedy'])}")
        leaf.add(f"[dim]{plain(item['source'])}[/]")


def _rules(branch: Tree, items: list[dict[str, Any]]) -> None:
    for rule in items:
        together = f", {rule['threshold']} together" if rule["threshold"] > 1 else ""
        who, what = ", ".join(rule["signers"]), ", ".join(map(short, rule["may"]))
        branch.add(plain(f"rule {rule['number']}: {who}{together}: {what}"))


def _who(signer: dict[str, str]) -> str:
    proof = signer.get("identity") or f"key {signer.get('key_id', '')[:16]}"
    return f"{signer['name']} ({proof})"
