"""Key stores on loopback: Vault's transit engine, AWS KMS, Google Cloud KMS, Azure Key Vault, as clients see them.

Each holds real keys, asks for its credentials, and lies when it is told to. Nothing is shared with what asks them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Answer = tuple[int, dict[str, Any]]
VAULT_TOKEN, MSI_SECRET, BEARER = "hvs.very-secret", "msi-very-secret", "bearer-very-secret"
AZURE_VERSION = "0123456789abcdef" * 2
AWS_ID = "7b457095-0209-4234-aa71-9c264cdce2bb"
GCP_NAME = "projects/acme/locations/global/keyRings/ring/cryptoKeys/release/cryptoKeyVersions/3"
HASHES: dict[str, hashes.HashAlgorithm] = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384()}


def p256() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Store:
    """A store with one key.

    Attributes:
        key: signs.
        other: signs instead, when a lie wants it.
        status: answers every request about the key with this status.
        lie: changes each answer about the key before it is sent.
        raw: sends this instead of any answer about the key.
        location: redirects there.
        hangs: answers nothing until it is let go.
        asked: paths that were asked for.
        url: where it listens.
    """

    key: Key = field(default_factory=p256)
    other: Key | None = None
    status: int = 200
    lie: Callable[[dict[str, Any]], None] = lambda answer: None
    raw: bytes | None = None
    location: str = ""
    hangs: Event | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def credentials(self, method: str, path: str, headers: Any, body: bytes) -> Answer | None:
        """The answer to a request for credentials; None when it is none."""
        return None

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Answer:
        """The honest answer about the key."""
        raise NotImplementedError

    def signed(self, data: bytes, *, digest: bool) -> bytes:
        """A signature by the key, or the other one; DER or 64 bytes."""
        key = self.other or self.key
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        algorithm = HASHES[key.curve.name]
        return key.sign(data, ec.ECDSA(Prehashed(algorithm) if digest else algorithm))


class Vault(Store):
    """Vault's transit engine, mounted at ``transit``, with versions 1 and 2 of a key named release."""

    first: Key

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Answer:
        if headers.get("X-Vault-Token") != VAULT_TOKEN:
            return 403, {"errors": ["permission denied"]}
        match path.removeprefix("/v1/transit/").split("/"):
            case ["keys", "release"] if method == "GET":
                return 200, {"data": self._described()}
            case ["sign", "release", *rest] if method == "POST":
                return 200, {"data": {"signature": self._sign(body, *rest)}}
        return 404, {"errors": []}

    def _described(self) -> dict[str, Any]:
        kinds = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            kind, public = "ed25519", b64(self.key.public_key().public_bytes_raw())
        else:
            kind = (
                kinds[self.key.curve.name] if isinstance(self.key, ec.EllipticCurvePrivateKey) else "rsa-2048"
            )
            public = pem(self.key).decode()
        older = pem(p256()).decode()
        versions = {"1": {"public_key": older}, "2": {"public_key": public}}
        return {"name": "release", "type": kind, "latest_version": 2, "keys": versions, "derived": False}

    def _sign(self, body: dict[str, Any], hash_: str = "") -> str:
        data = base64.b64decode(body["input"])
        if hash_:
            assert body["prehashed"]
            assert body["marshaling_algorithm"] == "asn1"
        return f"vault:v{body['key_version']}:{b64(self.signed(data, digest=bool(hash_)))}"


class Aws(Store):
    """AWS KMS (JSON 1.1 protocol) with one key and the alias ``alias/release``, which may be moved.

    moto does not do: it takes a digest for the message.
    """

    usage = "SIGN_VERIFY"
    arn = f"arn:aws:kms:eu-central-1:123456789012:key/{AWS_ID}"

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Answer:
        if "Credential=AKIASIMULATED/" not in headers.get("Authorization", ""):
            return 400, {"__type": "UnrecognizedClientException", "message": "no"}
        alias = self.arn.rpartition(":")[0] + ":alias/release"
        if body["KeyId"] not in (self.arn, AWS_ID, "alias/release", alias):
            return 400, {"__type": "NotFoundException", "message": "no such key"}
        call = headers["X-Amz-Target"]
        self.asked[-1] = f"{call} {body['KeyId']}"
        if call == "TrentService.GetPublicKey":
            return 200, self._described()
        assert (call, body["MessageType"]) == ("TrentService.Sign", "DIGEST")
        signature = b64(self.signed(base64.b64decode(body["Message"]), digest=True))
        return 200, {"KeyId": self.arn, "Signature": signature, "SigningAlgorithm": body["SigningAlgorithm"]}

    def _described(self) -> dict[str, Any]:
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        curve = isinstance(self.key, ec.EllipticCurvePrivateKey) and self.key.curve.key_size
        algorithms = [f"ECDSA_SHA_{curve}"] if curve else ["RSASSA_PSS_SHA_256"]
        return {
            "KeyId": self.arn,
            "PublicKey": b64(der),
            "KeyUsage": self.usage,
            "SigningAlgorithms": algorithms,
        }


class Gcp(Store):
    """Google Cloud KMS with one key version, and the place where service accounts get their tokens."""

    def credentials(self, method: str, path: str, headers: Any, body: bytes) -> Answer | None:
        if path != "/token":
            return None
        assert b"assertion=" in body
        return 200, {"access_token": BEARER, "expires_in": 3600, "token_type": "Bearer"}

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Answer:
        if headers.get("Authorization") != f"Bearer {BEARER}":
            return 401, {"error": {"message": "no"}}
        if path == f"/v1/{GCP_NAME}/publicKey":
            return 200, {"name": GCP_NAME, "algorithm": self._algorithm(), "pem": pem(self.key).decode()}
        if path == f"/v1/{GCP_NAME}:asymmetricSign":
            given = body.get("digest", {})
            data = base64.b64decode(next(iter(given.values()), body.get("data", "")))
            return 200, {"name": GCP_NAME, "signature": b64(self.signed(data, digest=bool(given)))}
        return 404, {"error": {"message": "no such key"}}

    def _algorithm(self) -> str:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return "EC_SIGN_ED25519"
        if not isinstance(self.key, ec.EllipticCurvePrivateKey):
            return "RSA_SIGN_PSS_2048_SHA256"
        size = self.key.curve.key_size
        return f"EC_SIGN_P{size}_SHA{size}"

    def account(self, path: Path) -> Path:
        """A service account file whose tokens come from here."""
        secret = rsa.generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        said = {
            "type": "service_account",
            "project_id": "acme",
            "private_key_id": "1",
            "private_key": secret.decode(),
            "client_email": "signer@acme.iam.example.test",
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }
        path.write_text(json.dumps(said))
        return path


class Azure(Store):
    """An Azure Key Vault with one key, and the managed identity's endpoint beside it."""

    def credentials(self, method: str, path: str, headers: Any, body: bytes) -> Answer | None:
        if not path.startswith("/msi/token"):
            return None
        if headers.get("X-IDENTITY-HEADER") != MSI_SECRET:
            return 403, {"error": "no"}
        [resource] = parse_qs(urlsplit(path).query)["resource"]
        assert resource == "https://vault.azure.net"
        return 200, {
            "access_token": BEARER,
            "expires_on": "4102444800",
            "resource": resource,
            "token_type": "Bearer",
        }

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Answer:
        if headers.get("Authorization") != f"Bearer {BEARER}":
            return 401, {"error": {"code": "Unauthorized"}}
        place, query = urlsplit(path).path, parse_qs(urlsplit(path).query)
        assert query == {"api-version": ["7.4"]}
        kid = f"https://acme.vault.azure.net/keys/release/{AZURE_VERSION}"
        if method == "GET" and place in ("/keys/release", f"/keys/release/{AZURE_VERSION}"):
            return 200, {"key": {"kid": kid, **self._jwk()}, "attributes": {"enabled": True}}
        if method == "POST" and place == f"/keys/release/{AZURE_VERSION}/sign":
            return 200, {"kid": kid, "value": b64url(self._raw(b64url_bytes(body["value"])))}
        return 404, {"error": {"code": "KeyNotFound"}}

    def _jwk(self) -> dict[str, Any]:
        if not isinstance(self.key, ec.EllipticCurvePrivateKey):
            return {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
        numbers, size = self.key.public_key().public_numbers(), (self.key.curve.key_size + 7) // 8
        x, y = (b64url(value.to_bytes(size)) for value in (numbers.x, numbers.y))
        return {"kty": "EC-HSM", "crv": f"P-{self.key.curve.key_size}", "x": x, "y": y}

    def _raw(self, digest: bytes) -> bytes:
        size = len(digest)
        return b"".join(
            part.to_bytes(size) for part in decode_dss_signature(self.signed(digest, digest=True))
        )


@contextmanager
def serving(store: Store) -> Iterator[Any]:
    """Serve a store on loopback."""

    class Handler(_Handler):
        held = store

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        if store.hangs:
            store.hangs.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    held: Store

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, body: bytes) -> None:
        store = self.held
        granted = store.credentials(self.command, self.path, self.headers, body)
        if granted:
            return self._send(granted[0], json.dumps(granted[1]).encode())
        store.asked.append(self.path)
        if store.hangs:
            store.hangs.wait()
        status, said = store.answer(self.command, self.path, self.headers, json.loads(body or b"{}"))
        store.lie(said)
        content = json.dumps(said).encode() if store.raw is None else store.raw
        return self._send(store.status if store.status != 200 else status, content)

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(302 if self.held.location else status)
        if self.held.location:
            self.send_header("Location", self.held.location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def pem(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Key) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def b64url_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
