"""A store on loopback that can be told to lie (Amazon S3 API: ListObjectsV2, GetObject, Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.simulators.loopback import Answer, answering

KEY_ID, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-test-1"


@dataclass
class FakeStore:
    """One bucket, ``models``.

    Attributes:
        objects: content by key.
        versions: content by key and version.
        signed: whether requests must be signed with :data:`SECRET`.
        page: keys on one page at most.
        asked: what was asked, in order: path, query.
        lie: changes an answer before it is sent.
        over: set when the store goes away, so that no answer outlives it.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    versions: dict[tuple[str, str], bytes] = field(default_factory=dict)
    signed: bool = False
    page: int = 1000
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    lie: Callable[[str, dict[str, str], Answer], Answer] = lambda _path, _query, answer: answer
    over: Event = field(default_factory=Event)
    endpoint: str = ""

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(target)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        self.asked.append((path, query))
        if self.signed and not signature_holds(target, headers):
            return 403, {}, [b"<Error><Code>SignatureDoesNotMatch</Code></Error>"]
        bucket, _, key = path.lstrip("/").partition("/")
        if bucket != "models":
            return self.lie(path, query, (404, {}, [b"<Error><Code>NoSuchBucket</Code></Error>"]))
        if not key:
            return self.lie(path, query, (200, {}, [self._listing(query)]))
        version = query.get("versionId")
        content = self.versions.get((key, version)) if version else self.objects.get(key)
        return self.lie(path, query, (404, {}, []) if content is None else (200, {}, [content]))

    def _listing(self, query: dict[str, str]) -> bytes:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > after)
        count = min(self.page, int(query.get("max-keys", "1000")))
        return listing([(name, self.objects[name]) for name in names[:count]], more=len(names) > count)

    def drip(self, block: bytes = b"x") -> Iterator[bytes]:
        """Bytes now and then, without end."""
        while not self.over.wait(0.02):
            yield block

    def stall(self) -> Iterator[bytes]:
        """Nothing, for as long as the store is there."""
        self.over.wait(60)
        yield b""


def listing(objects: Iterable[tuple[str, bytes]], *, more: bool = False) -> bytes:
    """A page of a listing."""
    items, last = [], ""
    for last, content in objects:
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        items.append(
            f"<Contents><Key>{escape(quote(last))}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{etag}&quot;</ETag><Size>{len(content)}</Size></Contents>"
        )
    following = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>models</Name><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"{following}{''.join(items)}</ListBucketResult>"
    ).encode()


def signature_holds(target: str, headers: dict[str, str]) -> bool:
    """Whether a request is signed, computed from what arrived (AWS Signature Version 4, "Create a signed request")."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    said = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme != "AWS4-HMAC-SHA256" or not said.get("Credential", "").startswith(f"{KEY_ID}/"):
        return False
    scope = said["Credential"].partition("/")[2]
    day, region, service, _ = scope.split("/")
    signed = said["SignedHeaders"]
    path, _, query = target.partition("?")
    wanted = "".join(f"{name}:{headers[name]}\n" for name in signed.split(";"))
    canonical = "\n".join(
        ["GET", path, "&".join(sorted(query.split("&"))), wanted, signed, headers["x-amz-content-sha256"]]
    )
    text = "\n".join([scheme, headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return region == REGION and hmac.digest(key, text.encode(), "sha256").hex() == said["Signature"]


@contextmanager
def serving(store: FakeStore) -> Iterator[FakeStore]:
    """The store, reachable at ``store.endpoint``."""

    def answer(_method: str, path: str, headers: Mapping[str, str], _body: bytes) -> Answer:
        return store.answer(path, dict(headers))

    with answering(answer) as host:
        store.endpoint = f"http://{host}"
        try:
            yield store
        finally:
            store.over.set()
