"""Every way in which a keyless bundle lies, as orders to a Sigstore instance, and the code that refuses each."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.simulators.sigstore import Edit, Instance, Orders
from tests.simulators.transparency import ORIGIN, b64, sign
from tests.simulators.x509 import Recipe, authority, p256

NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)
ALICE: Final = "alice@example.test"
LOGIN: Final = "https://login.example.test"
LONG: Final = timedelta(hours=1)
OTHER_KEY: Final = p256()
OTHER_SIGNATURE: Final = sign(OTHER_KEY, b"other")
STATEMENT: Final = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "other", "digest": {"sha256": "ab" * 32}}],
    "predicateType": "https://example.test/p",
    "predicate": {},
}


def entry(bundle: dict[str, Any]) -> dict[str, Any]:
    """The bundle's log entry."""
    found: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def on_entry(edit: Edit) -> Edit:
    return lambda bundle: edit(entry(bundle))


def on_proof(edit: Edit) -> Edit:
    return lambda bundle: edit(entry(bundle)["inclusionProof"])


def recipe(**changes: Any) -> Callable[[Recipe], Recipe]:
    return lambda honest: honest.but(**changes)


def _digest(body: dict[str, Any]) -> None:
    body["spec"]["payloadHash"]["value"] = "00" * 32


def _other_hash(body: dict[str, Any]) -> None:
    body["spec"]["payloadHash"]["algorithm"] = "sha512"


def _two_signatures(body: dict[str, Any]) -> None:
    body["spec"]["signatures"] *= 2


def _no_signatures(body: dict[str, Any]) -> None:
    body["spec"]["signatures"] = []


def _more_in_signature(body: dict[str, Any]) -> None:
    body["spec"]["signatures"][0]["more"] = "x"


def _other_signature(body: dict[str, Any]) -> None:
    body["spec"]["signatures"][0]["signature"] = b64(sign(OTHER_KEY, b"other"))


def _other_verifier(body: dict[str, Any]) -> None:
    body["spec"]["signatures"][0]["verifier"] = b64(authority("other").pem)


def _flip(bundle: dict[str, Any]) -> None:
    raw = bytearray(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    raw[-2] ^= 1
    bundle["dsseEnvelope"]["payload"] = b64(bytes(raw))


def _resigned(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = b64(OTHER_SIGNATURE)


def _tree_size(proof: dict[str, Any]) -> None:
    proof["treeSize"] = str(int(proof["treeSize"]) + 8)


def _other_root(proof: dict[str, Any]) -> None:
    proof["rootHash"] = b64(b"\1" * 32)


def _clear(*fields: str) -> Edit:
    def edit(value: dict[str, Any]) -> None:
        for name in fields:
            value.pop(name, None)

    return edit


def _set(**fields: Any) -> Edit:
    return lambda value: value.update(fields)


def _twice(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["tlogEntries"] *= 2


def _both(bundle: dict[str, Any]) -> None:
    bundle["messageSignature"] = {"signature": "AAAA"}


def _stamp_twice(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] *= 2


def _stamp_many(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] *= 33


def _stamp_nonsense(bundle: dict[str, Any]) -> None:
    stamps = [{"signedTimestamp": b64(b"\x30\x03\x02\x01\x00")}]
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}


def _no_checkpoint(proof: dict[str, Any]) -> None:
    del proof["checkpoint"]


def _certificate(der: bytes) -> Edit:
    return lambda bundle: bundle["verificationMaterial"].update(certificate={"rawBytes": b64(der)})


def _old_form(bundle: dict[str, Any]) -> None:
    """Bundle 0.1 without the promise that it demands."""
    material = bundle["verificationMaterial"]
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    del entry(bundle)["inclusionPromise"]


def lies(instance: Instance) -> dict[str, tuple[Orders, str]]:
    """Orders to lie, and the code that refuses each; the default orders are honest."""
    stranger = Instance(now=instance.now)
    other = json.loads(instance.bundle(STATEMENT))
    stamped = {"promised": False, "version": 2}
    leaf = instance.intermediate.issue(Recipe("", (ALICE,)))
    return {
        "certificate expired before signing": (Orders(time=LATER), "keyless.chain"),
        "certificate not yet valid at signing": (Orders(time=EARLIER), "keyless.chain"),
        "certificate of another root": (Orders(by=stranger.intermediate), "keyless.chain"),
        "certificate of a root of the same name": (
            Orders(by=authority("fulcio", authority("fulcio root"))),
            "keyless.chain",
        ),
        "certificate issued by a leaf": (Orders(by=leaf), "keyless.chain"),
        "self-signed certificate": (Orders(edit=_certificate(authority(ALICE).der)), "keyless.chain"),
        "certificate that is none": (Orders(edit=_certificate(b"\x30\x00")), "keyless.bundle"),
        "leaf that may issue certificates": (
            Orders(recipe=recipe(authority=True, usages=("digital_signature", "key_cert_sign"))),
            "keyless.chain",
        ),
        "certificate for servers": (
            Orders(recipe=recipe(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))),
            "keyless.usage",
        ),
        "certificate for no purpose": (Orders(recipe=recipe(purposes=())), "keyless.usage"),
        "certificate not for signatures": (Orders(recipe=recipe(usages=("key_agreement",))), "keyless.usage"),
        "certificate without usage": (Orders(recipe=recipe(usages=None)), "keyless.usage"),
        "unknown critical extension": (
            Orders(recipe=recipe(extra=((_unknown(), True),))),
            "keyless.chain",
        ),
        "no signed certificate timestamp": (Orders(scts=()), "keyless.sct"),
        "certificate timestamp of another log": (Orders(scts=(OTHER_KEY,)), "keyless.sct"),
        "two certificate timestamps": (Orders(scts=(instance.ct, instance.ct)), "keyless.sct"),
        "certificate timestamp for another certificate": (Orders(sct_over="eve@example.test"), "keyless.sct"),
        "another identity": (Orders(identity="eve@example.test"), "identity.mismatch"),
        "identity with a prefix": (Orders(identity="malice@example.test"), "identity.mismatch"),
        "identity with a suffix": (Orders(identity=f"{ALICE}.eve.test"), "identity.mismatch"),
        "identity in another case": (Orders(identity="Alice@example.test"), "identity.mismatch"),
        "identity as a URI": (Orders(identity=f"mailto:{ALICE}"), "identity.mismatch"),
        "another issuer": (Orders(issuer="https://eve.test"), "identity.issuer"),
        "issuer with a suffix": (Orders(issuer=f"{LOGIN}.eve.test"), "identity.issuer"),
        "no issuer": (Orders(issuer=""), "identity.issuer"),
        "inclusion proof of another entry": (
            Orders(edit=on_entry(_set(inclusionProof=entry(other)["inclusionProof"]))),
            "keyless.inclusion-proof",
        ),
        "inclusion proof with a hash less": (
            Orders(edit=on_proof(lambda proof: proof["hashes"].pop())),
            "keyless.inclusion-proof",
        ),
        "inclusion proof for a larger tree": (Orders(edit=on_proof(_tree_size)), "keyless.inclusion-proof"),
        "inclusion proof to another root": (Orders(edit=on_proof(_other_root)), "keyless.inclusion-proof"),
        "inclusion proof at another index": (
            Orders(edit=on_proof(_set(logIndex="0"))),
            "keyless.inclusion-proof",
        ),
        "no inclusion proof": (Orders(edit=on_entry(_clear("inclusionProof"))), "keyless.bundle"),
        "no checkpoint": (Orders(edit=on_proof(_no_checkpoint)), "keyless.bundle"),
        "truncated checkpoint": (Orders(note=lambda note: note[: len(note) // 2]), "keyless.checkpoint"),
        "checkpoint without signature": (
            Orders(note=lambda note: note.split("\n\n")[0] + "\n\n"),
            "keyless.checkpoint",
        ),
        "checkpoint signed by another key": (Orders(checkpoint_key=OTHER_KEY), "keyless.checkpoint"),
        "checkpoint of another root": (Orders(note=_signed_for(instance, b"\1" * 32)), "keyless.checkpoint"),
        "checkpoint that is empty": (Orders(note=lambda _: ""), "keyless.checkpoint"),
        "promise signed by another key": (Orders(promise_key=OTHER_KEY), "keyless.promise"),
        "promise for another entry": (
            Orders(edit=on_entry(_set(inclusionPromise=entry(other)["inclusionPromise"]))),
            "keyless.promise",
        ),
        "promise at another index": (Orders(edit=on_entry(_set(logIndex="99"))), "keyless.promise"),
        "time changed after signing": (
            Orders(edit=on_entry(_set(integratedTime=str(int(NOW.timestamp()) + 1)))),
            "keyless.promise",
        ),
        "time without a promise": (Orders(edit=on_entry(_clear("inclusionPromise"))), "keyless.bundle"),
        "promise without a time": (Orders(edit=on_entry(_clear("integratedTime"))), "keyless.time"),
        "0.1 bundle without promise": (Orders(edit=_old_form), "keyless.bundle"),
        "entry of another log": (
            Orders(edit=on_entry(_set(**_entry_of(stranger)))),
            "keyless.checkpoint",
        ),
        "entry of another artifact": (
            Orders(edit=lambda bundle: bundle["verificationMaterial"].update(tlogEntries=[entry(other)])),
            "keyless.log-entry",
        ),
        "entry with another payload": (Orders(body=_digest), "keyless.log-entry"),
        "entry with another signature": (Orders(body=_other_signature), "keyless.log-entry"),
        "entry with another certificate": (Orders(body=_other_verifier), "keyless.log-entry"),
        "entry with another hash": (Orders(body=_other_hash), "keyless.log-entry"),
        "entry with two signatures": (Orders(body=_two_signatures), "keyless.log-entry"),
        "entry without signatures": (Orders(body=_no_signatures), "keyless.log-entry"),
        "entry body with more in a signature": (Orders(body=_more_in_signature), "keyless.log-entry"),
        "entry of another kind": (Orders(body=_set(kind="alpine")), "keyless.log-entry"),
        "entry of another version": (Orders(body=_set(apiVersion="0.0.9")), "keyless.bundle"),
        "entry body that is no entry": (Orders(body=_set(spec={})), "keyless.log-entry"),
        "entry kind that is not its body's": (
            Orders(edit=on_entry(_set(kindVersion={"kind": "intoto", "version": "0.0.2"}))),
            "keyless.log-entry",
        ),
        "no log entry": (
            Orders(edit=lambda bundle: bundle["verificationMaterial"].update(tlogEntries=[])),
            "keyless.bundle",
        ),
        "two log entries": (Orders(edit=_twice), "keyless.bundle"),
        "payload changed": (Orders(edit=_flip), "keyless.signature"),
        "signature of another key": (Orders(edit=_resigned), "keyless.signature"),
        "two contents": (Orders(edit=_both), "provenance.bundle-malformed"),
        "timestamp of another authority": (
            Orders(stamped=NOW, stamper=stranger.stamper, **stamped),
            "keyless.time",
        ),
        "timestamp over something else": (
            Orders(stamped=NOW, stamp_over=b"other", **stamped),
            "keyless.time",
        ),
        "timestamp after the certificate": (Orders(stamped=LATER, **stamped), "keyless.chain"),
        "timestamp before the certificate": (Orders(stamped=EARLIER, **stamped), "keyless.chain"),
        "timestamp twice": (Orders(stamped=NOW, edit=_stamp_twice, **stamped), "keyless.time"),
        "33 timestamps": (Orders(stamped=NOW, edit=_stamp_many, **stamped), "keyless.time"),
        "timestamp that is none": (Orders(edit=_stamp_nonsense), "keyless.time"),
        "neither promise nor timestamp": (Orders(**stamped), "keyless.bundle"),
        "v2 entry of another payload": (
            Orders(stamped=NOW, body=_v2_digest, **stamped),
            "keyless.log-entry",
        ),
    }


def unlogged(instance: Instance) -> dict[str, tuple[Orders, str]]:
    """The same of an instance that keeps no log, as GitHub's for private repositories; all but the first lie."""
    stranger = Instance(now=instance.now)
    honest = {"logged": False, "scts": (), "stamped": NOW}

    def told(**changes: Any) -> Orders:
        return Orders(**{**honest, **changes})

    return {
        "the truth": (told(), ""),
        "no timestamp": (told(stamped=None), "timestamp.missing"),
        "timestamp of another authority": (told(stamper=stranger.stamper), "timestamp.untrusted"),
        "timestamp over something else": (told(stamp_over=b"other"), "timestamp.other-signature"),
        "timestamp after the certificate": (told(stamped=NOW + timedelta(minutes=30)), "timestamp.future"),
        "timestamp before the certificate": (told(stamped=EARLIER), "certificate.not-yet-valid"),
        "certificate expired before signing": (
            told(recipe=recipe(start=NOW - 2 * LONG, end=NOW - LONG)),
            "certificate.expired",
        ),
        "timestamp twice": (told(edit=_stamp_twice), "timestamp.many"),
        "timestamp that is none": (told(edit=_stamp_nonsense), "timestamp.malformed"),
        "certificate of another root": (told(by=stranger.intermediate), "certificate.untrusted"),
        "certificate of a root of the same name": (
            told(by=authority("fulcio", authority("fulcio root"))),
            "certificate.untrusted",
        ),
        "certificate issued by a leaf": (
            told(by=instance.intermediate.issue(Recipe("", (ALICE,)))),
            "certificate.untrusted",
        ),
        "self-signed certificate": (told(edit=_certificate(authority(ALICE).der)), "certificate.key-usage"),
        "certificate that is none": (told(edit=_certificate(b"\x30\x00")), "certificate.malformed"),
        "certificate for servers": (
            told(recipe=recipe(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))),
            "certificate.not-code-signing",
        ),
        "certificate not for signatures": (
            told(recipe=recipe(usages=("key_agreement",))),
            "certificate.key-usage",
        ),
        "unknown critical extension": (
            told(recipe=recipe(extra=((_unknown(), True),))),
            "certificate.extension",
        ),
        "another identity": (told(identity="eve@example.test"), "identity.mismatch"),
        "another issuer": (told(issuer="https://eve.test"), "identity.issuer"),
        "no issuer": (told(issuer=""), "identity.issuer"),
        "payload changed": (told(edit=_flip), "provenance.signature-invalid"),
        "signature of another key": (told(edit=_resigned), "timestamp.other-signature"),
        "signature of another key, stamped": (
            told(edit=_resigned, stamp_over=OTHER_SIGNATURE),
            "provenance.signature-invalid",
        ),
        "two contents": (told(edit=_both), "provenance.bundle-malformed"),
    }


def _v2_digest(body: dict[str, Any]) -> None:
    body["spec"]["hashedRekordV002"]["data"]["digest"] = b64(b"\0" * 32)


def _unknown() -> x509.ExtensionType:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


def _signed_for(instance: Instance, root: bytes) -> Callable[[str], str]:
    """A checkpoint that the log did sign, about another tree."""

    def other(note: str) -> str:
        size = note.split("\n")[1]
        said = f"{ORIGIN}\n{size}\n{b64(root)}\n"
        signature = instance.log.identifier[:4] + sign(instance.log.key, said.encode())
        return f"{said}\n\u2014 {ORIGIN} {b64(signature)}\n"

    return other


def _entry_of(stranger: Instance) -> dict[str, Any]:
    return entry(json.loads(stranger.bundle(STATEMENT)))
