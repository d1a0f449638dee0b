"""Every way in which subjects and envelopes lie under a true signature, or one over almost the right bytes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from govkernel.domain.predicates import SIGNATURE
from tests.simulators.lie_scene import ANN, CUSTOM, Lie, Outcome, Scene, digests, plain, said, verified
from tests.simulators.lying_signer import b64, signed
from tests.simulators.sigstore import IN_TOTO

SUBJECTS: dict[str, tuple[Lie, str]] = {
    "digest under the name of another algorithm": (
        digests(lambda scene: {"blake3": plain(scene)}),
        "provenance.subject-mismatch",
    ),
    "digest under a longer algorithm's name": (
        digests(lambda scene: {"sha512": plain(scene)}),
        "provenance.statement-malformed",
    ),
    "digest under an unknown name": (
        digests(lambda scene: {"sha-256": plain(scene)}),
        "provenance.subject-missing",
    ),
    "digest under a name in capitals": (
        digests(lambda scene: {"SHA256": plain(scene)}),
        "provenance.subject-missing",
    ),
    "digest with its algorithm before it": (
        digests(lambda scene: {"sha256": f"sha256:{plain(scene)}"}),
        "provenance.statement-malformed",
    ),
    "first half of a digest": (
        digests(lambda scene: {"sha256": plain(scene)[:32]}),
        "provenance.statement-malformed",
    ),
    "digest with a line end": (
        digests(lambda scene: {"sha256": plain(scene) + "\n"}),
        "provenance.statement-malformed",
    ),
    "digest in other digits": (
        digests(lambda scene: {"sha256": plain(scene)[:-1] + "\uff10"}),
        "provenance.statement-malformed",
    ),
    "the name and not the digest": (
        digests(lambda scene: {"sha256": hashlib.sha256(b"other").hexdigest()}),
        "provenance.subject-mismatch",
    ),
}


def _signed_as(make: Callable[[bytes], bytes]) -> Lie:
    """The envelope is honest; the signature is over something that almost is its PAE."""

    def lie(scene: Scene) -> Outcome:
        payload = json.dumps(
            scene.about(subject=[{"name": "modèle", "digest": {"sha256": plain(scene)}}]), ensure_ascii=False
        ).encode()
        signature = ANN.sign(make(payload))

        def edit(bundle: dict[str, Any]) -> None:
            bundle["dsseEnvelope"]["signatures"] = [{"sig": b64(signature)}]

        return verified(scene, signed(payload, ANN, edit))

    return lie


def _pae(kind: str, payload: bytes, *, length: int | None = None, version: bytes = b"DSSEv1") -> bytes:
    size = len(payload) if length is None else length
    return b"%b %d %b %d %b" % (version, len(kind), kind.encode(), size, payload)


def _shifted(payload: bytes) -> bytes:
    """The border between type and payload moved: the same bytes, were there no lengths."""
    return _pae(f"{IN_TOTO} {len(payload)} {payload[:4].decode()}", payload[4:])


def _payload(text: bytes) -> Lie:
    return lambda scene: verified(scene, signed(text, ANN))


def _honest_text(scene: Scene) -> str:
    return json.dumps(scene.about())


def _respelled(make: Callable[[str], bytes]) -> Lie:
    return lambda scene: verified(scene, signed(make(_honest_text(scene)), ANN))


def _outside(edit: Callable[[str], str]) -> Lie:
    """The bundle's own JSON is respelled."""
    return lambda scene: verified(scene, edit(signed(scene.about(), ANN).decode()).encode())


def _spliced(scene: Scene) -> Outcome:
    """A true signature, over another statement of the same signer."""
    other = json.loads(signed(scene.about(predicate={"passed": False}), ANN))

    def edit(bundle: dict[str, Any]) -> None:
        bundle["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"]

    return verified(scene, signed(scene.about(predicate={"passed": True}), ANN, edit))


def _malleable(scene: Scene) -> Outcome:
    """A signature padded with bytes that DER does not allow."""

    def edit(bundle: dict[str, Any]) -> None:
        one = bundle["dsseEnvelope"]["signatures"][0]
        one["sig"] = b64(base64.b64decode(one["sig"]) + b"\0")

    return verified(scene, signed(scene.about(), ANN, edit))


ENVELOPES: dict[str, tuple[Lie, str]] = {
    "signature over the payload alone": (
        _signed_as(lambda payload: payload),
        "provenance.signer-not-trusted",
    ),
    "signature over another payload type": (
        _signed_as(lambda payload: _pae("text/plain", payload)),
        "provenance.signer-not-trusted",
    ),
    "signature over the type in capitals": (
        _signed_as(lambda payload: _pae(IN_TOTO.upper(), payload)),
        "provenance.signer-not-trusted",
    ),
    "signature over a moved border of type and payload": (
        _signed_as(_shifted),
        "provenance.signer-not-trusted",
    ),
    "signature over a length in characters": (
        _signed_as(lambda payload: _pae(IN_TOTO, payload, length=len(payload.decode()))),
        "provenance.signer-not-trusted",
    ),
    "signature over a length with a zero before": (
        _signed_as(lambda payload: _pae(IN_TOTO, payload).replace(b"DSSEv1 28", b"DSSEv1 028")),
        "provenance.signer-not-trusted",
    ),
    "signature by another version of DSSE": (
        _signed_as(lambda payload: _pae(IN_TOTO, payload, version=b"DSSEv2")),
        "provenance.signer-not-trusted",
    ),
    "signature over the digest": (
        _signed_as(lambda payload: hashlib.sha256(_pae(IN_TOTO, payload)).digest()),
        "provenance.signer-not-trusted",
    ),
    "signature of another statement": (_spliced, "provenance.signer-not-trusted"),
    "signature with a byte behind it": (_malleable, "provenance.signer-not-trusted"),
    "duplicate keys in the payload": (
        _respelled(lambda text: (text[:-1] + f',"predicateType":"{SIGNATURE}"}}').encode()),
        "json.duplicate-key",
    ),
    "duplicate keys, one escaped": (
        _respelled(lambda text: (text[:-1] + ',"predicat\\u0065":{}}').encode()),
        "json.duplicate-key",
    ),
    "duplicate keys in the bundle": (
        _outside(lambda text: text[:-1] + ',"dsseEnvelope":{}}'),
        "json.duplicate-key",
    ),
    "duplicate keys in a digest": (
        _respelled(lambda text: text.replace('"digest": {', '"digest": {"sha256": "", ', 1).encode()),
        "json.duplicate-key",
    ),
    "payload in UTF-16": (_respelled(lambda text: text.encode("utf-16")), "json.not-utf8"),
    "payload behind a byte order mark": (
        _respelled(lambda text: b"\xef\xbb\xbf" + text.encode()),
        "json.malformed",
    ),
    "payload with a second document behind": (_respelled(lambda text: (text * 2).encode()), "json.malformed"),
    "payload with a comment": (_respelled(lambda text: (text + "//").encode()), "json.malformed"),
    "payload that is a string of JSON": (
        _respelled(lambda text: json.dumps(text).encode()),
        "provenance.statement-malformed",
    ),
    "payload that is an envelope": (
        lambda scene: verified(scene, signed(signed(scene.about(), ANN), ANN)),
        "provenance.statement-type",
    ),
    "payload without subjects": (said(subject=[]), "provenance.subject-missing"),
    "predicate type with a space": (said(predicateType=f"{CUSTOM} "), "provenance.statement-malformed"),
    "predicate type in other letters": (
        said(predicateType=CUSTOM.replace("e", "\u0435")),
        "provenance.statement-malformed",
    ),
}
