"""``govkernel layout``: an artifact against an in-toto layout and the links of its supply chain."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from govkernel.cli.output import Config, Json, finish, path_argument, plain, say
from govkernel.errors import ProvenanceError

if TYPE_CHECKING:
    from govkernel.provenance.layouts import Product


def layout(
    path: Annotated[Path, path_argument("The artifact: file or folder.")],
    layout_file: Annotated[Path, typer.Option("--layout", help="The layout that its owner signed.")],
    links: Annotated[Path, typer.Option("--links", help="Folder of the .link files.")],
    key: Annotated[Path, typer.Option("--key", help="Public key of the layout's owner (PEM).")],
    vsa_key: Annotated[
        str,
        typer.Option(
            "--vsa-key", help="Key that signs a verification summary about the artifact [default: none]."
        ),
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Verify that a supply chain made an artifact: exit 0 verified, 1 refused, 2 cannot tell. No command is run."""
    from govkernel.cli.anchoring import read_anchor
    from govkernel.cli.doors import read_key
    from govkernel.cli.signing import keep_summaries, open_key
    from govkernel.config import load_settings
    from govkernel.provenance.digest import artifact_of, detect_kind, read
    from govkernel.provenance.layouts import verify_layout

    settings = load_settings(config)
    signing = open_key(vsa_key, settings) if vsa_key else None
    manifest, files = read(path)
    try:
        product = verify_layout(read_anchor(layout_file), links, read_key(key))
        product.check(manifest, path.name)
    except ProvenanceError as error:
        refused = error

        def complain() -> None:
            say(f"[red]✗[/] refused {plain(path)} [dim]({refused.code})[/]")
            say(f"  why  {plain(refused.what)} {plain(refused.why)}")
            say(f"  fix  {plain(refused.remedy)}")

        said = {"code": refused.code, "what": refused.what, "why": refused.why, "remedy": refused.remedy}
        finish(False, {"verified": False, **said}, as_json=as_json, text=complain)
    if signing is not None:
        artifact = artifact_of(path, detect_kind(path), None, manifest, files)
        keep_summaries([(artifact, _summary(str(path), layout_file, product))], signing, settings)

    def text() -> None:
        say(f"[green]✓[/] {plain(path)} is what the layout's last step made")
        say(f"  layout  {plain(product.layout)}")
        say(f"  links   {len(product.links)}")

    document = {"layout": str(product.layout), "links": [str(item) for item in product.links]}
    finish(True, {"verified": True, **document}, as_json=as_json, text=text)


def _summary(name: str, layout_file: Path, product: Product) -> dict[str, Any]:
    from govkernel.gate.summary import VERIFIER

    return {
        "verifier": {"id": VERIFIER},
        "timeVerified": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "resourceUri": name,
        "policy": {"uri": f"in-toto-layout:{layout_file.name}", "digest": {"sha256": product.layout.hex}},
        "inputAttestations": [{"digest": {"sha256": digest.hex}} for digest in product.links],
        "verificationResult": "PASSED",
        "verifiedLevels": [f"IN_TOTO_LAYOUT:{product.layout.hex}"],
    }
