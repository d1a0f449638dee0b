"""A transparency log that keeps every entry, and says about them what it is told to (Rekor; RFC 6962 tree)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Key = ec.EllipticCurvePrivateKey
ORIGIN = "log.example.test"


@dataclass(frozen=True)
class LogOrders:
    """What the log is told to do; the default is to tell the truth.

    Attributes:
        promised: it promises inclusion and says when; otherwise only a timestamp tells the time.
        checkpoint_key: signs the checkpoint.
        promise_key: signs the inclusion promise.
        note: changes the signed checkpoint's text.
    """

    promised: bool = True
    checkpoint_key: Key | None = None
    promise_key: Key | None = None
    note: Callable[[str], str] = lambda note: note


class Log:
    """An append-only log (RFC 6962) that keeps every entry."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.leaves: list[bytes] = []

    @property
    def identifier(self) -> bytes:
        return key_id(self.key)

    def append(self, body: bytes, at: datetime, orders: LogOrders = LogOrders()) -> dict[str, Any]:
        """The log's entry (protobuf-specs TransparencyLogEntry, JSON form)."""
        index = len(self.leaves)
        self.leaves.append(hashlib.sha256(b"\0" + body).digest())
        kind = json.loads(body)
        entry: dict[str, Any] = {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.identifier)},
            "kindVersion": {"kind": kind["kind"], "version": kind["apiVersion"]},
            "inclusionProof": self._proof(index, orders),
            "canonicalizedBody": b64(body),
        }
        if orders.promised:
            seconds = int(at.timestamp())
            said = {
                "body": b64(body),
                "integratedTime": seconds,
                "logID": self.identifier.hex(),
                "logIndex": index,
            }
            promise = sign(orders.promise_key or self.key, rfc8785.dumps(said))
            entry |= {
                "integratedTime": str(seconds),
                "inclusionPromise": {"signedEntryTimestamp": b64(promise)},
            }
        return entry

    def _proof(self, index: int, orders: LogOrders) -> dict[str, Any]:
        size, root = len(self.leaves), tree(self.leaves)
        note = f"{ORIGIN}\n{size}\n{b64(root)}\n"
        signature = self.identifier[:4] + sign(orders.checkpoint_key or self.key, note.encode())
        return {
            "logIndex": str(index),
            "rootHash": b64(root),
            "treeSize": str(size),
            "hashes": [b64(item) for item in path(self.leaves, index)],
            "checkpoint": {"envelope": orders.note(f"{note}\n\u2014 {ORIGIN} {b64(signature)}\n")},
        }


def dsse_body(payload: bytes, signature: bytes, certificate: x509.Certificate) -> dict[str, Any]:
    """An entry of type dsse 0.0.1."""
    pem = b64(certificate.public_bytes(Encoding.PEM))
    hashed = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
    spec = {
        "envelopeHash": hashed,
        "payloadHash": hashed,
        "signatures": [{"signature": b64(signature), "verifier": pem}],
    }
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}


def rekord_body(
    digest: bytes, signature: bytes, certificate: x509.Certificate, version: int = 1
) -> dict[str, Any]:
    """An entry of type hashedrekord 0.0.1 or 0.0.2."""
    if version == 1:
        pem = b64(certificate.public_bytes(Encoding.PEM))
        spec: dict[str, Any] = {
            "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
            "signature": {"content": b64(signature), "publicKey": {"content": pem}},
        }
        return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}
    raw = {"rawBytes": b64(certificate.public_bytes(Encoding.DER))}
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": raw}
    record = {
        "data": {"algorithm": "SHA2_256", "digest": b64(digest)},
        "signature": {"content": b64(signature), "verifier": verifier},
    }
    return {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": record}}


def sign(key: Key, message: bytes) -> bytes:
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Key) -> bytes:
    return hashlib.sha256(spki(key)).digest()


def tree(leaves: list[bytes]) -> bytes:
    """The root over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def path(leaves: list[bytes], index: int) -> list[bytes]:
    """The hashes from a leaf to the root."""
    if len(leaves) == 1:
        return []
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < half:
        return [*path(leaves[:half], index), tree(leaves[half:])]
    return [*path(leaves[half:], index - half), tree(leaves[:half])]
