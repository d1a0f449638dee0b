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
    for item in document["delegations"]:
        say(f"  delegation  {plain(item['source'])}: {plain(item['by'])} to {plain(', '.join(item['to']))}")
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
    for item in document["claimed"]:
        _found(root.add(f"[yellow]claimed to be {item['digest']}[/]"), item)
    _found(root, document)
    _rules(root.add(f"rules that can be about it: {len(document['rules'])}"), document["rules"])
    if document["delegations"]:
        _delegations(
            root.add(f"delegations that can be about it: {len(document['delegations'])}"),
            document["delegations"],
        )
    for item in document["passedOver"]:
        leaf = root.add(f"[yellow]passed over[/] {plain(item['source'])} [dim]({item['code']})[/]")
        leaf.add(f"why  {plain(item['why'])}")
    root.add(f"[dim]judged {document['judgedAt'][:19]}Z by trust policy {document['trustPolicy'][:19]}…[/]")
    return root


def show_tree(root: Tree) -> None:
    """Print it; nothing is cut off where nobody looks at a terminal."""
    wide = console if console.is_terminal else Terminal(file=console.file, highlight=False, width=WIDE)
    wide.print(root)


def _found(branch: Tree, found: dict[str, Any]) -> None:
    if not (found["accepted"] or found["rejected"]):
        leaf = branch.add(
            "[red]nothing was found[/]: no bundle about this content, beside it or in the store"
        )
        leaf.add("fix  Sign it, or bring its bundles: `govkernel sign`, `govkernel attest`.")
        return
    _accepted(branch.add(f"accepted: {len(found['accepted'])}"), found["accepted"])
    _rejected(branch.add(f"rejected: {len(found['rejected'])}"), found["rejected"])


def _accepted(branch: Tree, items: list[dict[str, Any]]) -> None:
    for item in items:
        leaf = branch.add(f"[green]✓[/] {plain(short(item['predicateType']))}")
        leaf.add(f"by {plain(', '.join(_who(signer) for signer in item['signers']))}")
        through = ", ".join(digest[:19] + "…" for digest in item["delegations"])
        leaf.add(
            f"let be by rule {', '.join(map(str, item['rules']))}{f', delegation {through}' if through else ''}"
        )
        if item["validUntil"]:
            leaf.add(f"until {item['validUntil']}")
        leaf.add(f"statement {item['statement']}")
        leaf.add(f"[dim]{plain(item['source'])}[/]")


def _rejected(branch: Tree, items: list[dict[str, Any]]) -> None:
    for item in items:
        claimed = short(item["claimedType"]) if item["claimedType"] else "a bundle"
        leaf = branch.add(f"[red]✗[/] {plain(claimed)} [dim]({item['code']})[/]")
        leaf.add(f"why  {plain(item['why'])}")
        if item["remedy"]:
            leaf.add(f"fix  {plain(item['remedy'])}")
        if item["source"]:
            leaf.add(f"[dim]{plain(item['source'])}[/]")


def _rules(branch: Tree, items: list[dict[str, Any]]) -> None:
    for rule in items:
        together = f", {rule['threshold']} together" if rule["threshold"] > 1 else ""
        leaf = branch.add(
            plain(f"rule {rule['number']}: {', '.join(rule['signers'])}{together}: {_scope(rule)}")
        )
        for name, why in rule["unfit"].items():
            leaf.add(f"[yellow]{plain(name)} does not count[/]: {plain(why)}")


def _delegations(branch: Tree, items: list[dict[str, Any]]) -> None:
    for item in items:
        leaf = branch.add(plain(f"{item['by']} to {', '.join(item['to'])}: {_scope(item)}"))
        if item["unfit"]:
            leaf.add(f"[yellow]does not count[/]: {plain(item['unfit'])}")
        leaf.add(f"statement {item['statement']}")
        leaf.add(f"[dim]{plain(item['source'])}[/]")


def _scope(rule: dict[str, Any]) -> str:
    """What may be said, about what, and until when, in one line."""
    said = ", ".join(map(short, rule["may"]))
    kinds, names = rule["about"]["kinds"], rule["about"]["names"]
    about = " ".join([*kinds, *([] if names == ["*"] else names)])
    time = {"over": f", over since {rule['until']}", "not yet": f", not before {rule['from']}"}
    until = f", until {rule['until']}" if rule["until"] else ""
    return f"{said}{f' about {about}' if about else ''}{time.get(rule['state'], until)}"


def _who(signer: dict[str, str]) -> str:
    proof = signer.get("identity") or f"key {signer.get('key_id', '')[:16]}"
    stands_in = f"{signer['delegate']} for " if "delegate" in signer else ""
    return f"{stands_in}{signer['name']} ({proof})"
