"""Fulcio's, Rekor's (v1 and v2), a timestamp authority's and an OpenID provider's HTTP interfaces, on loopback."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

from tests.simulators.sigstore import Instance, Orders
from tests.simulators.timestamps import answer
from tests.simulators.transparency import LogOrders, dsse_body, rekord_body

SECRET = "a secret of the identity provider, long enough"


@contextmanager
def serving(instance: Instance) -> Iterator[str]:
    """Serve the instance; yields its URL."""

    class Handler(_Handler):
        sigstore = instance

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def token(url: str, identity: str, instance: Instance) -> str:
    """An identity token that the instance's own provider issued."""
    now = int(instance.now().timestamp())
    claims = {"aud": "sigstore", "sub": identity, "iss": url, "iat": now, "exp": now + 600}
    return jwt.encode(claims, SECRET, "HS256")


def trust_config(instance: Instance, url: str, *, log_version: int = 1, stamped: bool = False) -> bytes:
    """What a client must know to sign and verify (ClientTrustConfig, JSON form)."""
    one = {"majorApiVersion": 1, "validFor": {"start": "2020-01-01T00:00:00Z"}, "operator": "example"}
    signing = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [{"url": url, **one}],
        "oidcUrls": [{"url": url, **one}],
        "rekorTlogUrls": [{"url": url, **one, "majorApiVersion": log_version}],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [{"url": f"{url}/timestamp", **one}] if stamped else [],
        "tsaConfig": {"selector": "ANY"},
    }
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": json.loads(instance.trusted_root()),
            "signingConfig": signing,
        }
    ).encode()


class _Handler(BaseHTTPRequestHandler):
    sigstore: Instance

    def do_GET(self) -> None:
        if self.path != "/.well-known/openid-configuration":
            return self.send_error(404)
        url = f"http://{self.headers['Host']}"
        return self._send({"authorization_endpoint": f"{url}/auth", "token_endpoint": f"{url}/token"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/api/v2/signingCert":
                self._send(self._certificate(json.loads(body)))
            case "/api/v1/log/entries":
                self._send(_v1(self._entry(_proposed_v1(json.loads(body)), promised=True)), 201)
            case "/api/v2/log/entries":
                self._send(self._entry(_proposed_v2(json.loads(body)), promised=False), 201)
            case "/timestamp":
                self._raw(answer(self.sigstore.stamper, body, self.sigstore.now()))
            case _:
                self.send_error(404)

    def _certificate(self, asked: dict[str, Any]) -> dict[str, Any]:
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        bearer = bearer or asked["credentials"]["oidcIdentityToken"]
        claims = jwt.decode(bearer, SECRET, ["HS256"], audience="sigstore")
        orders = Orders(identity=claims["sub"], issuer=claims["iss"])
        leaf = self.sigstore.certify(_holder(asked), orders)
        chain = (leaf, self.sigstore.intermediate.certificate, self.sigstore.root.certificate)
        listed = [item.public_bytes(Encoding.PEM).decode() for item in chain]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": listed}}}

    def _entry(self, body: dict[str, Any], *, promised: bool) -> dict[str, Any]:
        log, orders = self.sigstore.log, LogOrders(promised=promised)
        return log.append(rfc8785.dumps(body), self.sigstore.now(), orders)

    def _send(self, value: dict[str, Any], status: int = 200) -> None:
        self._raw(json.dumps(value).encode(), status)

    def _raw(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def _holder(asked: dict[str, Any]) -> Any:
    """The public key to certify: cosign sends it, sigstore-python a signing request."""
    if "publicKeyRequest" in asked:
        return load_pem_public_key(asked["publicKeyRequest"]["publicKey"]["content"].encode())
    return x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"])).public_key()


def _proposed_v1(proposed: dict[str, Any]) -> dict[str, Any]:
    """The body Rekor v1 logs: of an envelope only its hashes."""
    if proposed["kind"] != "dsse":
        return {key: proposed[key] for key in ("apiVersion", "kind", "spec")}
    content = proposed["spec"]["proposedContent"]
    envelope = json.loads(content["envelope"])
    certificate = x509.load_pem_x509_certificate(base64.b64decode(content["verifiers"][0]))
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    return dsse_body(base64.b64decode(envelope["payload"]), signature, certificate)


def _proposed_v2(proposed: dict[str, Any]) -> dict[str, Any]:
    asked = proposed["hashedRekordRequestV002"]
    signature = asked["signature"]
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(signature["verifier"]["x509Certificate"]["rawBytes"])
    )
    digest, content = base64.b64decode(asked["digest"]), base64.b64decode(signature["content"])
    return rekord_body(digest, content, certificate, version=2)


def _v1(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as Rekor v1's interface says it."""
    proof = entry["inclusionProof"]
    said = {
        "logIndex": int(proof["logIndex"]),
        "rootHash": _hex(proof["rootHash"]),
        "treeSize": int(proof["treeSize"]),
        "hashes": [_hex(item) for item in proof["hashes"]],
        "checkpoint": proof["checkpoint"]["envelope"],
    }
    promise = entry["inclusionPromise"]["signedEntryTimestamp"]
    uuid = hashlib.sha256(entry["canonicalizedBody"].encode()).hexdigest()
    return {
        uuid: {
            "body": entry["canonicalizedBody"],
            "integratedTime": int(entry["integratedTime"]),
            "logID": _hex(entry["logId"]["keyId"]),
            "logIndex": int(entry["logIndex"]),
            "verification": {"inclusionProof": said, "signedEntryTimestamp": promise},
        }
    }


def _hex(text: str) -> str:
    return base64.b64decode(text).hex()
