"""``govkernel dataset``: trees over the shards of datasets that grow, and proofs that a sample is in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from govkernel.cli.output import Config, Json, finish, path_argument, plain, print_json, read_named, say
from govkernel.cli.signing import Key, described, keep, open_key
from govkernel.errors import GovkernelError, InputError

if TYPE_CHECKING:
    from govkernel.provenance.anchors import Anchor
    from govkernel.provenance.dataset_sign import SignedRoot
    from govkernel.provenance.dataset_tree import DatasetTree
    from govkernel.provenance.trust import TrustPolicy

app = typer.Typer(
    no_args_is_help=True, help="Datasets that grow: trees over shards, and proofs about samples."
)

TREE_SUFFIX = ".tree.json"
BUNDLE_SUFFIX = ".dataset-tree.sigstore.json"
_NAMED = 10
"""Shards without rows that are named."""

MAX_SAMPLE = 64 * 1024 * 1024

Folder = Annotated[Path, path_argument("The dataset: a folder of shards.")]
Rows = Annotated[
    bool,
    typer.Option(
        "--rows",
        help="Lines of JSONL and CSV shards get a tree too, so that rows can be proven; others are named.",
    ),
]
SignedBy = Annotated[
    Path | None,
    typer.Option(
        "--key", help="Public key that must have signed the root [default: the trust policy decides]."
    ),
]


@app.command()
def tree(path: Folder, key: Key, rows: Rows = False, config: Config = None, as_json: Json = False) -> None:
    """Hash every shard, and sign the root of the tree over them; the tree is written beside the folder."""
    from govkernel.provenance.dataset_read import read_tree

    _sign(path, read_tree(path, rows=rows), None, key, config, as_json, rows=rows)


@app.command()
def append(
    path: Folder,
    key: Key,
    previous_key: Annotated[
        Path | None,
        typer.Option(
            "--previous-key", help="Public key that signed the tree so far [default: the same key]."
        ),
    ] = None,
    rows: Rows = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Hash only the shards that are new, and sign the grown tree with the proof that nothing else changed."""
    from govkernel.cli.doors import read_key
    from govkernel.config import load_settings
    from govkernel.provenance.anchors import KeyAnchor
    from govkernel.provenance.dataset_read import grow_tree
    from govkernel.provenance.dataset_sign import signed_root

    before = _tree_of(path)
    pem = read_key(previous_key) if previous_key else open_key(key, load_settings(config)).public_key_pem()
    signed = signed_root(_read(_beside(path, BUNDLE_SUFFIX)), KeyAnchor.from_pem(pem), datetime.now(UTC))
    if 0 < signed.root.size < before.root.size:
        before = before.first(
            signed.root.size
        )  # the last append wrote its tree, and was killed before it was signed
    if signed.root != before.root:
        raise InputError(
            "dataset.tree-mismatch",
            "The tree beside the folder is not the one that was signed.",
            why=f"{before.root.size} shards are listed, {signed.root.size} were signed, or one is another.",
            remedy="Restore the tree and the bundle that belong together.",
        )
    _sign(path, grow_tree(path, before, rows=rows), before, key, config, as_json, rows=rows)


@app.command()
def prove(
    path: Folder,
    shard: Annotated[str, typer.Argument(help="The shard, as it is called inside the dataset.")],
    row: Annotated[int | None, typer.Option("--row", help="One row of it, counted from 0.")] = None,
) -> None:
    """Print the proof that a shard, or a row of it, is in the tree; who gets the sample checks it offline."""
    from govkernel.provenance.dataset_read import prove_row
    from govkernel.provenance.dataset_sample import prove as prove_shard

    known = _tree_of(path)
    found = prove_shard(known, shard) if row is None else prove_row(path, known, shard, row)
    print_json(found.document())


@app.command("verify-sample")
def verify_sample(
    sample: Annotated[Path, typer.Argument(help="The shard, or a file that holds the one row.")],
    proof: Annotated[Path, typer.Option("--proof", help="What `govkernel dataset prove` printed.")],
    bundle: Annotated[Path, typer.Option("--bundle", help="The bundle with the signed root.")],
    key: SignedBy = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Verify that a sample is in the dataset whose root was signed: exit 0 verified, 1 refused."""
    from govkernel.provenance.dataset_sample import SampleProof, check
    from govkernel.provenance.files import hash_file
    from govkernel.provenance.limits import MAX_PROOF

    trust, raw, claimed = _trust(key, config), _read(bundle), _read(proof, MAX_PROOF)
    if not sample.is_file():
        raise InputError("cli.unreadable", f"There is no file {sample}.", remedy="Check the path.")

    def judge() -> tuple[SignedRoot, dict[str, Any]]:
        given, signed = SampleProof.parse(claimed), _signed(raw, trust)
        if given.row is None:
            check(given, hash_file(sample, sample.name).sha256, b"", signed.root)
            return signed, {"shard": given.shard.path, "row": None}
        check(given, "", _read(sample, MAX_SAMPLE).removesuffix(b"\n"), signed.root)
        return signed, {"shard": given.shard.path, "row": given.row.index}

    _answer(judge, as_json)


@app.command("verify-append")
def verify_append(
    old: Annotated[Path, typer.Argument(help="The bundle of the dataset as it was.")],
    new: Annotated[Path, typer.Argument(help="The bundle of the dataset as it is.")],
    key: SignedBy = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Verify that a dataset only grew: exit 0 when the new root is proven to extend the old one, 1 when not."""
    from govkernel.errors import ProvenanceError

    trust, earlier, later = _trust(key, config), _read(old), _read(new)

    def judge() -> tuple[SignedRoot, dict[str, Any]]:
        before, after = _signed(earlier, trust), _signed(later, trust)
        if after.previous != before.root:
            raise ProvenanceError(
                "dataset.inconsistent",
                "The new root is not proven to have grown from the old one.",
                why=f"It names {after.previous.size if after.previous else 'no'} shards before.",
                remedy="Give the bundle of each append between them in turn.",
            )
        return after, {}

    _answer(judge, as_json)


def _sign(
    path: Path,
    grown: DatasetTree,
    before: DatasetTree | None,
    key: str,
    config: Path | None,
    as_json: bool,
    *,
    rows: bool,
) -> None:
    from govkernel.config import load_settings
    from govkernel.files import replace_file
    from govkernel.provenance import NamedBundle
    from govkernel.provenance.dataset_sign import sign_tree

    settings = load_settings(config)
    artifact, content = sign_tree(grown, f"file:{path}", open_key(key, settings), before)
    place = _beside(path, TREE_SUFFIX)
    try:
        replace_file(place, grown.document())
    except OSError as error:
        raise InputError(
            "cli.unwritable", f"{place} cannot be written.", why=str(error), remedy="Check the folder."
        ) from None
    written = keep([NamedBundle(BUNDLE_SUFFIX, content)], path, None, settings)
    new = grown.root.size - (before.root.size if before else 0)
    document = {**described(artifact, written), **grown.root.document(), "new": new, "tree": str(place)}
    rowless = [shard.path for shard in grown.shards if rows and shard.rows is None]
    if rows:
        document["withoutRows"] = rowless

    def text() -> None:
        say(f"[green]✓[/] signed the tree of {plain(path)}: {grown.root.size} shards, {new} of them new")
        say(f"  digest  {artifact.digest}")
        say(f"  root    {grown.root.root.hex()}")
        say(f"  tree    {plain(place)}")
        say(f"  bundle  {plain(written[0])}")
        if rowless:
            more = f" and {len(rowless) - _NAMED} more" if len(rowless) > _NAMED else ""
            say(f"[yellow]![/] no rows of {plain(', '.join(rowless[:_NAMED]))}{more}: only lines are rows")

    finish(True, document, as_json=as_json, text=text)


def _answer(judge: Callable[[], tuple[SignedRoot, dict[str, Any]]], as_json: bool) -> NoReturn:
    try:
        signed, said = judge()
    except GovkernelError as error:
        refused = error

        def complain() -> None:
            say(f"[red]✗[/] refused [dim]({refused.code})[/]")
            say(f"  why  {plain(f'{refused.what} {refused.why}'.strip())}")
            say(f"  fix  {plain(refused.remedy)}")

        finish(False, {"verified": False, **refused.as_dict()}, as_json=as_json, text=complain)

    def text() -> None:
        say(f"[green]✓[/] verified {plain(said.get('shard', 'that it only grew'))}")
        say(f"  signer   {plain(signed.signer.name)}")
        say(f"  dataset  {signed.digest}, {signed.root.size} shards")

    document = {
        "verified": True,
        **said,
        **signed.root.document(),
        "digest": str(signed.digest),
        "previous": signed.previous.document() if signed.previous else None,
        "signer": signed.signer.model_dump(mode="json"),
    }
    finish(True, document, as_json=as_json, text=text)


def _signed(raw: bytes, trust: Anchor | TrustPolicy) -> SignedRoot:
    from govkernel.provenance.dataset_sign import signed_root

    return signed_root(raw, trust, datetime.now(UTC))


def _trust(key: Path | None, config: Path | None) -> Anchor | TrustPolicy:
    from govkernel.assemble import current_trust
    from govkernel.cli.doors import read_key
    from govkernel.config import load_settings
    from govkernel.provenance.anchors import KeyAnchor

    return KeyAnchor.from_pem(read_key(key), str(key)) if key else current_trust(load_settings(config)).now()


def _tree_of(path: Path) -> DatasetTree:
    from govkernel.provenance.dataset_tree import DatasetTree
    from govkernel.provenance.limits import MAX_TREE

    return DatasetTree.parse(_read(_beside(path, TREE_SUFFIX), MAX_TREE))


def _beside(path: Path, suffix: str) -> Path:
    return Path(f"{os.path.normpath(path)}{suffix}")


def _read(path: Path, limit: int = 32 * 1024 * 1024) -> bytes:
    return read_named(path, limit)
